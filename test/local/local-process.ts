import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPostmasterFile, stopLeftover } from '#apps/local/src/leftover-postgres.js';

const MAIN = fileURLToPath(new URL('../../dist/apps/local/src/main.js', import.meta.url));
const ORIGIN = /^API +(http:\S+)\/v1$/m;

/** A data folder in the system's temporary folder, and the processes that were started on it; `remove` ends and deletes all of it. */
export class LocalFolder {
  private readonly processes: LocalProcess[] = [];

  private constructor(readonly path: string) {}

  static async create(): Promise<LocalFolder> {
    return new LocalFolder(await realpath(await mkdtemp(path.join(os.tmpdir(), 'governance-local-'))));
  }

  /** Starts `apps/local` as `npm start` does, on a free port, without demo data unless `environment` says otherwise. */
  start(environment: Record<string, string> = {}): LocalProcess {
    const started = new LocalProcess({ LOCAL_DATA_DIR: this.path, LOCAL_DEMO: 'off', API_PORT: '0', ...environment });
    this.processes.push(started);
    return started;
  }

  /** The process id of the PostgreSQL on this folder, by its own file; null where it has stopped cleanly. */
  async postmasterId(): Promise<number | null> {
    return (await readPostmasterFile(this.postgres))?.pid ?? null;
  }

  async remove(): Promise<void> {
    await Promise.all(this.processes.map((started) => started.kill()));
    await stopLeftover(this.postgres);
    // The initdb of a start that was killed may still be writing there for a moment.
    await rm(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  private get postgres(): string {
    return path.join(this.path, 'postgres');
  }
}

export class LocalProcess {
  stdout = '';
  stderr = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(environment: Record<string, string>) {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(API|LOCAL|CONNECTOR)_|^NODE_(ENV|OPTIONS)$/.test(name));
    const env = { ...Object.fromEntries(inherited), ...environment };
    this.child = spawn(process.execPath, ['--enable-source-maps', MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Resolves to where it answers; rejects with all that it said when it ends instead. */
  async ready(): Promise<string> {
    const gone = this.ended.then((code) => {
      throw new Error(`It ended with ${code} instead of being ready.\n${this.stdout}\n${this.stderr}`);
    });
    await this.said((output) => ORIGIN.test(output), gone);
    return ORIGIN.exec(this.stdout)?.[1] ?? '';
  }

  /** Resolves when what it has written to stdout fits. */
  async said(fits: (output: string) => boolean, orElse: Promise<never> = new Promise(() => undefined)): Promise<void> {
    while (!fits(this.stdout)) await Promise.race([once(this.child.stdout ?? this.child, 'data'), orElse]);
  }

  /** The exit code; null when a signal ended it. */
  exited(): Promise<number | null> {
    return this.ended;
  }

  signal(name: NodeJS.Signals): Promise<number | null> {
    this.child.kill(name);
    return this.ended;
  }

  kill(): Promise<number | null> {
    return this.signal('SIGKILL');
  }
}

/** A list of the API, all pages of it. */
export async function listAll(origin: string, list: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  for (let next: string | null = ''; next !== null;) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
    const response = await fetch(`${origin}${list}?limit=100${cursor}`);
    if (response.status !== 200) throw new Error(`${list} answered ${response.status}: ${await response.text()}`);
    const page = (await response.json()) as { items: Record<string, unknown>[]; nextCursor: string | null };
    items.push(...page.items);
    next = page.nextCursor;
  }
  return items;
}

/** Creates a principal and answers its id. */
export async function createPrincipal(origin: string, displayName: string): Promise<string> {
  const body = JSON.stringify({ type: 'user', displayName });
  const response = await fetch(`${origin}/v1/principals`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  if (response.status !== 201) throw new Error(`POST /v1/principals answered ${response.status}: ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}
