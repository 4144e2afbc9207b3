import type { Readable } from 'node:stream';
import type { ByteRange } from './report-storage.js';

/** A file as it is handed out: what is to be known of it beforehand, and its bytes, or some of them, when they are asked for. */
export class FileContent {
  constructor(
    readonly file: {
      name: string;
      contentType: string;
      bytes: number;
      /** Lower-case hex, of the whole file. */
      sha256: string;
      modifiedAt: Date;
    },
    readonly open: (range?: ByteRange) => Promise<Readable>,
  ) {}
}
