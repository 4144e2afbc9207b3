import type { Transaction } from '#libs/database/transaction.js';
import sql, { raw, type Sql } from 'sql-template-tag';
import type { Reviewers } from './campaign.js';

/**
 * Whose access is whose own: for every candidate of the CTE `candidate(id)`, what nobody may review as their own. That is themselves, what they
 * own, and every group that any of these is in, at any depth and whatever its status; a group of everyone is nobody's own.
 */
const SUBJECTS = sql`own (reviewer_id, id) AS (
    SELECT id, id FROM candidate
    UNION SELECT c.id, o.id FROM candidate c JOIN principals o ON o.owner_id = c.id
  ), inside (reviewer_id, id) AS (
    SELECT own.reviewer_id, m.group_id FROM own JOIN memberships m ON m.member_id = own.id AND m.removed_at IS NULL
    UNION SELECT i.reviewer_id, m.group_id FROM inside i JOIN memberships m ON m.member_id = i.id AND m.removed_at IS NULL
  ), subject AS MATERIALIZED (
    SELECT reviewer_id, id FROM own
    UNION SELECT i.reviewer_id, i.id FROM inside i JOIN principals g ON g.id = i.id WHERE g.attributes->>'everyone' IS DISTINCT FROM 'true'
  )`;

/** Of the holders of grants, those whose access is this person's own (DESIGN.md section 7): they may not decide about it. */
export async function ownAmong(tx: Transaction, reviewerId: string | null, holderIds: readonly string[]): Promise<Set<string>> {
  if (reviewerId === null) return new Set();
  const rows = await tx.rows<{ id: string }>(
    sql`WITH RECURSIVE candidate AS (SELECT ${reviewerId}::uuid AS id), ${SUBJECTS}
      SELECT DISTINCT id FROM subject WHERE id = ANY (${holderIds}::uuid[])`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** A grant of the CTE `resolved`, with who is to review it; `reviewer_id` is null where nobody may. */
export interface Resolved {
  grantId: string;
  reviewerId: string | null;
  reason: AssignmentReason;
}

/** How a reviewer came to an item. `fallback_…` says why the one asked for first could not be. */
export const ASSIGNMENT_REASONS = [
  'asset_owner',
  'manager',
  'named',
  'fallback_none',
  'fallback_not_active',
  'fallback_not_a_person',
  'fallback_self_review',
  'chosen',
  'reassigned',
] as const;
export type AssignmentReason = (typeof ASSIGNMENT_REASONS)[number];

const FIRST_CHOICE: Record<'assetOwner' | 'manager', string> = { assetOwner: 'asset_owner_id', manager: 'manager_id' };

/**
 * The CTEs from `chosen` to `resolved`: who is to review each of the grants of `chosen (id, principal_id, manager_id, asset_owner_id)`. To be put
 * behind WITH RECURSIVE. All of it is set-wise, so that 100,000 grants are one pass and not 100,000 walks.
 */
export function resolution(chosen: Sql, reviewers: Reviewers): Sql {
  const { kind, principalIds, fallbackReviewerId } = reviewers;
  const wanted = kind === 'named' ? sql`SELECT unnest(${principalIds}::uuid[])` : sql`SELECT ${raw(FIRST_CHOICE[kind])} FROM chosen`;
  const firstReason = { assetOwner: 'asset_owner', manager: 'manager', named: 'named' }[kind];
  return sql`chosen AS MATERIALIZED (${chosen}),
    candidate AS MATERIALIZED (SELECT id FROM (${wanted} UNION SELECT ${fallbackReviewerId}::uuid) AS w (id) WHERE id IS NOT NULL),
    able AS MATERIALIZED (
      SELECT p.id, p.type = 'user' AS person, p.status = 'active' AS active FROM candidate JOIN principals p ON p.id = candidate.id
    ),
    ${SUBJECTS},
    fallback AS MATERIALIZED (SELECT id FROM able WHERE id = ${fallbackReviewerId}::uuid AND person AND active),
    first AS (${kind === 'named' ? firstOfNamed(principalIds) : firstOf(FIRST_CHOICE[kind])}),
    resolved AS (
      SELECT f.*,
        CASE WHEN obstacle IS NULL THEN first_id
          WHEN (principal_id, (SELECT id FROM fallback)) NOT IN (SELECT id, reviewer_id FROM subject) THEN (SELECT id FROM fallback) END AS reviewer_id,
        CASE WHEN obstacle IS NULL THEN ${firstReason} ELSE 'fallback_' || obstacle END AS reason
      FROM first f
    )`;
}

function firstOf(column: string): Sql {
  const wanted = raw(`c.${column}`);
  return sql`SELECT c.*, ${wanted} AS first_id,
      CASE WHEN ${wanted} IS NULL THEN 'none' WHEN NOT able.person THEN 'not_a_person' WHEN NOT able.active THEN 'not_active'
        WHEN (c.principal_id, ${wanted}) IN (SELECT id, reviewer_id FROM subject) THEN 'self_review' END AS obstacle
    FROM chosen c LEFT JOIN able ON able.id = ${wanted}`;
}

/** Spread by a digest of the grant's id. Only where that leads to the subject itself all the others are looked through. */
function firstOfNamed(principalIds: readonly string[]): Sql {
  const fit = sql`NOT IN (SELECT id, reviewer_id FROM subject)`;
  return sql`SELECT picked.*, CASE WHEN first_id IS NULL THEN CASE WHEN size > 0 THEN 'self_review' ELSE 'not_active' END END AS obstacle
    FROM (
      SELECT c.*, team.size, CASE WHEN team.size = 0 THEN NULL WHEN (c.principal_id, pick.id) ${fit} THEN pick.id
          ELSE (SELECT o.id FROM unnest(team.ids) AS o (id) WHERE (c.principal_id, o.id) ${fit} ORDER BY md5(c.id::text || o.id::text) LIMIT 1) END AS first_id
      FROM chosen c
      CROSS JOIN (
        SELECT coalesce(array_agg(id ORDER BY id), '{}') AS ids, count(*)::integer AS size FROM able
        WHERE person AND active AND id = ANY (${principalIds}::uuid[])
      ) team
      CROSS JOIN LATERAL (SELECT team.ids[1 + ('x' || left(md5(c.id::text), 7))::bit(28)::integer % nullif(team.size, 0)] AS id) pick
    ) picked`;
}
