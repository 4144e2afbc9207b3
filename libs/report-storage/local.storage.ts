import { UnavailableError } from '#libs/errors/errors.js';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Measured } from './measured.js';
import { type ByteRange, checkKey, FileMissingError, type ReportStorage, type StoredFile } from './report-storage.js';

/** Where files are while they are written. Within the same folder, since a file is renamed into its place and cannot be across devices. */
const DRAFTS = '.drafts';
/** A draft that nobody has written to for so long is left over from a process that died, in milliseconds. */
const ABANDONED_MS = 24 * 3_600_000;
const CHUNK_BYTES = 256 * 1024;

/** Files in a folder of this machine, or one that is mounted on every machine with a gateway or a worker. */
export class LocalStorage implements ReportStorage {
  private swept: Promise<void> | undefined;

  constructor(private readonly folder: string) {}

  async write(key: string, source: AsyncIterable<Uint8Array>): Promise<StoredFile> {
    const target = this.pathOf(key);
    const draft = path.join(this.folder, DRAFTS, randomUUID());
    try {
      // Whoever may read the folder may read every report.
      await mkdir(path.dirname(draft), { recursive: true, mode: 0o700 });
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      await (this.swept ??= this.sweep());
      const stored = await writeDraft(draft, source);
      await rename(draft, target);
      await syncFolder(path.dirname(target));
      return stored;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async open(key: string, range?: ByteRange): Promise<Readable> {
    const file = this.pathOf(key);
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
      throw codeOf(error) === 'ENOENT' ? new FileMissingError(key, { cause: error }) : away(error);
    });
    return handle.createReadStream({ ...range, highWaterMark: CHUNK_BYTES });
  }

  async remove(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true });
  }

  close(): void {
    // A folder has no connections.
  }

  private pathOf(key: string): string {
    return path.join(this.folder, ...checkKey(key).split('/'));
  }

  /** Once in a process: takes away what processes that died have left half-written. */
  private async sweep(): Promise<void> {
    const folder = path.join(this.folder, DRAFTS);
    for (const name of await readdir(folder)) {
      const draft = path.join(folder, name);
      const written = await stat(draft).catch(() => null);
      if (written && written.mtimeMs < Date.now() - ABANDONED_MS) await rm(draft, { force: true });
    }
  }
}

async function writeDraft(draft: string, source: AsyncIterable<Uint8Array>): Promise<StoredFile> {
  const handle = await open(draft, 'wx', 0o600);
  try {
    const measured = new Measured(source);
    for await (const chunk of measured) await writeAll(handle, chunk);
    // Before it is renamed: after a power cut a name must not stand for bytes that never reached the disk.
    await handle.sync();
    return measured.result();
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await handle.write(chunk, written)).bytesWritten;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

function away(error: unknown): UnavailableError {
  return new UnavailableError('The storage of reports cannot be read for the moment.', { cause: error });
}
