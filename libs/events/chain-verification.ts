import { eventHash, isHash } from './chain.js';
import type { Checkpoint, KeySet } from './chain-keys.js';

/** An event as the store holds it. */
export interface ChainRow {
  sequence: number;
  prevHash: string;
  hash: string;
  canonical: string;
  /** What the store keeps beside the canonical text so as to filter by it, by the path of the member that it repeats (`actor.id`). */
  columns?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface ChainRange {
  from: number;
  /** The last event that must be there; null ends with the rows. */
  to: number | null;
  /** The hash that `from` must follow: 64 zeros for the first event, a base for the first one kept. Left out, the first row says it itself. */
  prevHash?: string;
  /** Each event whose sequence is a multiple of this must have a checkpoint. Left out, a checkpoint that was deleted is not missed. */
  checkpointEvery?: number;
}

export type BreakKind = 'missing' | 'altered' | 'reordered' | 'checkpoint_mismatch';

export interface ChainBreak {
  sequence: number;
  kind: BreakKind;
}

export interface ChainVerification {
  from: number;
  to: number;
  /** How many events were found to be as they were written, up to the first break. */
  events: number;
  intact: boolean;
  firstBreak: ChainBreak | null;
  checkpointsVerified: number;
  /** The last event found good; null where there is none. */
  head: { sequence: number; hash: string } | null;
}

type Source<T> = AsyncIterable<T> | Iterable<T>;

/**
 * Recomputes a range of the chain. Pure: holds one row and one checkpoint at a time, so memory does not grow with the range.
 *
 * What the first break means: `missing`, the event is nowhere in the rows; `reordered`, it is there, but in another's place, or twice;
 * `altered`, its bytes, its hashes or a column of it are not what was written, be it in a copy beside the genuine one; `checkpoint_mismatch`,
 * the checkpoint of that sequence is not signed by a key of the set, signs another hash than the events have, or is not there though it must.
 *
 * @param rows in the order of their sequence
 * @param checkpoints in the order of their sequence; those outside of `from − 1` to the last row are left aside
 */
export async function verifyChain(
  rows: Source<ChainRow>,
  checkpoints: Source<Checkpoint>,
  keys: KeySet,
  range: ChainRange,
): Promise<ChainVerification> {
  const walk = new ChainWalk(range);
  const signed = new CheckpointWalk(checkpoints, keys, range);
  let firstBreak: ChainBreak | null = null;
  try {
    for await (const row of rows) {
      const before = walk.head;
      firstBreak = walk.take(row);
      if (firstBreak) break;
      if (walk.suspected) continue;
      firstBreak =
        (before === null ? await signed.pass(range.from - 1, row.prevHash) : null) ?? (await signed.pass(row.sequence, row.hash));
      if (firstBreak) break;
    }
  } finally {
    await signed.close();
  }
  firstBreak ??= walk.end();
  return {
    from: range.from,
    to: range.to ?? walk.head?.sequence ?? range.from - 1,
    events: walk.events,
    intact: firstBreak === null,
    firstBreak,
    checkpointsVerified: signed.verified,
    head: walk.head,
  };
}

/** Something that is wrong at a sequence and whose kind the rows to come may still tell: the event that belongs there may yet turn up. */
interface Suspicion {
  break: ChainBreak;
  row: ChainRow;
  /** Which event the row in that place says it is. */
  named: number;
}

class ChainWalk {
  head: { sequence: number; hash: string } | null = null;
  events = 0;
  private suspicion: Suspicion | null = null;

  constructor(private readonly range: ChainRange) {}

  get suspected(): boolean {
    return this.suspicion !== null;
  }

  private get expected(): number {
    return this.range.from + this.events;
  }

  /** The hash that the next event must follow; null where only that event can say it. */
  private get tip(): string | null {
    return this.head?.hash ?? this.range.prevHash ?? null;
  }

  /** Answers the break once it is certain; null while all is well, or the kind of a break is not clear yet. */
  take(row: ChainRow): ChainBreak | null {
    if (this.suspicion) return this.settle(this.suspicion, row);
    const event = parsed(row.canonical);
    const named = sequenceOf(event);
    if (row.sequence < this.expected) return this.superfluous(row, event, named);
    if (row.sequence > this.expected) return this.gap(row, named);
    if (named !== row.sequence) return this.stranger(row, named);
    const tip = this.tip ?? row.prevHash;
    if (row.prevHash === tip && holds(tip, row) && repeats(row, event)) {
      this.head = { sequence: row.sequence, hash: row.hash };
      this.events += 1;
      return null;
    }
    // This event still holds to the hash that was there when it was written, so it is the one before that was changed, and its hash with it.
    const predecessorChanged = this.head !== null && row.prevHash !== tip && holds(row.prevHash, row);
    return { sequence: predecessorChanged ? row.sequence - 1 : row.sequence, kind: 'altered' };
  }

