import type { TargetSnapshot } from '../catalogs.js';
import type { ConnectorConfig } from '../connector.config.js';
import type { GatewayClient } from '../gateway.client.js';
import type { WantedState } from '../wanted-state.js';
import { attribute } from './attribution.js';
import { callsSince, type Counter, known } from './counters.js';
import type { CatalogRelation } from './relation-names.js';
import { loadParser } from './statement-uses.js';
import { readRelations, readStatistics, readTexts, type Statistics } from './statistics.js';
import { followTracking } from './tracking.js';
import type { UsageState, UsageStateStore } from './usage-state.js';

/** What a run tells of the use that it saw. */
export interface UsageSummary {
  tracked: boolean;
  /** Why use is not tracked, or null. */
  reason: string | null;
  /** There was nothing to compare with: counters were noted and no use was told. */
  baseline: boolean;
  /** Statements that were run since the last observation, by role and database. */
  statements: number;
  unreadable: number;
  unresolved: number;
  /** Uses that were sent, one for each principal, asset and permission. */
  events: number;
  rejected: number;
  /** Assets whose `usageTrackedSince` was set or taken away. */
  marked: number;
}

/** What of a run the observation of use needs. */
export interface UsageRun {
  config: Pick<ConnectorConfig, 'source' | 'targetUrl'>;
  snapshot: TargetSnapshot;
  wanted: WantedState;
  gateway: GatewayClient;
  store: UsageStateStore;
  signal: AbortSignal;
  warn: (line: string) => void;
}

const NOTHING: Omit<UsageSummary, 'tracked' | 'reason' | 'baseline'> = {
  ...{ statements: 0, unreadable: 0, unresolved: 0, events: 0, rejected: 0, marked: 0 },
};

/**
 * Tells the gateway which privileges were used since the last run, from the difference of the target's counters.
 *
 * The new counters and the events that they have become are saved together before anything is sent, and the events struck out when the
 * gateway has them all. So a run that is cut off anywhere is gone on with by the next, which sends the very same events: they count once.
 *
 * @throws TargetError, GatewayError, RefusedError, UsageStateError
 */
export async function observeUsage(run: UsageRun): Promise<UsageSummary> {
  const { gateway, store, wanted } = run;
  const saved = await store.load();
  const { source } = run.config;
  const before = saved?.server === wanted.server && saved.source === source ? saved : null;
  const left = before ? await sendPending(before, run) : { events: 0, rejected: 0 };
  // Not later than anything of the observation: what is seen has been before.
  const usedAt = new Date();
  const statistics = await readStatistics(run.config.targetUrl);
  if ('reason' in statistics) {
    const marked = await followTracking(gateway, wanted, null, run.signal);
    return { ...NOTHING, ...left, tracked: false, reason: statistics.reason, baseline: false, marked };
  }
  const { moved, ...found } = await attributed(statistics, before, run, usedAt);
  const state: UsageState = { server: wanted.server, source, known: known(statistics.observation), pending: found.events };
  await store.save(state);
  const marked = await followTracking(gateway, wanted, usedAt, run.signal);
  const sent = await sendPending(state, run);
  warnOfGaps(statistics, before, found, run);
  return {
    ...{ tracked: true, reason: null, baseline: before === null },
    ...{ statements: moved.length, unreadable: found.unreadable, unresolved: found.unresolved },
    ...{ events: left.events + sent.events, rejected: left.rejected + sent.rejected, marked },
  };
}

async function sendPending(state: UsageState, { gateway, store }: UsageRun): Promise<{ events: number; rejected: number }> {
  if (state.pending.length === 0) return { events: 0, rejected: 0 };
  const rejected = await gateway.reportUsage(state.pending);
  await store.save({ ...state, pending: [] });
  return { events: state.pending.length - rejected, rejected };
}

async function attributed(statistics: Statistics, before: UsageState | null, run: UsageRun, usedAt: Date) {
  const moved = before ? callsSince(before.known, statistics.observation) : [];
  if (!before || moved.length === 0) return { moved, events: [], unreadable: 0, unresolved: 0 };
  await loadParser();
  const texts = await readTexts(run.config.targetUrl, [...new Set(moved.map(({ statement }) => statement))]);
  const relations = await relationsOf(moved, statistics, run);
  const { source } = run.config;
  const facts = { source, snapshot: run.snapshot, wanted: run.wanted, statistics, texts, relations };
  return { moved, ...attribute(moved, facts, before.known.takenAt, usedAt) };
}

/** Of the databases alone in which anything was run and that the gateway knows the contents of. */
async function relationsOf(moved: readonly Counter[], { databases }: Statistics, { config, snapshot }: UsageRun) {
  const found = new Map<number, CatalogRelation[]>();
  for (const oid of new Set(moved.map(({ database }) => database))) {
    const name = databases.get(oid);
    const isRead = snapshot.databases.some((database) => database.name === name && database.contents !== null);
    const relations = name !== undefined && isRead ? await readRelations(config.targetUrl, name) : null;
    if (relations) found.set(oid, relations);
  }
  return found;
}

/** What makes use look like less than it is. Never the text of a statement: it may hold what a person typed. */
function warnOfGaps(
  { observation, track }: Statistics,
  before: UsageState | null,
  { unreadable, unresolved }: { unreadable: number; unresolved: number },
  { warn }: UsageRun,
): void {
  if (unreadable > 0) warn(`Statements that could not be read and whose use is not counted: ${unreadable}.`);
  if (unresolved > 0) warn(`Statements of which a table is gone, temporary, or not to be told from others of its name: ${unresolved}.`);
  if (!before) {
    warn('Use is observed from now on: there was no state of an earlier run to compare with.');
    if (track === 'top') warn('pg_stat_statements.track is top: what functions and DO blocks read and write is not seen. Set it to all.');
  } else if (observation.evicted !== null && before.known.evicted !== null && observation.evicted > before.known.evicted) {
    warn('pg_stat_statements has evicted statements since the last run: raise pg_stat_statements.max, or run more often.');
  }
}
