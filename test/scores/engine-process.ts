import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A decay engine in a process of its own, as it runs in production: built, see the script `build`. */
export class EngineProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Resolves when it runs, which says nothing of the parts that it needs. */
  static async start(environment: Record<string, string>): Promise<EngineProcess> {
    const child = spawn(process.execPath, ['--enable-source-maps', 'dist/apps/decay-engine/src/main.js'], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', API_AUTH_MODE: 'dev', API_DATABASE_POOL_SIZE: '8', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const running = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        output = `${output}${line}\n`.slice(-20_000);
        if (line.includes('"msg":"running"')) resolve();
      });
    });
    const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The engine exited with ${String(code)}: ${output}`)));
    await Promise.race([running, died]);
    died.catch(() => undefined);
    return new EngineProcess(child);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}
