import type { Transaction } from '#libs/database/transaction.js';
import { explainGrant, roundToCents } from '#libs/decay-model/decay-model.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import { decayFacts, FACTS_OF_SCORE, type FactsRow, milliseconds } from '#libs/scoring/score-facts.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import sql, { type Sql } from 'sql-template-tag';
import type { Campaign } from './campaign.js';
import type { AssignmentReason } from './reviewer-resolution.js';
import { REVIEWABLE } from './selector.js';

/** A grant that is to become an item, with all that its snapshot holds. */
export interface Reviewable extends FactsRow {
  id: string;
  principalId: string;
  assetId: string;
  reviewerId: string | null;
  reason: AssignmentReason;
  principal: object;
  asset: object;
  grant: object;
  score: number | null;
  priority: number | null;
  band: string | null;
  recommendation: string | null;
  modelVersion: string | null;
  computedMs: number | null;
  nextBandMs: number | null;
  lastUseInferred: boolean | null;
}

const PRINCIPAL = jsonRow({
  ...{ id: 'p.id', type: 'p.type', displayName: 'p.display_name', department: 'p.department', status: 'p.status', ownerId: 'p.owner_id' },
});
const ASSET = jsonRow({
  ...{ id: 'a.id', type: 'a.type', name: 'a.name', sensitivity: 'a.sensitivity', source: 'a.source', ownerId: 'a.owner_id' },
});
const GRANT = jsonRow({
  ...{ id: 'g.id', permission: 'g.permission', privilege: 'g.privilege', source: 'g.source', grantedAt: 'instant(g.granted_at)' },
  ...{ expiresAt: 'instant(g.expires_at)', justification: 'g.justification', lastUsedAt: 'instant(u.last_used_at)' },
});

/** Reads the grants of `picked (id, reviewer_id, reason)`, by id. `ctes` are what WITH RECURSIVE makes of it. */
export function reviewables(tx: Transaction, ctes: Sql, picked: Sql = sql`resolved`): Promise<Reviewable[]> {
  return tx.rows<Reviewable>(
    sql`WITH RECURSIVE ${ctes}
      SELECT ${FACTS_OF_SCORE}, g.id, g.principal_id AS "principalId", g.asset_id AS "assetId", r.reviewer_id AS "reviewerId", r.reason,
        ${PRINCIPAL} AS principal, ${ASSET} AS asset, ${GRANT} AS grant, a.sensitivity, s.score, s.priority, s.band, s.recommendation,
        s.model_version AS "modelVersion", ${milliseconds('s.computed_at')} AS "computedMs", ${milliseconds('s.next_band_at')} AS "nextBandMs",
        s.last_use_inferred AS "lastUseInferred"
      FROM ${REVIEWABLE} JOIN ${picked} r ON r.id = g.id ORDER BY g.id`,
  );
}

/**
 * Makes items of grants, each in the packet of its reviewer, and counts them there. What the campaign has an item of already stays as it is.
 * Answers how many were made.
 */
export async function makeItems(
  tx: Transaction,
  campaign: Pick<Campaign, 'id'> & { launchedAt: Date },
  packets: ReadonlyMap<string, string>,
  grants: readonly Reviewable[],
): Promise<number> {
  const rows = grants.map((grant) => ({
    ...{ grant_id: grant.id, packet_id: packets.get(grant.reviewerId ?? ''), principal_id: grant.principalId, asset_id: grant.assetId },
    ...{ reason: grant.reason, snapshot: snapshotOf(grant), band: grant.band, recommendation: grant.recommendation },
    sensitivity: grant.sensitivity,
  }));
  const made = await tx.rows<{ packetId: string; count: number }>(
    sql`WITH made AS (
        INSERT INTO review_items (id, campaign_id, packet_id, grant_id, principal_id, asset_id, reason, status, snapshot, band, recommendation,
          sensitivity, created_at)
        SELECT review_item_id(${campaign.id}, r.grant_id, ${campaign.launchedAt}), ${campaign.id}, r.packet_id, r.grant_id, r.principal_id, r.asset_id,
          r.reason, 'pending', r.snapshot, r.band, r.recommendation, r.sensitivity, ${tx.now}
        FROM jsonb_to_recordset(${JSON.stringify(rows)}) AS r (grant_id uuid, packet_id uuid, principal_id uuid, asset_id uuid, reason text,
          snapshot jsonb, band text, recommendation text, sensitivity text)
        ON CONFLICT ON CONSTRAINT review_items_once DO NOTHING
        RETURNING packet_id
      )
      SELECT packet_id AS "packetId", count(*)::integer AS count FROM made GROUP BY packet_id ORDER BY packet_id`,
  );
  await tx.rows(
    sql`UPDATE review_packets p SET pending = p.pending + n.count, updated_at = ${tx.now}, version = version + 1
      FROM unnest(${arrayLiteral(made.map(({ packetId }) => packetId))}::uuid[], ${arrayLiteral(made.map(({ count }) => count))}::integer[]) AS n (id, count)
      WHERE p.id = n.id`,
  );
  return made.reduce((sum, { count }) => sum + count, 0);
}

/** The frozen copy of what a reviewer needs. The explanation is that of the score as it was computed. */
function snapshotOf(grant: Reviewable): object {
  const { principal, asset, grant: granted, score, priority, band, recommendation, modelVersion, computedMs } = grant;
  if (score === null || priority === null || computedMs === null) return { principal, asset, grant: granted, score: null };
  const computedAt = new Date(Math.round(computedMs));
  const { explanation } = explainGrant(decayFacts(grant), computedAt);
  const lastUse = grant.lastUsedMs === null ? null : grant.lastUseInferred ? 'inferred' : 'reported';
  const shown = { score: roundToCents(score), priority: roundToCents(priority), band, recommendation, modelVersion };
  const nextBandAt = grant.nextBandMs === null ? null : new Date(Math.round(grant.nextBandMs)).toISOString();
  const times = { computedAt: computedAt.toISOString(), nextBandAt };
  return { principal, asset, grant: granted, score: { ...shown, ...times, explanation: { ...explanation, lastUse } } };
}
