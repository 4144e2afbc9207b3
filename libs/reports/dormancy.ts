import { inForce } from '#libs/database/in-force.js';
import type { Snapshot } from '#libs/database/snapshot.js';
import { type Band, BANDS, cadenceOf, type DecayFacts, explainGrant, scoreGrant } from '#libs/decay-model/decay-model.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import { milliseconds } from '#libs/scoring/score-facts.js';
import sql, { type Sql } from 'sql-template-tag';
import { type Instants, rowsAsOf } from './as-of.js';

type FactsRow = readonly [
  grantId: string,
  grantedMs: number,
  trackedMs: number | null,
  principalType: DecayFacts['principalType'],
  privilege: DecayFacts['privilege'],
  sensitivity: DecayFacts['sensitivity'],
  lastUsedMs: number | null,
  usageDays: readonly number[] | null,
  peers: number | null,
  peersHolding: number | null,
];

/** What of a score a report shows, unrounded. */
interface Dormant {
  grantId: string;
  lastUsedMs: number | null;
  idleDays: number;
  halfLifeDays: number;
  score: number;
  priority: number;
  band: 'dormant';
  recommendation: string;
}

/**
 * Scores grants by the decay model, from the facts as they were at an instant and recorded by then, into the temporary table `dormant_grants`:
 * those in the band `dormant`. Answers how many grants each band has.
 *
 * @param chosen which grants `g`, with their principals `p` and assets `a`: what follows FROM, conditions included
 */
export async function scoreDormancy(snapshot: Snapshot, instants: Instants, chosen: Sql): Promise<{ band: string; count: number }[]> {
  await snapshot.rows(
    sql`CREATE TEMPORARY TABLE dormant_grants (grant_id uuid PRIMARY KEY, last_used_at timestamptz, idle_days float8, half_life_days float8,
      score float8, priority float8, band text, recommendation text) ON COMMIT DROP`,
  );
  const counts = new Map<string, number>();
  for await (const batch of snapshot.batches<FactsRow>(factsQuery(instants, chosen))) {
    const dormant: Dormant[] = [];
    for (const row of batch) {
      const scored = score(row, instants.asOf);
      counts.set(scored.band, (counts.get(scored.band) ?? 0) + 1);
      if (scored.band === 'dormant') dormant.push(scored);
    }
    await store(snapshot, dormant);
  }
  await snapshot.rows(sql`ANALYZE dormant_grants`);
  return BANDS.map((band) => ({ band, count: counts.get(band) ?? 0 }));
}

/** Explains the dormant alone: of the others nothing is shown. */
function score(row: FactsRow, asOf: Date): Dormant | { band: Exclude<Band, 'dormant'> } {
  const [grantId, grantedMs, trackedMs, principalType, privilege, sensitivity, lastUsedMs, usageDays, peers, peersHolding] = row;
  const lastUsedAt = dateOrNull(lastUsedMs);
  const facts: DecayFacts = {
    ...{ grantedAt: new Date(Math.round(grantedMs)), lastUsedAt, usageTrackedSince: dateOrNull(trackedMs) },
    ...{ usage: cadenceOf(lastUsedAt, usageDays ?? []), principalType, privilege, sensitivity },
    peers: peers === null ? null : { count: peers, holding: Math.min(peers, Math.max(0, peersHolding ?? 0)) },
  };
  const { band } = scoreGrant(facts, asOf);
  if (band !== 'dormant') return { band };
  const { score: value, priority, recommendation, explanation } = explainGrant(facts, asOf);
  const { idleDays, effectiveHalfLifeDays: halfLifeDays } = explanation;
  return { grantId, lastUsedMs, idleDays, halfLifeDays, score: value, priority, band, recommendation };
}

async function store(snapshot: Snapshot, grants: readonly Dormant[]): Promise<void> {
  if (grants.length === 0) return;
  const of = (value: (grant: Dormant) => string | number | null): string => arrayLiteral(grants.map(value));
  await snapshot.rows(
    sql`INSERT INTO dormant_grants SELECT * FROM unnest(${of(({ grantId }) => grantId)}::uuid[],
      ${of(({ lastUsedMs }) => dateOrNull(lastUsedMs)?.toISOString() ?? null)}::timestamptz[], ${of(({ idleDays }) => idleDays)}::float8[],
      ${of(({ halfLifeDays }) => halfLifeDays)}::float8[], ${of((grant) => grant.score)}::float8[], ${of(({ priority }) => priority)}::float8[],
      ${of(({ band }) => band)}::text[], ${of(({ recommendation }) => recommendation)}::text[])`,
  );
}

/**
 * The facts of the model. Peers are counted as the decay engine counts them: the other active users of a department, and how many of them hold a
 * grant on the asset, all at that instant.
 */
function factsQuery(instants: Instants, chosen: Sql): Sql {
  const { asOf, recordedAt } = instants;
  const activeUser = sql`p.type = 'user' AND p.status = 'active' AND p.department <> ''`;
  return sql`WITH chosen AS MATERIALIZED (
      SELECT g.id, g.principal_id, g.asset_id, coalesce(g.held_since, g.granted_at) AS granted_at, g.privilege, p.type AS principal_type, p.department,
        (p.type = 'user' AND p.status = 'active')::integer AS one, a.sensitivity, a.usage_tracked_since
      FROM ${chosen}
    ), sizes AS MATERIALIZED (
      SELECT p.department, count(*)::integer AS users FROM ${rowsAsOf('principals', instants)} p WHERE ${activeUser} GROUP BY p.department
    ), holders AS MATERIALIZED (
      SELECT g.asset_id, p.department, count(DISTINCT g.principal_id)::integer AS users
      FROM ${rowsAsOf('grants', instants)} g JOIN ${rowsAsOf('principals', instants)} p ON p.id = g.principal_id
      WHERE ${inForce('g', asOf)} AND ${activeUser} AND g.asset_id IN (SELECT asset_id FROM chosen) GROUP BY g.asset_id, p.department
    ), used AS MATERIALIZED (
      SELECT grant_id, max(last) AS last_used_at, array_agg(day) AS days FROM (
        SELECT u.grant_id, floor(date_part('epoch', u.used_at) / 86400)::integer AS day, max(u.used_at) AS last FROM grant_uses u
        WHERE u.used_at <= ${asOf} AND u.recorded_at <= ${recordedAt} AND u.grant_id IN (SELECT id FROM chosen) GROUP BY 1, 2
      ) d GROUP BY grant_id
    )
    SELECT c.id::text, ${milliseconds('c.granted_at')}, ${milliseconds('c.usage_tracked_since')}, c.principal_type, c.privilege, c.sensitivity,
      ${milliseconds('u.last_used_at')}, CASE WHEN cardinality(u.days) > 3 THEN to_json(u.days) END,
      CASE WHEN c.department <> '' THEN coalesce(s.users, 0) - c.one END, CASE WHEN c.department <> '' THEN coalesce(h.users, 0) - c.one END
    FROM chosen c LEFT JOIN used u ON u.grant_id = c.id LEFT JOIN sizes s ON s.department = c.department
    LEFT JOIN holders h ON h.asset_id = c.asset_id AND h.department = c.department`;
}

function dateOrNull(ms: number | null): Date | null {
  return ms === null ? null : new Date(Math.round(ms));
}
