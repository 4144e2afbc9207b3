/**
 * Checks an exported audit log without access to the system that wrote it. One file, and nothing but Node: an auditor can read it whole.
 *
 *     node audit-verifier.js <log.jsonl> <keys.json> [<checkpoints>] [--from <sequence>] [--to <sequence>]
 *
 * log.jsonl     events as GET /v1/audit answers them, one a line, oldest or newest first. Lines that are checkpoints are checked too; a line
 *               with `head` (`{ "head": { "sequence", "hash" } }`) says where the log must end; other lines are left aside.
 *               (an extract of reports can be given as it was downloaded: its metadata, keys and counts are such lines)
 * keys.json     the JWK set of GET /v1/audit/keys, obtained from where you trust it; or an extract with `key` lines, whose own keys show only
 *               that it agrees with itself
 * checkpoints   those of GET /v1/audit/checkpoints: the answer itself, an array, or one a line
 * --from, --to  the first and the last event that the log must hold
 *
 * The exit code is 0 where the log is intact, 1 where it is broken (the first break is named by its sequence and kind: missing, altered,
 * reordered, checkpoint_mismatch), 2 where nothing can be said: wrong arguments, unreadable files, no event. The file is read twice in a
 * stream, so that memory does not grow with it.
 */
import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { parseArgs } from 'node:util';

type Members = Record<string, unknown>;

interface Event {
  sequence: number;
  prevHash: string;
  hash: string;
  canonical: string;
}

interface Checkpoint {
  sequence: number;
  hash: string;
  time: string;
  keyId: string;
  signature: string;
}

interface Break {
  sequence: number;
  kind: 'missing' | 'altered' | 'reordered' | 'checkpoint_mismatch';
}

interface Survey {
  events: number;
  newestFirst: boolean;
  lowest: number;
  checkpoints: Checkpoint[];
  head: { sequence: number; hash: string } | null;
}

/** Nothing can be said of the log: exit code 2. */
class Unusable extends Error {}

const CHUNK_BYTES = 256 * 1024;
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
const NEW_LINE = 0x0a;
const GENESIS_HASH = '0'.repeat(64);

async function* linesForward(file: FileHandle): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let end = bytes.indexOf(NEW_LINE); end !== -1; end = bytes.indexOf(NEW_LINE, start)) {
      yield bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bounded(bytes.subarray(start));
  }
  yield rest;
}

/** The last line first: a log as the API lists it begins with the newest event. */
async function* linesBackward(file: FileHandle): AsyncGenerator<Buffer> {
  let position = (await file.stat()).size;
  let rest: Buffer = Buffer.alloc(0);
  while (position > 0) {
    const length = Math.min(CHUNK_BYTES, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    await file.read(chunk, 0, length, position);
    const bytes = Buffer.concat([chunk, rest]);
    let end = bytes.length;
    for (let start = bytes.lastIndexOf(NEW_LINE); start !== -1; start = start === 0 ? -1 : bytes.lastIndexOf(NEW_LINE, start - 1)) {
      yield bytes.subarray(start + 1, end);
      end = start;
    }
    rest = bounded(bytes.subarray(0, end));
  }
  yield rest;
}

function bounded(rest: Buffer): Buffer {
  if (rest.length > LONGEST_LINE_BYTES) throw new Unusable('the log has a line that is longer than any event can be');
  return rest;
}

type Line =
  | { kind: 'event'; item: Members | null; text: string }
  | { kind: 'checkpoint'; checkpoint: Checkpoint }
  | { kind: 'head'; head: { sequence: number; hash: string } }
  | { kind: 'other' };

/** Bytes that are no text or no JSON can only be an event that somebody damaged: `item` is null for it. */
function readLine(bytes: Buffer): Line {
  let text = '';
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes).trim();
    if (text === '') return { kind: 'other' };
    value = JSON.parse(text);
  } catch {
    return { kind: 'event', item: null, text };
  }
  if (!isMembers(value)) return { kind: 'event', item: null, text };
  if (isCheckpoint(value)) return { kind: 'checkpoint', checkpoint: value };
  if (isHead(value['head'])) return { kind: 'head', head: value['head'] };
  if (!['prevHash', 'hash', 'action'].some((name) => name in value)) return { kind: 'other' };
  return { kind: 'event', item: value, text };
}

/** The event as it is compared, or null where it cannot be the one that was written. */
function eventOf(item: Members | null, text: string): Event | null {
  if (!item) return null;
  const { prevHash, hash, display: _display, ...event } = item;
  if (!isHash(prevHash) || !isHash(hash) || !Number.isSafeInteger(event['sequence'])) return null;
  try {
    // Of a member that is there twice another reader may take the other one.
    if (colons(text) !== countMembers(item)) return null;
    return { sequence: event['sequence'] as number, prevHash, hash, canonical: canonical(event) };
  } catch {
    // Nested so deeply that the stack does not suffice: no event is.
    return null;
  }
}

