import { inForce } from '#libs/database/in-force.js';
import { type DecayScore, MODEL_VERSION } from '#libs/decay-model/decay-model.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import { type FactsRow, milliseconds } from '#libs/scoring/score-facts.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';

/** Runs a query within the transaction at hand. */
export type Rows = <Row>(query: Sql) => Promise<Row[]>;

/** Which grants: these, or those of a range of ids, `afterId` not among them. */
export type GrantSelection = { ids: readonly string[] } | { afterId: string; upToId: string };

/** A grant in force with all that its score depends on, and what is known of the score it has. */
export interface ScorableGrant extends FactsRow {
  principalId: string;
  assetId: string;
  lastUseInferred: boolean | null;
  usageRevision: number;
  /** Null where it has no score yet. */
  knownBand: string | null;
  historyDay: number | null;
}

export interface NewScore {
  grant: ScorableGrant;
  score: DecayScore;
  /** The UTC day of its last entry in the history, this one among them. */
  historyDay: number;
  recorded: boolean;
}

/** Scores as the engine reads and writes them. All of it happens in a transaction of the caller's. */
@Injectable()
export class ScoresRepository {
  /**
   * The grants of a selection that are in force, and the database's time: one clock for all engines, to the millisecond. The joins are kept
   * to one look-up a row; left to itself the planner reads whole tables for each range.
   */
  async factsOf(rows: Rows, selection: GrantSelection): Promise<{ now: Date; grants: ScorableGrant[] }> {
    const grants = await rows<ScorableGrant & { nowMs: number }>(
      sql`SELECT ${milliseconds('statement_timestamp()::timestamptz(3)')} AS "nowMs", g.id AS "grantId", g.principal_id AS "principalId",
          g.asset_id AS "assetId", ${milliseconds('coalesce(g.held_since, g.granted_at)')} AS "grantedMs", g.privilege, p.type AS "principalType", a.sensitivity,
          ${milliseconds('a.usage_tracked_since')} AS "trackedMs", ${milliseconds('u.last_used_at')} AS "lastUsedMs", u.cadence_days AS "cadenceDays",
          u.cadence_gaps AS "cadenceGaps", u.last_use_inferred AS "lastUseInferred", coalesce(u.revision, 0)::float8 AS "usageRevision",
          peers.count AS peers, least(peers.count, greatest(0, peers.holding)) AS "peersHolding", s.band AS "knownBand", s.history_day AS "historyDay"
        FROM grants g
        JOIN principals p ON p.id = g.principal_id
        JOIN assets a ON a.id = g.asset_id
        LEFT JOIN LATERAL (SELECT * FROM grant_usage o WHERE o.grant_id = g.id LIMIT 1) u ON true
        LEFT JOIN LATERAL (SELECT o.band, o.history_day FROM scores o WHERE o.grant_id = g.id LIMIT 1) s ON true
        LEFT JOIN LATERAL (
          SELECT greatest(0, coalesce((SELECT d.users FROM department_sizes d WHERE d.department = p.department), 0) - own.one) AS count,
            coalesce((SELECT h.holders FROM department_asset_holders h WHERE h.asset_id = g.asset_id AND h.department = p.department), 0) - own.one AS holding
          FROM (SELECT (p.type = 'user' AND p.status = 'active')::integer AS one) own
        ) peers ON p.department <> ''
        WHERE ${selected(selection)} AND ${inForce('g', null)}`,
    );
    return { now: new Date(Math.round(grants[0]?.nowMs ?? 0)), grants };
  }

