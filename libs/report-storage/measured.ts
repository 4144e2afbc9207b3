import { createHash } from 'node:crypto';
import type { StoredFile } from './report-storage.js';

/** Passes bytes on and keeps count of them; `result` is right once the last has been taken. */
export class Measured {
  private readonly hash = createHash('sha256');
  private bytes = 0;

  constructor(private readonly source: AsyncIterable<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.source) {
      this.hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  result(): StoredFile {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}