/** RFC 8785: names in the order of their UTF-16 code units, numbers and strings as ECMAScript writes them. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isMembers(value)) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}

function colons(json: string): number {
  return json.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, member) => sum + countMembers(member), own);
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isHead(value: unknown): value is { sequence: number; hash: string } {
  return isMembers(value) && Number.isSafeInteger(value['sequence']) && typeof value['hash'] === 'string';
}

function isCheckpoint(value: unknown): value is Checkpoint {
  if (!isMembers(value) || 'action' in value || !Number.isSafeInteger(value['sequence'])) return false;
  return ['hash', 'time', 'keyId', 'signature'].every((name) => typeof value[name] === 'string');
}

function eventHash(prevHash: string, text: string): string {
  return createHash('sha256').update(prevHash, 'hex').update(text, 'utf8').digest('hex');
}

function holds(prevHash: string, event: Event): boolean {
  return eventHash(prevHash, event.canonical) === event.hash;
}

/** Those of a JWK set, or of the lines of an extract that hold one each. */
async function listedKeys(path: string): Promise<unknown[] | null> {
  const found: unknown[] = [];
  const file = await open(path);
  try {
    for await (const bytes of linesForward(file)) {
      const start = bytes.subarray(0, 7).toString();
      if (start === '{"key":') found.push((JSON.parse(bytes.toString()) as Members)['key']);
    }
  } finally {
    await file.close();
  }
  if (found.length > 0) return found;
  const set: unknown = JSON.parse(await readFile(path, 'utf8'));
  return isMembers(set) && Array.isArray(set['keys']) ? (set['keys'] as unknown[]) : null;
}

async function readKeys(path: string): Promise<Map<string, KeyObject>> {
  const keys = await listedKeys(path);
  if (!keys) throw new Unusable(`${path} is not a JWK set`);
  return new Map(
    keys.filter(isMembers).map((jwk) => {
      const { kty, crv, x } = jwk;
      if (kty !== 'OKP' || crv !== 'Ed25519' || typeof x !== 'string') throw new Unusable(`${path} has a key that is not Ed25519`);
      // RFC 7638: the id is made from the key, so that no set can give a key the id of another.
      const thumbprint = createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
      return [thumbprint, createPublicKey({ key: { kty, crv, x }, format: 'jwk' })];
    }),
  );
}

async function readCheckpoints(path: string | undefined): Promise<Checkpoint[]> {
  if (path === undefined) return [];
  const text = await readFile(path, 'utf8');
  let values: unknown;
  try {
    const whole: unknown = JSON.parse(text);
    values = isMembers(whole) && 'items' in whole ? whole['items'] : isMembers(whole) ? [whole] : whole;
  } catch {
    values = text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as unknown]));
  }
  if (!Array.isArray(values) || !values.every(isCheckpoint)) throw new Unusable(`${path} does not hold checkpoints`);
  return values;
}

function isSigned(point: Checkpoint, keys: Map<string, KeyObject>): boolean {
  const key = keys.get(point.keyId);
  const signature = Buffer.from(point.signature, 'base64url');
  // Idle bits in the last character would let other texts pass for the same signature.
  if (!key || signature.toString('base64url') !== point.signature) return false;
  return verify(null, Buffer.from(`${point.sequence}.${point.hash}.${point.time}`), key, signature);
}

/** The first reading: which way the log runs, and what must be known before its events are compared. */
async function survey(file: FileHandle): Promise<Survey> {
  const found: Survey = { events: 0, newestFirst: false, lowest: Infinity, checkpoints: [], head: null };
  let rises = 0;
  let last: number | null = null;
  for await (const bytes of linesForward(file)) {
    const line = readLine(bytes);
    if (line.kind === 'checkpoint') found.checkpoints.push(line.checkpoint);
    if (line.kind === 'head') found.head = line.head;
    const sequence = line.kind === 'event' ? line.item?.['sequence'] : null;
    if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence)) continue;
    found.events += 1;
    found.lowest = Math.min(found.lowest, sequence);
    if (last !== null) rises += Math.sign(sequence - last);
    last = sequence;
  }
  found.newestFirst = rises < 0;
  return found;
}

/** The second reading. Knows the last good event, and what is wrong with the next one until the kind is certain. */
class Walk {
  head: { sequence: number; hash: string } | null = null;
  checkpointsVerified = 0;
  signedUpTo: number | null = null;
  private suspicion: Break | null = null;

  constructor(
    private expected: number,
    private readonly points: Checkpoint[],
    private readonly keys: Map<string, KeyObject>,
  ) {}

