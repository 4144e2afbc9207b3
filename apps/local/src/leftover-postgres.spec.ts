import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { stopLeftover } from './leftover-postgres.js';

describe('a PostgreSQL that was left behind', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await realpath(await mkdtemp(path.join(os.tmpdir(), 'governance-leftover-')));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is not taken for a process that merely has its number now, also when that works in the same folder', async () => {
    const bystander = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { cwd: directory, stdio: ['pipe', 'ignore', 'ignore'] });
    await once(bystander, 'spawn');
    await writeFile(path.join(directory, 'postmaster.pid'), `${bystander.pid}\n${directory}\n0\n5432\n\n\n\nready\n`);
    expect(await stopLeftover(directory)).toBe(false);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    // PostgreSQL would refuse to start while its file names a live process.
    expect(await readdir(directory)).toEqual([]);
    bystander.stdin.end();
    await once(bystander, 'close');
  });

  it('is nothing where there is no directory yet', async () => {
    expect(await stopLeftover(path.join(directory, 'none'))).toBe(false);
  });
});
