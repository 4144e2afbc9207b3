import type { Sql } from 'sql-template-tag';

/** Texts one after the other with nothing between them; a chunk may begin and end within one. */
export interface Texts {
  bytes: Uint8Array;
  /** How many begin in it. */
  count: number;
}

/** What COPY in its binary format begins with: a signature, flags, and the length of an extension that there never is. */
const HEADER_BYTES = 19;
/** Before each text: that the row has one column, and how long it is. After the last there are two bytes, too few for that. */
const PREFIX_BYTES = 6;

/** So much is passed on at once: whoever writes it somewhere has a turn with the disk for each. */
const CHUNK_BYTES = 1024 * 1024;

/** Takes apart what COPY sends of a query with one column of type text, in the binary format: the only one that leaves the bytes as they are. */
export async function* copiedTexts(source: AsyncIterable<Buffer>): AsyncGenerator<Texts> {
  let left: Buffer = Buffer.alloc(0);
  let isBegun = false;
  let missing = 0;
  let [bytes, written, count] = [Buffer.allocUnsafe(CHUNK_BYTES), 0, 0];
  for await (const chunk of source) {
    const data = left.length > 0 ? Buffer.concat([left, chunk]) : chunk;
    let at = 0;
    if (!isBegun && data.length >= HEADER_BYTES) [isBegun, at] = [true, HEADER_BYTES];
    while (isBegun) {
      const copied = data.copy(bytes, written, at, Math.min(at + missing, data.length));
      [at, written, missing] = [at + copied, written + copied, missing - copied];
      if (written === bytes.length) {
        yield { bytes, count };
        [bytes, written, count] = [Buffer.allocUnsafe(CHUNK_BYTES), 0, 0];
        continue;
      }
      if (missing > 0 || data.length - at < PREFIX_BYTES) break;
      missing = data.readInt32BE(at + 2);
      if (missing < 0) throw new Error('A text that was to be copied is NULL.');
      at += PREFIX_BYTES;
      count += 1;
    }
    left = data.subarray(at);
  }
  if (written > 0) yield { bytes: bytes.subarray(0, written), count };
}

/** A query with its values written into it, each as a literal whose type PostgreSQL finds out as it does a parameter's. COPY has no parameters. */
export function withLiterals({ strings, values }: Sql, quote: (text: string) => string): string {
  return strings.reduce((text, part, index) => `${text}${literal(values[index - 1], quote)}${part}`);
}

function literal(value: unknown, quote: (text: string) => string): string {
  if (value === null) return 'NULL';
  if (value instanceof Date) return quote(value.toISOString());
  if (Array.isArray(value)) return quote(`{${value.map((each) => `"${String(each).replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`);
  if (typeof value === 'string' || typeof value === 'number') return quote(String(value));
  throw new TypeError(`There is no literal for a value of type ${typeof value}.`);
}
