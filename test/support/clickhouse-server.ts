import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = join(process.cwd(), 'dist', 'test', 'engines', 'clickhouse-server.js');
const START_TIMEOUT_MS = 30_000;

/**
 * ClickHouse over HTTP on 127.0.0.1 and a free port, as a process of its own (test/engines/clickhouse-server.ts, run from dist: build
 * first). It ends with the process that started it.
 */
export class ClickHouseServer {
  private process: ChildProcess | null = null;
  private port = 0;
  private readonly password = randomBytes(9).toString('hex');

  private constructor(private readonly folder: string) {}

  /** Starts a server on an empty folder; it answers when the promise resolves. */
  static async start(): Promise<ClickHouseServer> {
    const server = new ClickHouseServer(await mkdtemp(join(tmpdir(), 'gateway-clickhouse-')));
    try {
      await server.launch();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** What API_CLICKHOUSE_URL would be. */
  url(database = 'default'): string {
    return `http://default:${this.password}@127.0.0.1:${this.port}/${database}`;
  }

  /** Ends it in order and keeps its data. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Kills it with SIGKILL and keeps its data. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Starts it again on the same port and data; a running one is stopped first. */
  async restart(): Promise<void> {
    await this.stop();
    await this.launch();
  }

  /** Makes it hang: connections are taken, nothing is answered, until `resume()`. */
  pause(): void {
    this.process?.kill('SIGSTOP');
  }

  resume(): void {
    this.process?.kill('SIGCONT');
  }

  /** Ends it and deletes its data. */
  async remove(): Promise<void> {
    await this.end('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  private async launch(): Promise<void> {
    if (!existsSync(PROGRAM)) throw new Error('The ClickHouse server of the tests is not built: npm run build.');
    const child = spawn(process.execPath, [PROGRAM, this.folder, String(this.port)], {
      env: { ...process.env, NODE_OPTIONS: '', UV_THREADPOOL_SIZE: '16', CLICKHOUSE_PASSWORD: this.password },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.process = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-10_000)));
    this.port = await new Promise<number>((resolve, reject) => {
      const failed = (reason: string): void => reject(new Error(`The ClickHouse server did not start (${reason}):\n${errors}`));
      const timer = setTimeout(() => failed(`nothing after ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString())));
      child.once('close', (code) => failed(`exit code ${String(code)}`));
      child.stdout.once('close', () => clearTimeout(timer));
      child.stdout.once('data', () => clearTimeout(timer));
    });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }
}
