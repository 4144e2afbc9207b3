import type pg from 'pg';

/*
 * What must hold whatever happened, asked of the database alone: each query finds what breaks its rule. `mine` are the rounds of a sequence.
 */

const MINE = `mine AS MATERIALIZED (
    SELECT id FROM review_campaigns WHERE id = ANY ($1) UNION SELECT campaign_id FROM review_packets WHERE id = ANY ($1)
  ), told AS MATERIALIZED (
    SELECT payload->>'action' AS action, payload->'resource'->>'id' AS about FROM events WHERE id >= $2
  )`;

const RULES: Record<string, string> = {
  'every item is with a reviewer of its own campaign': `SELECT i.id FROM review_items i LEFT JOIN review_packets k ON k.id = i.packet_id AND k.campaign_id = i.campaign_id
    LEFT JOIN principals p ON p.id = k.reviewer_id AND p.type = 'user' WHERE i.campaign_id IN (SELECT id FROM mine) AND p.id IS NULL`,
  'nobody decided about what they hold, or what somebody that they own holds': `SELECT d.id FROM review_decisions d JOIN review_items i ON i.id = d.item_id
    WHERE d.campaign_id IN (SELECT id FROM mine) AND d.decided_by->>'principalId' = i.principal_id::text`,
  'the decision in force is the last one': `SELECT i.id FROM review_items i WHERE i.campaign_id IN (SELECT id FROM mine) AND i.decision_id IS DISTINCT FROM
    (SELECT d.id FROM review_decisions d WHERE d.item_id = i.id ORDER BY d.decided_at DESC, d.id DESC LIMIT 1)`,
  'every decision is in the log, once': `SELECT i.id FROM review_items i WHERE i.campaign_id IN (SELECT id FROM mine) AND
    (SELECT count(*) FROM review_decisions d WHERE d.item_id = i.id) <> (SELECT count(*) FROM told WHERE about = i.id::text AND action = 'review.decided')`,
  'the numbers of a packet are those of its items': `SELECT k.id FROM review_packets k LEFT JOIN review_items i ON i.packet_id = k.id
    WHERE k.campaign_id IN (SELECT id FROM mine) GROUP BY k.id HAVING (k.pending, k.approved, k.revoked, k.abstained) <>
      (count(i.id) FILTER (WHERE i.status = 'pending'), count(*) FILTER (WHERE i.decision = 'approve'),
       count(*) FILTER (WHERE i.decision = 'revoke'), count(*) FILTER (WHERE i.decision = 'abstain'))`,
  'nothing is pending in what is signed off': `SELECT i.id FROM review_items i JOIN review_packets k ON k.id = i.packet_id
    WHERE i.campaign_id IN (SELECT id FROM mine) AND k.status = 'signed_off' AND i.status = 'pending'`,
  'nothing was decided after the sign-off': `SELECT d.id FROM review_decisions d JOIN review_packets k ON k.id = d.packet_id
    WHERE d.campaign_id IN (SELECT id FROM mine) AND d.decided_at > k.signed_off_at`,
  'what was to be revoked has a remediation once its campaign is completed, and nothing else has': `SELECT i.id FROM review_items i
    JOIN review_campaigns c ON c.id = i.campaign_id LEFT JOIN remediations r ON r.item_id = i.id WHERE i.campaign_id IN (SELECT id FROM mine)
      AND (r.id IS NOT NULL) <> (c.status = 'completed' AND i.decision = 'revoke')`,
  'what is applied has its grant revoked, with its events': `SELECT r.id FROM remediations r JOIN grants g ON g.id = r.grant_id
    WHERE r.campaign_id IN (SELECT id FROM mine) AND r.status = 'applied' AND r.memberships IS NULL AND (
      (r.source = 'manual' AND (g.status <> 'revoked' OR (SELECT count(*) FROM told WHERE about = g.id::text AND action = 'grant.revoked') <> 1))
      OR (SELECT count(*) FROM told WHERE about = r.id::text AND action = 'remediation.applied') <> 1)`,
  'what is brought back is in force under a new id, with its event': `SELECT r.id FROM remediations r LEFT JOIN grants n ON n.id = r.restored_id
    WHERE r.campaign_id IN (SELECT id FROM mine) AND r.undo = 'restored' AND r.memberships IS NULL AND (n.restores_grant_id IS DISTINCT FROM r.grant_id
      OR (SELECT count(*) FROM told WHERE about = n.id::text AND action = 'grant.created') <> 1)`,
  'no group is in itself': `SELECT m.id FROM memberships m WHERE m.group_id = ANY ($3) AND m.removed_at IS NULL AND m.group_id IN (
    WITH RECURSIVE below AS (SELECT m.member_id AS id UNION SELECT n.member_id FROM below JOIN memberships n ON n.group_id = below.id AND n.removed_at IS NULL)
    SELECT id FROM below)`,
};

/** The rules that are broken, each with what breaks it. */
export async function brokenRules(
  pool: pg.Pool,
  { made, since, groups }: { made: readonly string[]; since: string; groups: readonly string[] },
): Promise<string[]> {
  const parts = Object.entries(RULES).map(([rule, query]) => `SELECT '${rule}' AS rule, id::text FROM (${query}) AS broken (id)`);
  // All of them in one statement, and $3 typed even where only one of them needs it.
  const { rows } = await pool.query<{ rule: string; id: string }>(
    `WITH ${MINE} SELECT * FROM (${parts.join(' UNION ALL ')}) AS found WHERE $3::uuid[] IS NOT NULL`,
    [made, since, groups],
  );
  return rows.map(({ rule, id }) => `${rule}, but for ${id}`);
}
