import { access, constants, mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { FolderLock } from './folder-lock.js';
import { lockFolder } from './folder-lock.js';
import { StartError, systemCode } from './start-error.js';

/** The layout of the folder. Raise it when an older application could not read what this one writes. */
export const FORMAT_VERSION = 1;
const FORMAT_FILE = 'format';
const NO_DATA = new Set([FORMAT_FILE, 'lock']);

/** The folder where the local app keeps everything, held for this process alone. */
export interface DataFolder {
  /** Absolute, without symbolic links. */
  path: string;
  release(): Promise<void>;
}

/**
 * Opens the data folder, and makes it where there is none.
 *
 * @throws StartError when it cannot be written, holds something else, is in use, or was written by a newer version
 */
export async function openDataFolder(wanted: string): Promise<DataFolder> {
  const folder = await writableFolder(wanted);
  const lock = await lockFolder(folder);
  if (lock === null) {
    throw new StartError(`The data folder ${wanted} is in use by another process; stop that one, or set LOCAL_DATA_DIR to another folder.`);
  }
  try {
    await checkFormat(folder, wanted);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return { path: folder, release: once(lock) };
}

async function writableFolder(wanted: string): Promise<string> {
  try {
    // Not readable by others, yet they may pass: as root, PostgreSQL runs under another account.
    await makeFolder(wanted, 0o711);
    const folder = await realpath(wanted);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    await readdir(folder);
    return folder;
  } catch (error) {
    throw new StartError(
      `The data folder ${wanted} cannot be written (${systemCode(error) ?? 'unknown error'}); set LOCAL_DATA_DIR to one that can.`,
    );
  }
}

/** Step by step: Node's recursive mkdir never comes back where the system answers ENOENT for a folder that cannot be, as below `/proc`. */
async function makeFolder(folder: string, mode?: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return;
    if (systemCode(error) !== 'ENOENT') throw error;
    await makeFolder(path.dirname(folder));
    await mkdir(folder, { mode });
  }
}

async function checkFormat(folder: string, wanted: string): Promise<void> {
  const file = path.join(folder, FORMAT_FILE);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  // An empty format file is a first start that was cut off before it wrote anything else.
  if (text.trim() === '') {
    const foreign = (await readdir(folder)).filter((name) => !NO_DATA.has(name));
    if (foreign.length > 0)
      throw new StartError(`The folder ${wanted} holds something else; set LOCAL_DATA_DIR to an empty or a new folder.`);
    await writeFile(file, `${FORMAT_VERSION}\n`, { mode: 0o600 });
    return;
  }
  const version = /^\d+$/.test(text.trim()) ? Number(text) : null;
  if (version === null) throw new StartError(`The data folder ${wanted} is damaged: its file ${FORMAT_FILE} holds no version.`);
  if (version > FORMAT_VERSION) {
    throw new StartError(
      `The data folder ${wanted} was written by a newer version (format ${version}, this one reads up to ${FORMAT_VERSION}); update, or set LOCAL_DATA_DIR to another folder.`,
    );
  }
}

function once(lock: FolderLock): () => Promise<void> {
  let released: Promise<void> | null = null;
  return () => (released ??= lock.release());
}
