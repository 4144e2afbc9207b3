/** How often one role has run one statement in one database, as pg_stat_statements counts it. */
export interface Counter {
  role: number;
  database: number;
  /** The queryid. */
  statement: string;
  /** False for what a function ran on behalf of a statement. */
  toplevel: boolean;
  calls: number;
  /** Since when it counts, in microseconds of the server's clock; null before version 17, which does not say. */
  since: number | null;
}

/** All counters of a server at one instant. */
export interface Observation {
  /** By the server's clock, in microseconds; nothing that was counted afterwards is in here for certain. */
  takenAt: number;
  /** When all counters were last reset; null before version 14, which does not say. */
  resetAt: number | null;
  /** How many counters have given way to others since then. */
  evicted: number | null;
  counters: readonly Counter[];
}

/** What is kept of an observation until the next: calls and `since` by the counter's key. */
export interface KnownCounters {
  takenAt: number;
  resetAt: number | null;
  evicted: number | null;
  counters: Readonly<Record<string, readonly [calls: number, since: number | null]>>;
}

export const keyOf = ({ role, database, statement, toplevel }: Counter): string =>
  [role, database, statement, toplevel ? 't' : 'n'].join('/');

export function known({ counters, ...rest }: Observation): KnownCounters {
  return { ...rest, counters: Object.fromEntries(counters.map((counter) => [keyOf(counter), [counter.calls, counter.since]])) };
}

/**
 * The counters that have moved since the last observation, each with the calls since then. A counter that was reset, or evicted and made
 * again, counts from its beginning when that lies after the last observation. What cannot have been seen begun, because these are the
 * statistics of another server or of a backup, counts nothing: use is missed rather than invented.
 */
export function callsSince(before: KnownCounters, now: Observation): Counter[] {
  return now.counters.map((counter) => ({ ...counter, calls: newCalls(before, now, counter) })).filter(({ calls }) => calls > 0);
}

function newCalls(before: KnownCounters, now: Observation, counter: Counter): number {
  const { calls, since } = counter;
  const [callsBefore, sinceBefore] = before.counters[keyOf(counter)] ?? [null, null];
  if (since !== null) {
    if (callsBefore !== null && sinceBefore === since) return calls - callsBefore;
    return since > before.takenAt ? calls : 0;
  }
  if (now.resetAt !== before.resetAt) return now.resetAt !== null && now.resetAt > before.takenAt ? calls : 0;
  // The last observation had every counter: one that was not there, or had more, has begun since.
  return callsBefore === null || calls < callsBefore ? calls : calls - callsBefore;
}
