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

/** What a closing takes away: a query of grant ids, and one of the memberships (`group_id`, `member_id`) that end in the place of others. */
export interface Going {
  grants: Sql;
  memberships: Sql;
}

export const NO_MEMBERSHIPS = sql`SELECT NULL::uuid AS group_id, NULL::uuid AS member_id WHERE false`;

/** The memberships that items end, from their column of that name. */
export const endedBy = (from: Sql): Sql =>
  sql`SELECT e."groupId" AS group_id, e."memberId" AS member_id
    ${from} CROSS JOIN LATERAL jsonb_to_recordset(i.memberships) AS e ("groupId" uuid, "memberId" uuid)`;

/** The groups that memberships end in, and all around them: whose grants then reach fewer. */
const thinned = sql`thinned (id) AS (
    SELECT group_id FROM ended
    UNION SELECT m.group_id FROM thinned t JOIN memberships m ON m.member_id = t.id AND m.removed_at IS NULL
  )`;

/** The assets that ending these memberships may take admins from. */
export const assetsThinned = (memberships: Sql): Sql =>
  sql`WITH RECURSIVE ended (group_id, member_id) AS (${memberships}), ${thinned}
    SELECT asset_id FROM grants WHERE principal_id IN (SELECT id FROM thinned) AND privilege = 'admin' AND ${inForce('grants', null)}`;

/**
 * The assets that would be left without an admin: those that have one now. Only a holder who is active can administer anything, and a group only
 * through somebody active in it; a grant that a connector has been asked to take away counts as gone.
 */
export async function orphanedAssets(rows: <Row>(query: Sql) => Promise<Row[]>, { grants, memberships }: Going): Promise<string[]> {
  const person = sql`m.group_id = i.id AND m.removed_at IS NULL AND NOT m.member_is_group AND p.status = 'active'`;
  const found = await rows<{ assetId: string }>(
    sql`WITH RECURSIVE ended (group_id, member_id) AS MATERIALIZED (${memberships}), ${thinned},
      going (id) AS MATERIALIZED (${grants}),
      touched (asset_id) AS MATERIALIZED (
        SELECT g.asset_id FROM grants g WHERE g.privilege = 'admin' AND ${inForce('g', null)} AND g.id IN (SELECT id FROM going)
        UNION SELECT g.asset_id FROM grants g WHERE g.privilege = 'admin' AND ${inForce('g', null)} AND g.principal_id IN (SELECT id FROM thinned)
      ),
      held AS MATERIALIZED (
        SELECT o.asset_id, o.principal_id, h.type = 'group' AS by_group, o.id IN (SELECT id FROM going) AS goes,
          EXISTS (SELECT FROM remediations r WHERE r.grant_id = o.id AND r.status = 'queued') AS queued
        FROM grants o JOIN principals h ON h.id = o.principal_id AND h.status = 'active'
        WHERE o.asset_id IN (SELECT asset_id FROM touched) AND o.privilege = 'admin' AND ${inForce('o', null)}
      ),
      inside (holder, id, stays) AS (
        SELECT DISTINCT principal_id, principal_id, true FROM held WHERE by_group
        UNION SELECT i.holder, m.member_id, i.stays AND (m.group_id, m.member_id) NOT IN (SELECT group_id, member_id FROM ended)
        FROM inside i JOIN memberships m ON m.group_id = i.id AND m.removed_at IS NULL AND m.member_is_group
        JOIN principals p ON p.id = m.member_id AND p.status = 'active'
      ),
      staffed AS MATERIALIZED (
        SELECT i.holder, bool_or(i.stays AND EXISTS (SELECT FROM memberships m JOIN principals p ON p.id = m.member_id
          WHERE ${person} AND (m.group_id, m.member_id) NOT IN (SELECT group_id, member_id FROM ended))) AS stays
        FROM inside i WHERE EXISTS (SELECT FROM memberships m JOIN principals p ON p.id = m.member_id WHERE ${person}) GROUP BY i.holder
      ),
      admins AS (
        SELECT h.asset_id, NOT h.goes AND (NOT h.by_group OR s.stays) AS stays, h.queued
        FROM held h LEFT JOIN staffed s ON s.holder = h.principal_id WHERE NOT h.by_group OR s.holder IS NOT NULL
      )
      SELECT asset_id AS "assetId" FROM admins GROUP BY asset_id HAVING bool_or(NOT stays) AND NOT bool_or(stays AND NOT queued) ORDER BY 1`,
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
  const orphaned = await orphanedAssets((query) => tx.rows(query), {
    grants: sql`SELECT i.grant_id ${decided} AND i.memberships IS NULL`,
    memberships: endedBy(sql`FROM (SELECT i.memberships ${decided} AND i.memberships IS NOT NULL) i`),
  });
  return breakerOf(counts?.items ?? 0, counts?.revoking ?? 0, orphaned);
}