  take(event: Event | null): Break | null {
    const sequence = this.expected;
    if (this.suspicion) return event?.sequence === sequence ? { sequence, kind: 'reordered' } : null;
    if (!event) return { sequence, kind: 'altered' };
    if (event.sequence < sequence) return { sequence: event.sequence, kind: this.repeated(event) ? 'reordered' : 'altered' };
    const tip = this.head?.hash ?? (sequence === 1 ? GENESIS_HASH : event.prevHash);
    if (event.sequence > sequence) {
      // What follows the last good event by its own word is the expected one under another number. The lines to come may still hold it.
      this.suspicion = { sequence, kind: event.prevHash === tip && this.head ? 'altered' : 'missing' };
      return null;
    }
    if (event.prevHash !== tip || !holds(tip, event)) {
      // It still holds to the hash that was there when it was written: the one before was changed, and its hash with it.
      const predecessorChanged = this.head !== null && event.prevHash !== tip && holds(event.prevHash, event);
      return { sequence: predecessorChanged ? sequence - 1 : sequence, kind: 'altered' };
    }
    if (!this.head) this.points.splice(0, this.points.findLastIndex((point) => point.sequence < sequence - 1) + 1);
    const mismatch = (this.head ? null : this.compare(sequence - 1, tip)) ?? this.compare(sequence, event.hash);
    this.head = { sequence, hash: event.hash };
    this.expected += 1;
    return mismatch;
  }

  /** What the log having come to its end says. */
  end(to: number, hash: string | null): Break | null {
    if (this.suspicion) return this.suspicion;
    const forged = this.points.find((point) => !isSigned(point, this.keys));
    if (forged) return { sequence: forged.sequence, kind: 'checkpoint_mismatch' };
    if (this.expected <= to) return { sequence: this.expected, kind: 'missing' };
    return hash !== null && this.head?.hash !== hash ? { sequence: this.expected - 1, kind: 'altered' } : null;
  }

  /** Whether an event that comes once too often is the same again, as far as that can still be seen, and no altered copy. */
  private repeated(event: Event): boolean {
    return holds(event.prevHash, event) && (event.sequence !== this.head?.sequence || event.hash === this.head.hash);
  }

  private compare(sequence: number, hash: string): Break | null {
    while (this.points[0]?.sequence === sequence) {
      const point = this.points.shift() as Checkpoint;
      if (point.hash !== hash || !isSigned(point, this.keys)) return { sequence, kind: 'checkpoint_mismatch' };
      this.checkpointsVerified += 1;
      this.signedUpTo = sequence;
    }
    return null;
  }
}

interface Question {
  log: string;
  keys: string;
  checkpoints: string | undefined;
  from: number | null;
  to: number | null;
}

async function check(asked: Question): Promise<number> {
  const keys = await readKeys(asked.keys);
  const apart = await readCheckpoints(asked.checkpoints);
  const file = await open(asked.log);
  try {
    const found = await survey(file);
    if (found.events === 0) throw new Unusable(`${asked.log} holds no event`);
    const points = [...found.checkpoints, ...apart].sort((a, b) => a.sequence - b.sequence);
    const from = asked.from ?? found.lowest;
    const walk = new Walk(from, points, keys);
    // Checkpoints within the log belong to it, so it must reach them; those of a file of their own may be newer than the log.
    const reached = found.checkpoints.reduce((highest, { sequence }) => Math.max(highest, sequence), 0);
    const to = Math.max(asked.to ?? 0, found.head?.sequence ?? 0, reached);
    let broken: Break | null = null;
    for await (const bytes of found.newestFirst ? linesBackward(file) : linesForward(file)) {
      const line = readLine(bytes);
      if (line.kind === 'event') broken = walk.take(eventOf(line.item, line.text));
      if (broken) break;
    }
    broken ??= walk.end(to, found.head?.hash ?? null);
    return report(broken, from, walk, points.length);
  } finally {
    await file.close();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function report(broken: Break | null, from: number, walk: Walk, beyond: number): number {
  if (broken) {
    say(`BROKEN at ${broken.sequence}: ${broken.kind}`);
    return 1;
  }
  say(`INTACT from ${from} to ${walk.head?.sequence}: ${walk.checkpointsVerified} checkpoints verified, head ${walk.head?.hash}`);
  if (walk.signedUpTo === null) say('No signature covers this log: it agrees with itself, which anybody could have arranged.');
  else if (walk.signedUpTo !== walk.head?.sequence) say(`Signatures cover the events up to ${walk.signedUpTo}, not those after it.`);
  if (beyond > 0) say(`${beyond} checkpoints lie beyond the end of this log: it is older than they are, or was cut.`);
  return 0;
}

function question(): Question {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { from: { type: 'string' }, to: { type: 'string' } } });
  const [log, keys, checkpoints, ...more] = positionals;
  const numbers = [values.from, values.to].map((text) => (text === undefined ? null : Number(text)));
  if (log === undefined || keys === undefined || more.length > 0 || numbers.some((number) => number !== null && !(number >= 1))) {
    throw new Unusable('usage: audit-verifier <log.jsonl> <keys.json> [<checkpoints>] [--from <sequence>] [--to <sequence>]');
  }
  return { log, keys, checkpoints, from: numbers[0] ?? null, to: numbers[1] ?? null };
}

try {
  process.exitCode = await check(question());
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
