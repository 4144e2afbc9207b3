import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from './start-error.js';

/** The account that PostgreSQL runs under, since it refuses to run as root. */
export interface Account {
  uid: number;
  gid: number;
}

/** What `spawn` is to be given. */
export interface Launch {
  command: string;
  args: string[];
  uid?: number;
  gid?: number;
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'];
const CAPABILITY = '+dac_override';

/**
 * The account for a data directory: null, the process' own, unless that is root. As root, the owner of an existing directory, else
 * `postgres` where the machine has it, else `nobody`; no account is made.
 *
 * @throws StartError where a root process finds none of them
 */
export async function accountFor(directory: string): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(directory).catch(() => null);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] =
      passwd
        .split('\n')
        .find((line) => line.startsWith(`${name}:`))
        ?.split(':') ?? [];
    if (Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new StartError(
    'PostgreSQL does not run as root, and this machine has neither a postgres nor a nobody account; start as another user.',
  );
}

/**
 * How to launch a program under an account. A checkout below a folder that is closed to others (`/root`, `mktemp -d`) cannot be reached
 * by that account; there the program keeps root's right to pass folders, and nothing else of root.
 */
export async function launchAs(account: Account | null, command: string, args: string[], paths: string[]): Promise<Launch> {
  if (account === null) return { command, args };
  const reachable = await Promise.all([command, ...paths].map((target) => isReachable(path.dirname(target))));
  const setpriv = SETPRIV.find((file) => existsSync(file));
  if (reachable.every(Boolean) || setpriv === undefined) return { command, args, ...account };
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return { command: setpriv, args: [...identity, `--inh-caps=${CAPABILITY}`, `--ambient-caps=${CAPABILITY}`, '--', command, ...args] };
}

/** Whether everybody may pass each folder of a path. */
async function isReachable(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  return folder === path.dirname(folder) || isReachable(path.dirname(folder));
}
