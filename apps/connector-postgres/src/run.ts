import { carryOut, type Outcome } from './carry-out.js';
import { readTarget, TargetError, type TargetSnapshot } from './catalogs.js';
import type { ConnectorConfig } from './connector.config.js';
import { difference, type Operation, type Plan } from './difference.js';
import { GatewayClient } from './gateway.client.js';
import { GatewayError, RefusedError } from './gateway.errors.js';
import type { CurrentState } from './current-state.js';
import type { OnProgress } from './progress-bar.js';
import { memberPair, remediate, type Remediated, type RemediationOutcome } from './remediation/remediate.js';
import { stopReason } from './safeguards.js';
import { observeUsage, type UsageSummary } from './usage/observe-usage.js';
import { UsageStateError, UsageStateStore } from './usage/usage-state.js';
import { wantedState, type WantedState } from './wanted-state.js';

/** What a run tells its operator, as a line of JSON. */
export interface RunSummary {
  /** `stopped` is by a safeguard, with nothing changed; `failed` is in part or in whole; `interrupted` is between two operations. */
  outcome: 'done' | 'stopped' | 'failed' | 'interrupted';
  source: string;
  target: string;
  /** Why the run did not end as `done`, or null. */
  reason: string | null;
  changes: number;
  /** Changes by kind; a kind without any is left out. */
  changed: Outcome['done'];
  /** What became of the revocations that reviews have decided. */
  remediations: RemediationOutcome;
  /** The statements of those that a person has to carry out; null where there are none. */
  sql: string | null;
  /** Operations that the gateway refused. */
  failures: number;
  /** Databases that did not let the connector in: what the gateway knows of their contents was left as it is. */
  unreadDatabases: string[];
  /** The use of privileges that was seen; null where a run did not come to it, or has nowhere to remember it. */
  usage: UsageSummary | null;
  durationMs: number;
}

/** How a run ended, beside what it counted. */
interface Ending {
  outcome: RunSummary['outcome'];
  reason: string | null;
}

export interface RunOptions {
  /** What is remembered from run to run; one for all runs of a process. */
  store?: UsageStateStore;
  onProgress?: OnProgress;
}

/** All that a run is given. */
interface Context extends Required<RunOptions> {
  config: ConnectorConfig;
  signal: AbortSignal;
  warn: (line: string) => void;
}

/** What a run found and did on its way, however it ends. */
type Seen = Pick<RunSummary, 'unreadDatabases' | 'usage' | 'remediations' | 'sql'>;

const INTERRUPTED: Ending = { outcome: 'interrupted', reason: 'The run was interrupted; the next one goes on where it ended.' };
const FAILURES_SHOWN = 10;

/**
 * One run: reads the target, compares it with the gateway, carries out what reviews have decided to revoke, brings the gateway in step. What may
 * go wrong outside of it is told in the summary and not thrown; `warn` is given a line for whatever else an operator should see.
 */
export async function run(
  config: ConnectorConfig,
  signal: AbortSignal,
  warn: (line: string) => void,
  { store = new UsageStateStore(config.stateFile), onProgress = () => undefined }: RunOptions = {},
): Promise<RunSummary> {
  const startedAtMs = performance.now();
  const outcome: Outcome = { done: {}, failures: [] };
  const seen: Seen = { unreadDatabases: [], usage: null, remediations: { applied: 0, notNeeded: 0, failed: 0, open: 0 }, sql: null };
  const { outcome: ended, reason } = await synchronise({ config, signal, warn, store, onProgress }, outcome, seen).catch(
    (error: unknown): Ending => {
      if (signal.aborted) return INTERRUPTED;
      if (error instanceof TargetError || error instanceof GatewayError || error instanceof UsageStateError) {
        return { outcome: 'failed', reason: error.message };
      }
      if (error instanceof RefusedError) return { outcome: 'failed', reason: `The gateway did not say what it holds: ${error.message}` };
      throw error;
    },
  );
  return {
    outcome: ended,
    source: config.source,
    target: targetName(config.targetUrl),
    reason,
    changes: changesOf(outcome),
    changed: outcome.done,
    failures: outcome.failures.length,
    ...seen,
    durationMs: Math.round(performance.now() - startedAtMs),
  };
}