  /** What the rows having come to their end says. */
  end(): ChainBreak | null {
    if (this.suspicion) return this.suspicion.break;
    return this.range.to !== null && this.expected <= this.range.to ? { sequence: this.expected, kind: 'missing' } : null;
  }

  /** The expected event is not in its place, and a later one follows. */
  private gap(row: ChainRow, named: number | null): ChainBreak | null {
    const sequence = this.expected;
    if (named === sequence) return { sequence, kind: 'altered' };
    // What follows the last good event by its own word is the expected one under another number.
    const kind = row.prevHash === this.tip ? 'altered' : 'missing';
    this.suspicion = { break: { sequence, kind }, row, named: named ?? row.sequence };
    return null;
  }

  /** In the place of the expected event are the bytes of another. */
  private stranger(row: ChainRow, named: number | null): ChainBreak | null {
    const sequence = row.sequence;
    if (named === null) return { sequence, kind: 'altered' };
    this.suspicion = { break: { sequence, kind: holds(row.prevHash, row) ? 'missing' : 'altered' }, row, named };
    return null;
  }

  /** A row in a place that is taken: a repetition, an altered copy, or an event whose number was changed to a smaller one. */
  private superfluous(row: ChainRow, event: Members | null, named: number | null): ChainBreak {
    if (named !== null && named >= this.expected) return { sequence: named, kind: 'altered' };
    const another = row.sequence === this.head?.sequence && row.hash !== this.head.hash;
    const genuine = named === row.sequence && !another && holds(row.prevHash, row) && repeats(row, event);
    return { sequence: row.sequence, kind: genuine ? 'reordered' : 'altered' };
  }

  private settle({ break: found, row: suspect, named }: Suspicion, row: ChainRow): ChainBreak | null {
    if (sequenceOf(parsed(row.canonical)) !== found.sequence) return null;
    const inPlace = row.sequence === found.sequence;
    if (suspect.sequence !== found.sequence) return { sequence: found.sequence, kind: inPlace ? 'reordered' : 'altered' };
    // Two rows in one place, and this one belongs there: the other was moved to it.
    if (inPlace) return { sequence: named, kind: 'altered' };
    const hash = eventHash(this.tip ?? suspect.prevHash, row.canonical);
    return hash === suspect.hash || hash === row.hash ? { sequence: found.sequence, kind: 'reordered' } : null;
  }
}

class CheckpointWalk {
  verified = 0;
  private readonly iterator: AsyncIterator<Checkpoint> | Iterator<Checkpoint>;
  private next: Checkpoint | null | undefined;

  constructor(
    checkpoints: Source<Checkpoint>,
    private readonly keys: KeySet,
    private readonly range: ChainRange,
  ) {
    this.iterator = Symbol.asyncIterator in checkpoints ? checkpoints[Symbol.asyncIterator]() : checkpoints[Symbol.iterator]();
  }

  /** Checks every checkpoint up to this event, whose hash was found good. */
  async pass(sequence: number, hash: string): Promise<ChainBreak | null> {
    const before = this.verified;
    for (let point = await this.peek(); point && point.sequence <= sequence; point = await this.peek()) {
      this.next = undefined;
      if (point.sequence < this.range.from - 1) continue;
      // A smaller sequence here is one that came out of order: its event has gone by and cannot be compared any more.
      if (point.sequence !== sequence || point.hash !== hash || !this.keys.verifies(point)) {
        return { sequence: point.sequence, kind: 'checkpoint_mismatch' };
      }
      this.verified += 1;
    }
    const { from, checkpointEvery } = this.range;
    const required = checkpointEvery !== undefined && sequence >= from && sequence % checkpointEvery === 0;
    return required && this.verified === before ? { sequence, kind: 'checkpoint_mismatch' } : null;
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }

  private async peek(): Promise<Checkpoint | null> {
    if (this.next === undefined) {
      const result = await this.iterator.next();
      this.next = result.done ? null : result.value;
    }
    return this.next;
  }
}

function holds(prevHash: string, row: ChainRow): boolean {
  return isHash(prevHash) && eventHash(prevHash, row.canonical) === row.hash;
}

type Members = Readonly<Record<string, unknown>>;

function parsed(canonical: string): Members | null {
  try {
    return members(JSON.parse(canonical));
  } catch {
    return null;
  }
}

function members(value: unknown): Members | null {
  return typeof value === 'object' && value !== null ? (value as Members) : null;
}

function sequenceOf(event: Members | null): number | null {
  return typeof event?.['sequence'] === 'number' ? event['sequence'] : null;
}

/** Whether every column says what the canonical text says: a changed column would hide the event from whoever filters by it. */
function repeats(row: ChainRow, event: Members | null): boolean {
  return Object.entries(row.columns ?? {}).every(([path, value]) => {
    const found = path.split('.').reduce<unknown>((at, name) => members(at)?.[name], event);
    return (found ?? null) === value;
  });
}
