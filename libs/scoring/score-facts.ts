import type { DecayFacts, ScoredPrincipalType, ScoredPrivilege, ScoredSensitivity } from '#libs/decay-model/decay-model.js';
import { raw, type Sql } from 'sql-template-tag';

/** The facts of one grant as queries answer them. Instants are milliseconds since 1970, which the driver reads ten times faster than times. */
export interface FactsRow {
  grantId: string;
  grantedMs: number;
  lastUsedMs: number | null;
  trackedMs: number | null;
  cadenceDays: number | null;
  cadenceGaps: number | null;
  principalType: ScoredPrincipalType;
  privilege: ScoredPrivilege;
  sensitivity: ScoredSensitivity;
  peers: number | null;
  peersHolding: number | null;
}

/** A column of type timestamptz as milliseconds since 1970. Rounded on arrival: `date_part` is a double, and far cheaper than `extract`. */
export function milliseconds(column: string): Sql {
  return raw(`date_part('epoch', ${column}) * 1000`);
}

/** The columns of a FactsRow as they were when the row `s` of `scores` was computed, with its grant `g` and principal `p`. */
export const FACTS_OF_SCORE = raw(`s.grant_id AS "grantId", ${milliseconds('coalesce(g.held_since, g.granted_at)').sql} AS "grantedMs",
  ${milliseconds('s.last_used_at').sql} AS "lastUsedMs", ${milliseconds('s.usage_tracked_since').sql} AS "trackedMs",
  s.cadence_days AS "cadenceDays", s.cadence_gaps AS "cadenceGaps", p.type AS "principalType", g.privilege, s.sensitivity,
  s.peers, s.peers_holding AS "peersHolding"`);

/** The same facts as the model takes them. */
export function decayFacts(row: FactsRow): DecayFacts {
  return {
    grantedAt: new Date(Math.round(row.grantedMs)),
    lastUsedAt: dateOrNull(row.lastUsedMs),
    usageTrackedSince: dateOrNull(row.trackedMs),
    usage: { days: row.cadenceDays, gaps: row.cadenceGaps ?? 0 },
    principalType: row.principalType,
    privilege: row.privilege,
    sensitivity: row.sensitivity,
    peers: row.peers === null ? null : { count: row.peers, holding: row.peersHolding ?? 0 },
  };
}

function dateOrNull(ms: number | null): Date | null {
  return ms === null ? null : new Date(Math.round(ms));
}
