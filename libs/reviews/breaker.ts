import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import sql, { type Sql } from 'sql-template-tag';
import type { Breaker } from './campaign.js';

const SMALLEST_LIMIT = 25;
const SHARE = 0.2;

/** How many of so many items a closing may revoke before a second admin has to confirm. */
export function revocationLimit(items: number): number {
  return Math.max(SMALLEST_LIMIT, Math.floor(items * SHARE));
}

/**
 * The assets that would be left without an admin if the grants of `going` (a query of grant ids) were gone: those that have one now. Only a
 * holder who is active can administer anything, and a grant that a connector has been asked to take away counts as gone.
 */
export async function orphanedAssets(rows: <Row>(query: Sql) => Promise<Row[]>, going: Sql): Promise<string[]> {
  const found = await rows<{ assetId: string }>(
    sql`WITH going AS MATERIALIZED (
        SELECT g.id, g.asset_id FROM grants g JOIN principals h ON h.id = g.principal_id AND h.status = 'active'
        WHERE g.id IN (${going}) AND g.privilege = 'admin' AND ${inForce('g', null)}
      )
      SELECT DISTINCT a.asset_id AS "assetId" FROM going a WHERE NOT EXISTS (
        SELECT FROM grants o JOIN principals h ON h.id = o.principal_id AND h.status = 'active'
        WHERE o.asset_id = a.asset_id AND o.privilege = 'admin' AND ${inForce('o', null)} AND o.id NOT IN (SELECT id FROM going)
          AND NOT EXISTS (SELECT FROM remediations r WHERE r.grant_id = o.id AND r.status = 'queued')
      ) ORDER BY 1`,
  );
  return found.map(({ assetId }) => assetId);
}

/** What the circuit breaker says of so many revocations among so many items, and of the assets that would lose their last admin. */
export function breakerOf(items: number, wouldRevoke: number, orphaned: readonly string[]): Breaker {
  const limit = revocationLimit(items);
  return {
    ...{ limit, wouldRevoke },
    reasons: [
      ...(wouldRevoke > limit ? [{ code: 'too_many_revocations' as const, assetId: null }] : []),
      ...orphaned.map((assetId) => ({ code: 'last_admin' as const, assetId })),
    ],
  };
}

/** The same for what a campaign's items have been decided to be. */
export async function breakerOfDecided(tx: Transaction, campaignId: string): Promise<Breaker> {
  const decided = sql`FROM review_items i WHERE i.campaign_id = ${campaignId} AND i.decision = 'revoke' AND NOT i.settled`;
  const [counts] = await tx.rows<{ items: number; revoking: number }>(
    sql`SELECT (SELECT coalesce(sum(pending + approved + revoked + abstained), 0)::integer FROM review_packets WHERE campaign_id = ${campaignId}) AS items,
        (SELECT count(*)::integer FROM grants g WHERE ${inForce('g', null)} AND g.id IN (SELECT i.grant_id ${decided})) AS revoking`,
  );
  const orphaned = await orphanedAssets((query) => tx.rows(query), sql`SELECT i.grant_id ${decided} AND i.memberships IS NULL`);
  return breakerOf(counts?.items ?? 0, counts?.revoking ?? 0, orphaned);
}
