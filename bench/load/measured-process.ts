import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, watchdog } from '../../test/support/postgres-server.js';
import { eventually } from '../../test/support/eventually.js';

const START_MS = 60_000;

/** A server in a process of its own, on a free port of 127.0.0.1. What it prints goes to a file, as under a process manager: reading it here would cost the load its core. */
export class MeasuredProcess {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
    private readonly folder: string,
    /** Ends it where this process is gone without having done so. */
    private readonly guard: ChildProcess,
  ) {}

  /** @param command a program and its arguments, where `{port}` stands for the port */
  static async start(
    command: readonly [string, ...string[]],
    options: { environment: (port: number) => Record<string, string>; ready: string },
  ): Promise<MeasuredProcess> {
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
    const log = openSync(join(folder, 'log'), 'a');
    const [program, ...args] = command;
    const child = spawn(
      program,
      args.map((arg) => arg.replace('{port}', String(port))),
      {
        env: { PATH: process.env['PATH'], ...options.environment(port) },
        stdio: ['ignore', log, log],
      },
    );
    closeSync(log);
    const server = new MeasuredProcess(`http://127.0.0.1:${port}`, child, folder, watchdog(child, folder, 'KILL'));
    child.once('error', () => undefined);
    try {
      await eventually(async () => {
        const ended = child.exitCode !== null || child.pid === undefined;
        return ended || (await fetch(`${server.url}${options.ready}`)).status < 500;
      }, START_MS);
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`It ended with ${String(child.exitCode)}.`);
    } catch (error) {
      const printed = readFileSync(join(folder, 'log'), 'utf8').slice(-4_000);
      await server.stop();
      throw new Error(`${command.join(' ')} did not start:\n${printed}`, { cause: error });
    }
    return server;
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** What it holds in memory now, in MB, as the kernel counts it. */
  residentMegabytes(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  }

  openHandles(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Lines of what it printed that Node itself wrote to warn of something, a leak of listeners for example. */
  warnings(): string[] {
    const printed = readFileSync(join(this.folder, 'log'), 'utf8');
    return printed.split('\n').filter((line) => line.startsWith('(node:'));
  }

  /** Processor time used so far, in seconds. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async stop(): Promise<void> {
    if (this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await exited;
    }
    this.guard.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}