  /**
   * Writes scores of one instant, and those to be recorded into the history's outbox. In the order of ids, so that two writers never wait for
   * each other; a score drawn from an older view of a grant's usage than the one that is there is dropped.
   */
  async store(rows: Rows, now: Date, scores: readonly NewScore[]): Promise<void> {
    if (scores.length === 0) return;
    const all = [...scores].sort((a, b) => (a.grant.grantId < b.grant.grantId ? -1 : 1));
    const of = (value: (score: NewScore) => string | number | boolean | null): string => arrayLiteral(all.map(value));
    await rows(
      sql`WITH given AS (
        SELECT * FROM unnest(
          ${of(({ grant }) => grant.grantId)}::uuid[], ${of(({ grant }) => grant.principalId)}::uuid[], ${of(({ grant }) => grant.assetId)}::uuid[], ${of(({ grant }) => grant.sensitivity)}::text[],
          ${of(({ score }) => score.band)}::text[], ${of(({ score }) => score.recommendation)}::text[],
          ${of(({ score }) => score.score)}::float8[], ${of(({ score }) => score.priority)}::float8[],
          ${of(({ score }) => score.nextBandAt?.toISOString() ?? null)}::timestamptz[],
          ${of(({ grant }) => instant(grant.lastUsedMs))}::timestamptz[], ${of(({ grant }) => grant.lastUseInferred)}::boolean[],
          ${of(({ grant }) => instant(grant.trackedMs))}::timestamptz[], ${of(({ grant }) => grant.cadenceDays)}::float8[],
          ${of(({ grant }) => grant.cadenceGaps ?? 0)}::integer[], ${of(({ grant }) => grant.peers)}::integer[],
          ${of(({ grant }) => grant.peersHolding)}::integer[], ${of(({ grant }) => grant.usageRevision)}::bigint[],
          ${of(({ historyDay }) => historyDay)}::integer[], ${of(({ recorded }) => recorded)}::boolean[]
        ) AS u (grant_id, principal_id, asset_id, sensitivity, band, recommendation, score, priority, next_band_at, last_used_at,
          last_use_inferred, usage_tracked_since, cadence_days, cadence_gaps, peers, peers_holding, usage_revision, history_day, recorded)
      ), written AS (
        INSERT INTO scores AS s (grant_id, principal_id, asset_id, sensitivity, band, recommendation, score, priority, next_band_at, last_used_at,
          last_use_inferred, usage_tracked_since, cadence_days, cadence_gaps, peers, peers_holding, usage_revision, history_day, model_version, computed_at)
        SELECT grant_id, principal_id, asset_id, sensitivity, band, recommendation, score, priority, next_band_at, last_used_at,
          last_use_inferred, usage_tracked_since, cadence_days, cadence_gaps, peers, peers_holding, usage_revision, history_day, ${MODEL_VERSION}, ${now}
        FROM given
        ON CONFLICT (grant_id) DO UPDATE SET sensitivity = excluded.sensitivity, band = excluded.band, recommendation = excluded.recommendation,
          score = excluded.score, priority = excluded.priority, next_band_at = excluded.next_band_at, last_used_at = excluded.last_used_at,
          last_use_inferred = excluded.last_use_inferred, usage_tracked_since = excluded.usage_tracked_since, cadence_days = excluded.cadence_days,
          cadence_gaps = excluded.cadence_gaps, peers = excluded.peers, peers_holding = excluded.peers_holding,
          usage_revision = excluded.usage_revision, history_day = excluded.history_day, model_version = excluded.model_version,
          computed_at = excluded.computed_at
        WHERE (excluded.usage_revision, excluded.computed_at) >= (s.usage_revision, s.computed_at)
        RETURNING s.grant_id
      )
      INSERT INTO score_history_outbox (grant_id, computed_at, score, priority, band, model_version)
      SELECT given.grant_id, ${now}, given.score, given.priority, given.band, ${MODEL_VERSION} FROM given JOIN written USING (grant_id) WHERE given.recorded`,
    );
  }

  /** Takes the scores of grants that are no longer in force out of the way; readers have not seen them since the grant ended. */
  async removeEnded(rows: Rows, selection: GrantSelection): Promise<void> {
    await rows(sql`DELETE FROM scores s USING grants g WHERE g.id = s.grant_id AND ${selected(selection)} AND NOT ${inForce('g', null)}`);
  }

  /** How many scores each band has. Reads all of them. */
  byBand(rows: Rows): Promise<{ band: string; count: number }[]> {
    return rows(sql`SELECT band, count(*)::float8 AS count FROM scores GROUP BY band`);
  }
}

function selected(selection: GrantSelection): Sql {
  if ('ids' in selection) return sql`g.id = ANY (${arrayLiteral(selection.ids)}::uuid[])`;
  return sql`g.id > ${selection.afterId}::uuid AND g.id <= ${selection.upToId}::uuid`;
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(Math.round(ms)).toISOString();
}
