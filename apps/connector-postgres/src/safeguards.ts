import type { CurrentState } from './current-state.js';
import type { Plan } from './difference.js';
import type { WantedState } from './wanted-state.js';

/** Up to this many a run may always end; beyond it, up to the share. Design, section 12. */
const ENDED_GRANTS_LIMIT = 100;
const ENDED_GRANTS_SHARE = 0.2;

/**
 * Why a plan must not be carried out without a person's word, or null. A target that answers with nothing, or another server that answers
 * in its place, would otherwise end all access that the gateway knows of.
 */
export function stopReason(wanted: WantedState, current: CurrentState, plan: Plan): string | null {
  // PUBLIC is always there; a server without a single role is none.
  if (wanted.principals.size <= 1) return 'The target shows no roles at all.';
  return otherServer(wanted, current) ?? noTables(wanted, current) ?? tooManyEnds(current, plan);
}

function otherServer(wanted: WantedState, current: CurrentState): string | null {
  const known = current.assets.filter(({ type, status, externalId }) => type === 'host' && status === 'active' && externalId !== null);
  if (known.length === 0 || known.some(({ externalId }) => externalId === wanted.server)) return null;
  return 'The target is not the server that this source has been read from so far.';
}

function noTables(wanted: WantedState, current: CurrentState): string | null {
  if ([...wanted.assets.values()].some(({ type }) => type === 'table')) return null;
  const unread = wanted.unreadDatabases.map(({ externalId }) => `${externalId}/`);
  const gone = current.assets.filter(
    ({ type, status, externalId }) =>
      type === 'table' && status === 'active' && externalId !== null && !unread.some((prefix) => externalId.startsWith(prefix)),
  );
  return gone.length === 0 ? null : `The target shows no tables at all, where the gateway knows ${gone.length}.`;
}

function tooManyEnds(current: CurrentState, plan: Plan): string | null {
  const ends = plan.flat().filter(({ kind }) => kind === 'revokeGrant').length;
  const limit = Math.max(ENDED_GRANTS_LIMIT, Math.floor(current.grants.length * ENDED_GRANTS_SHARE));
  if (ends <= limit) return null;
  return `The run would end ${ends} of ${current.grants.length} grants; the limit is ${limit}.`;
}
