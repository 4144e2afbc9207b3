/** Stands between the bare values of a page. Of all that they can be, only free text may have it in it, which comes out as a value too many. */
export const SEPARATOR = '\x1f';

const UNIT = SEPARATOR.charCodeAt(0);
const [SPACE, QUOTE, BACKSLASH, T] = [0x20, 0x22, 0x5c, 0x54];
/** What comes of one unit of a string at most: three bytes of UTF-8, or an escape such as `\u001f`. */
const [UTF8_BYTES, ESCAPED_BYTES] = [3, 6];
/** Where `2026-01-31 09:00:00.123001+00` has its blank, and where its milliseconds end. */
const [DATE_END, MILLISECONDS_END] = [10, 23];

const NULL = Buffer.from('null');
const ESCAPES = Array.from({ length: BACKSLASH + 1 }, (_, code) => Buffer.from(JSON.stringify(String.fromCharCode(code)).slice(1, -1)));

/** Serves all pages that fit into it, one after another. A larger one has memory of its own. */
const shared = Buffer.allocUnsafeSlow(512 * 1024);

/**
 * Makes JSON of bare values, byte by byte: in strings a page of fifty scores would be 2,000 objects. Each call that writes a value goes on to the
 * next one. It is to be done with before another is made.
 */
export class JsonWriter {
  private readonly source: Buffer;
  private readonly target: Buffer;
  private readonly length: number;
  private at = 0;
  private end = 0;
  private missing = false;

  /** @param pieceBytes how much is written at most besides the values */
  constructor(values: string, pieceBytes: number) {
    const sourceBytes = values.length * UTF8_BYTES + 1;
    const room = sourceBytes + values.length * ESCAPED_BYTES + pieceBytes;
    const memory = room <= shared.length ? shared : Buffer.allocUnsafe(room);
    this.source = memory.subarray(0, sourceBytes);
    this.target = memory.subarray(sourceBytes);
    this.length = this.source.write(values);
    this.source[this.length] = UNIT;
  }

  /** Whether all values have been written, and none that is not there. */
  get done(): boolean {
    return this.at === this.length + 1 && !this.missing;
  }

  /** What has been written. */
  get json(): string {
    return this.target.toString('utf8', 0, this.end);
  }

  piece(bytes: Uint8Array): void {
    this.target.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** The next value as it is. */
  asItIs(): void {
    if (this.isMissing()) return;
    const { source, target } = this;
    let { at, end } = this;
    for (let byte; (byte = source[at++]) !== UNIT;) target[end++] = byte as number;
    this.at = at;
    this.end = end;
  }

  /** The next value as a JSON string. */
  text(): void {
    if (this.isMissing()) return;
    const { source, target } = this;
    let { at, end } = this;
    target[end++] = QUOTE;
    for (let byte; (byte = source[at++] as number) !== UNIT;) {
      if (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) target[end++] = byte;
      else for (const escape of ESCAPES[byte] as Uint8Array) target[end++] = escape;
    }
    target[end++] = QUOTE;
    this.at = at;
    this.end = end;
  }

  /** The next value, `2026-01-31 09:00:00.123001+00`, as `2026-01-31T09:00:00.123`. */
  instant(): void {
    if (this.isMissing()) return;
    const { source, target } = this;
    let { at, end } = this;
    for (let index = 0, byte; (byte = source[at++]) !== UNIT; index++) {
      if (index < MILLISECONDS_END) target[end++] = index === DATE_END ? T : (byte as number);
    }
    this.at = at;
    this.end = end;
  }

  /** Where the next value is an empty text: passes it over, and writes that there is none. */
  nullIfEmpty(): boolean {
    if (this.isMissing() || this.source[this.at] !== UNIT) return false;
    this.at++;
    this.piece(NULL);
    return true;
  }

  private isMissing(): boolean {
    if (this.at > this.length) this.missing = true;
    return this.missing;
  }
}