async function synchronise({ config, signal, warn, store, onProgress }: Context, outcome: Outcome, seen: Seen): Promise<Ending> {
  const snapshot = await readTarget(config.targetUrl);
  const wanted = describeTarget(snapshot, config);
  seen.unreadDatabases.push(...wanted.unreadDatabases.map(({ name }) => name));
  signal.throwIfAborted();
  const gateway = new GatewayClient(config, signal);
  const current = await gateway.currentState(new Set(wanted.principals.keys()));
  const plan = difference(wanted, current);
  const stop = stopReason(wanted, current, plan);
  if (stop !== null && !config.force) {
    return { outcome: 'stopped', reason: `${stop} Nothing was changed; CONNECTOR_FORCE=on would carry it out.` };
  }
  if (stop !== null) warn(`${stop} Carried out all the same, because CONNECTOR_FORCE is on.`);
  // Before the gateway is brought in step: a grant that is under remediation ends with its remediation, which says what became of the access.
  const remediated = await remediate(config, wanted.server, current, gateway, signal, warn);
  seen.remediations = remediated.outcome;
  seen.sql = remediated.sql === '' ? null : remediated.sql;
  const steps = withoutOpen(await planAfter(remediated, plan, wanted, current, config), remediated);
  await carryOut(steps, current, gateway, signal, outcome, onProgress);
  for (const failure of outcome.failures.slice(0, FAILURES_SHOWN)) warn(failure);
  if (changesOf(outcome) + outcome.failures.length < steps.flat().length) return INTERRUPTED;
  // One run that forgets everything has nothing to compare its counters with, and another never comes.
  if (config.intervalSeconds !== null || store.path !== null) {
    seen.usage = await observeUsage({ config, snapshot, wanted, gateway, store, signal, warn });
  }
  if (outcome.failures.length === 0) return { outcome: 'done', reason: null };
  return { outcome: 'failed', reason: `The gateway refused ${outcome.failures.length} operations; the next run tries them again.` };
}

/** The plan for what there is once remediations have changed either side. */
async function planAfter(
  { changedTarget, endedGrants, endedMembers }: Remediated,
  plan: Plan,
  wanted: WantedState,
  current: CurrentState,
  config: ConnectorConfig,
): Promise<Plan> {
  if (!changedTarget && endedGrants.size === 0 && endedMembers.size === 0) return plan;
  const grants = current.grants.filter(({ id }) => !endedGrants.has(id));
  const members = new Map(
    [...current.members].map(([group, ids]) => [group, ids.filter((member) => !endedMembers.has(memberPair(group, member)))]),
  );
  const now = changedTarget ? describeTarget(await readTarget(config.targetUrl), config) : wanted;
  return difference(now, { ...current, grants, members });
}

/** Leaves to open remediations what is theirs to end: they look at every way to the access, and not at the one grant alone. */
function withoutOpen(plan: Plan, { openGrants, openMembers }: Remediated): Plan {
  const isOpen = (operation: Operation): boolean =>
    (operation.kind === 'revokeGrant' && openGrants.has(operation.id)) ||
    (operation.kind === 'removeMember' && openMembers.has(memberPair(operation.groupId, operation.memberId)));
  return plan.map((phase) => phase.filter((operation) => !isOpen(operation)));
}

/** @throws TargetError when nothing tells this server from another */
function describeTarget(snapshot: TargetSnapshot, config: ConnectorConfig): WantedState {
  const serverId = config.serverId ?? snapshot.systemIdentifier;
  if (serverId === null) {
    throw new TargetError('The target does not tell its system identifier (pg_control_system): CONNECTOR_SERVER_ID has to name it.');
  }
  return wantedState(snapshot, { serverId, serverName: targetName(config.targetUrl), serviceAccounts: config.serviceAccounts });
}

const changesOf = ({ done }: Outcome): number => Object.values(done).reduce((sum, count) => sum + count, 0);

/** Host and port, or the folder of the socket. */
function targetName(targetUrl: string): string {
  const url = new URL(targetUrl);
  return `${url.searchParams.get('host') ?? url.hostname}:${url.searchParams.get('port') ?? (url.port || '5432')}`;
}
