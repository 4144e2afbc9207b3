import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readPostmasterFile, stopLeftover } from './leftover-postgres.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { postgresBinaries } from './postgres-binaries.js';
import { StartError, systemCode } from './start-error.js';
import type { Account } from './unprivileged-account.js';
import { accountFor, launchAs } from './unprivileged-account.js';

const USER = 'gateway';
const UNFINISHED = 'postgres.new-';
const ATTEMPTS = 4;
/** Long enough for the recovery after a crash. */
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 10_000;
const POLL_MS = 20;
/** What another process, or the dying rest of a killed one, causes and a moment cures. */
const PASSING = /Address already in use|could not bind|shared memory block/i;

/** A running PostgreSQL: durable (its defaults), on 127.0.0.1 and a free port, with SCRAM and a password of its own. */
export interface EmbeddedPostgres {
  url: string;
  /** Resolves when the server is gone, whoever ended it. */
  exited: Promise<void>;
  /** Ends its sessions and stops it. */
  stop(): Promise<void>;
}

interface Installation {
  folder: string;
  directory: string;
  binaries: PostgresBinaries;
  account: Account | null;
}

/**
 * Starts PostgreSQL on `<folder>/postgres`, which is made first where there is none. One that a killed run left there is stopped before.
 * A start that is cut off at any point, by the signal too, is completed by the next one. Log: `<folder>/postgres.log`, of this run.
 *
 * @throws StartError with what PostgreSQL said when it does not start
 */
export async function startEmbeddedPostgres(folder: string, signal: AbortSignal): Promise<EmbeddedPostgres> {
  const directory = path.join(folder, 'postgres');
  const binaries = await postgresBinaries();
  const installation: Installation = { folder, directory, binaries, account: await accountFor(directory) };
  await stopLeftover(directory);
  const password = await keptPassword(folder);
  if (!(await exists(directory))) await initialise(installation, password, signal);
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const port = await freePort();
    const server = await startServer(installation, port);
    if (await isReady(server, directory, signal)) {
      return { url: `postgresql://${USER}:${password}@127.0.0.1:${port}/postgres`, exited: server.exited, stop: () => stop(server) };
    }
    const said = await lastFatal(folder);
    if (attempt === ATTEMPTS || !PASSING.test(said)) throw new StartError(`The embedded PostgreSQL does not start: ${said}`);
    await pause(250 * attempt);
  }
}

interface Server {
  child: ChildProcess;
  exited: Promise<void>;
}

async function startServer(installation: Installation, port: number): Promise<Server> {
  const { directory, binaries, account } = installation;
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'timezone=UTC', 'max_connections=100'];
  const args = ['-D', directory, ...settings.flatMap((setting) => ['-c', setting])];
  const launch = await launchAs(account, binaries.postgres, args, [directory]);
  const log = await open(logFile(installation.folder), 'w', 0o600);
  try {
    // A session of its own: Ctrl-C in a terminal goes to the whole group, and the server must outlive the requests that are being finished.
    const child = spawn(launch.command, launch.args, { ...spawnOptions(launch), detached: true, stdio: ['ignore', log.fd, log.fd] });
    return { child, exited: ending(child) };
  } finally {
    await log.close();
  }
}

async function ending(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
}

/** False when it ended instead. */
async function isReady(server: Server, directory: string, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN_MS;
  const { child } = server;
  while (child.exitCode === null && child.signalCode === null) {
    const file = await readPostmasterFile(directory);
    if (file?.pid === child.pid && file?.isReady === true) return true;
    if (signal.aborted || Date.now() > deadline) await stop(server);
    signal.throwIfAborted();
    await pause(POLL_MS);
  }
  return false;
}

async function stop({ child, exited }: Server): Promise<void> {
  // SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one.
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}

/**
 * Made beside its final place and then renamed, so that a directory with the final name is always whole. The name is a new one each time:
 * the initdb of a killed start may still be writing to the last one.
 */
async function initialise({ folder, directory, binaries, account }: Installation, password: string, signal: AbortSignal): Promise<void> {
  await removeUnfinished(folder);
  const fresh = path.join(folder, `${UNFINISHED}${randomBytes(6).toString('hex')}`);
  const passwordFile = `${fresh}.password`;
  await mkdir(fresh, { mode: 0o700 });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account !== null) await Promise.all([fresh, passwordFile].map((target) => chown(target, account.uid, account.gid)));
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = [`--username=${USER}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const launch = await launchAs(account, binaries.initdb, ['-D', fresh, ...access, ...locale, '--no-instructions'], [fresh, passwordFile]);
  const child = spawn(launch.command, launch.args, { ...spawnOptions(launch), signal, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new StartError(`The embedded PostgreSQL cannot be set up: ${oneLine(said) || `initdb ended with ${code}`}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(fresh, directory);
}

/** Of our environment the server gets nothing but what it needs: it has no use for our secrets. */
function spawnOptions(launch: { uid?: number; gid?: number }) {
  const { PATH, LD_LIBRARY_PATH } = process.env;
  const env: NodeJS.ProcessEnv = { PATH, LC_ALL: 'C', TZ: 'UTC', ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }) };
  return { env, cwd: '/', uid: launch.uid, gid: launch.gid };
}

async function removeUnfinished(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(UNFINISHED));
  // What an initdb that is still running puts back goes at the next occasion.
  await Promise.all(names.map((name) => rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined)));
}

async function keptPassword(folder: string): Promise<string> {
  const file = path.join(folder, 'postgres-password');
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  if (kept.trim() !== '') return kept.trim();
  if (await exists(path.join(folder, 'postgres')))
    throw new StartError(`The data folder ${folder} is damaged: postgres-password is missing.`);
  const password = randomBytes(24).toString('hex');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  return password;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new StartError('No free port was found on 127.0.0.1.');
  return address.port;
}

async function exists(target: string): Promise<boolean> {
  return stat(target).then(
    () => true,
    () => false,
  );
}

const logFile = (folder: string): string => path.join(folder, 'postgres.log');
const oneLine = (text: string): string =>
  text
    .trim()
    .split(/\s*\n\s*/)
    .join(' ');

async function lastFatal(folder: string): Promise<string> {
  const lines = (await readFile(logFile(folder), 'utf8').catch(() => '')).trim().split('\n');
  const fatal = lines.filter((line) => /FATAL|PANIC|could not bind|Address already in use/.test(line));
  return oneLine((fatal.length > 0 ? fatal.slice(-2) : lines.slice(-1)).join(' ')) || 'it ended without a word';
}
