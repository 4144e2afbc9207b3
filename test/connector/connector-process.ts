import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import type { RunSummary } from '#apps/connector-postgres/src/run.js';

const MAIN = resolve(import.meta.dirname, '../../dist/apps/connector-postgres/src/main.js');

/** The connector as a process of its own, from `dist` (`npm test` builds it), with these variables and no other of its kind. */
export class ConnectorProcess {
  private output = '';
  private errors = '';
  private readonly ended: Promise<number | null>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  static start(variables: Record<string, string>): ConnectorProcess {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CONNECTOR_')));
    return new ConnectorProcess(spawn(process.execPath, [MAIN], { env: { ...own, ...variables }, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  kill(signal: 'SIGKILL' | 'SIGTERM'): void {
    this.child.kill(signal);
  }

  /** Waits for the end; `code` is null where a signal ended it. */
  async end(): Promise<{ code: number | null; summaries: RunSummary[]; stderr: string }> {
    const code = await this.ended;
    const lines = this.output.split('\n').filter((line) => line !== '');
    return { code, summaries: lines.map((line) => JSON.parse(line) as RunSummary), stderr: this.errors };
  }

  /** How many summaries it has printed so far. */
  get runs(): number {
    return this.output.split('\n').length - 1;
  }
}
