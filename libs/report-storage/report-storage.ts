import type { Readable } from 'node:stream';

/** What was stored, counted and hashed while it went by: `sha256` is lower-case hex. */
export interface StoredFile {
  bytes: number;
  sha256: string;
}

/** Bytes of a file, the first and the last of them included. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Where the files of reports are. A file is there whole or not at all: what is being written is seen by nobody, and what fails half-way, in
 * the source or in the storage, leaves nothing that `open` would find. Keys are letters, digits, `.`, `_`, `-`, and `/` between them.
 */
export interface ReportStorage {
  /** Keeps what `source` yields; a file of that key is replaced. Takes from the source no faster than it can write. */
  write(key: string, source: AsyncIterable<Uint8Array>): Promise<StoredFile>;
  /**
   * The bytes of a file, or those of a range that lies within it. Destroying the stream lets go of the file.
   *
   * @throws FileMissingError where there is no file of that key
   */
  open(key: string, range?: ByteRange): Promise<Readable>;
  /** Deletes a file; one that is not there is gone already. */
  remove(key: string): Promise<void>;
  /** Lets go of connections. */
  close(): void;
}

export const REPORT_STORAGE = Symbol('ReportStorage');

/** No file has that key. */
export class FileMissingError extends Error {
  constructor(key: string, options?: ErrorOptions) {
    super(`There is no file ${key}.`, options);
  }
}

const SEGMENT = '[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}';
const KEY = new RegExp(`^${SEGMENT}(/${SEGMENT}){0,7}$`);

/** Keys become paths and addresses: none leads out of its folder, and none is hidden. @throws Error for a key that might */
export function checkKey(key: string): string {
  if (!KEY.test(key)) throw new Error('A key of the storage is letters, digits, dots, dashes and slashes.');
  return key;
}
