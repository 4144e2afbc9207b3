import { execFile } from 'node:child_process';
import { readFile, readlink, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { StartError, systemCode } from './start-error.js';

const FAST_SHUTDOWN_MS = 15_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const POLL_MS = 20;

/** What a postmaster writes about itself into its data directory. */
export interface PostmasterFile {
  pid: number;
  isReady: boolean;
}

/** Reads `postmaster.pid`; null where there is none, or it is just being written. */
export async function readPostmasterFile(directory: string): Promise<PostmasterFile | null> {
  const text = await readFile(path.join(directory, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  // The eighth line is the status (LOCK_FILE_LINE_PM_STATUS in PostgreSQL's miscadmin.h).
  return Number.isSafeInteger(pid) && pid > 0 ? { pid, isReady: lines[7]?.trim() === 'ready' } : null;
}

/**
 * Stops the PostgreSQL that a killed run left behind on this data directory. A process is signalled only after it was seen to be a
 * postmaster of this very directory: its number may meanwhile belong to anything else. Call it with the data folder locked.
 *
 * @throws StartError when it belongs to another user or does not stop
 */
export async function stopLeftover(directory: string): Promise<boolean> {
  const file = await readPostmasterFile(directory);
  if (file === null || !isAlive(file.pid)) return false;
  if (!(await isPostmasterOf(file.pid, directory))) {
    // PostgreSQL itself only asks whether the number is taken, and would refuse to start.
    await rm(path.join(directory, 'postmaster.pid'), { force: true });
    return false;
  }
  process.kill(file.pid, 'SIGINT');
  if (await ended(file.pid, directory, FAST_SHUTDOWN_MS)) return true;
  process.kill(file.pid, 'SIGQUIT');
  if (await ended(file.pid, directory, IMMEDIATE_SHUTDOWN_MS)) return true;
  throw new StartError(`A PostgreSQL of an earlier run (process ${file.pid}) does not stop; end it and start again.`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** A process that has ended and that nobody has waited for still answers to its number, in a container for ever; it has no folder any more. */
async function ended(pid: number, directory: string, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(pid) && (await isPostmasterOf(pid, directory))) {
    if (Date.now() > deadline) return false;
    await pause(POLL_MS);
  }
  return true;
}

async function isPostmasterOf(pid: number, directory: string): Promise<boolean> {
  try {
    if (process.platform !== 'linux') return await commandNames(pid, directory);
    // A postmaster works in its data directory. The program's path may end in " (deleted)" after a reinstall.
    const [folder, program] = await Promise.all([readlink(`/proc/${pid}/cwd`), readlink(`/proc/${pid}/exe`)]);
    return folder === directory && path.basename(program).startsWith('postgres');
  } catch (error) {
    if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') return false;
    throw new StartError(
      `Process ${pid} of another user may be a PostgreSQL on ${directory}; end it, or set LOCAL_DATA_DIR to another folder.`,
    );
  }
}

async function commandNames(pid: number, directory: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]);
  return /postgres/.test(stdout) && stdout.includes(`-D ${directory}`);
}
