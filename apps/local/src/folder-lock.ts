import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { systemCode } from './start-error.js';

/** Held until `release`, or until the process ends in whatever way: the operating system gives it back, so no stale lock can exist. */
export interface FolderLock {
  release(): Promise<void>;
}

/** Darwin's open(2) flag that takes an exclusive flock while opening; Node has no name for it. */
const O_EXLOCK = 0x20;

/**
 * Takes the folder for this process alone; null when another process of this machine has it. A file with a process id in it would
 * not do: it outlives a kill -9, and two starts at once can both find it stale.
 */
export async function lockFolder(folder: string): Promise<FolderLock | null> {
  return process.platform === 'linux' ? lockByAbstractSocket(folder) : lockByExclusiveOpen(folder);
}

/** The name is made of device and inode, so that two paths of one folder are one lock. */
async function lockByAbstractSocket(folder: string): Promise<FolderLock | null> {
  const { dev, ino } = await stat(folder, { bigint: true });
  const server = createServer((socket) => socket.destroy()).unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error) => (systemCode(error) === 'EADDRINUSE' ? resolve(null) : reject(error)));
    server.listen(`\0access-governance-local-${dev}-${ino}`, () =>
      resolve({ release: () => new Promise((done) => server.close(() => done())) }),
    );
  });
}

async function lockByExclusiveOpen(folder: string): Promise<FolderLock | null> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK;
  try {
    const file = await open(path.join(folder, 'lock'), flags, 0o600);
    return { release: () => file.close() };
  } catch (error) {
    if (systemCode(error) === 'EAGAIN') return null;
    throw error;
  }
}
