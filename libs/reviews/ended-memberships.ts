import { forbidNesting } from '#libs/database/nesting.js';
import type { Transaction } from '#libs/database/transaction.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import sql from 'sql-template-tag';

/** Somebody in a group. A reviewer may end these in the place of the group's grant. */
export interface ReviewedMembership {
  groupId: string;
  memberId: string;
}

/** Ends those of the memberships that there still are, each with its event. Answers which those were. */
export async function endMemberships(tx: Transaction, memberships: readonly ReviewedMembership[]): Promise<ReviewedMembership[]> {
  const ended = await tx.rows<ReviewedMembership>(
    sql`UPDATE memberships m SET removed_at = ${tx.now} FROM jsonb_to_recordset(${JSON.stringify(memberships)}) AS r ("groupId" uuid, "memberId" uuid)
      WHERE m.group_id = r."groupId" AND m.member_id = r."memberId" AND m.removed_at IS NULL RETURNING m.group_id AS "groupId", m.member_id AS "memberId"`,
  );
  for (const { groupId, memberId } of ended) {
    tx.record({
      type: 'membership.removed',
      resource: { type: 'principal', id: groupId },
      before: { memberId },
      reason: 'Ended by a review.',
    });
  }
  return ended;
}

/** Why a membership cannot come back. */
export type MembershipObstacle = 'exists_already' | 'group_deactivated' | 'membership_cycle';

/**
 * Brings memberships back, one after another, each under the rules by which any is added: not twice, not into a group that is deactivated, and not
 * so that a group would be in itself. Answers why the first that could not come back could not, or null where at least one did.
 */
export async function restoreMemberships(tx: Transaction, memberships: readonly ReviewedMembership[]): Promise<MembershipObstacle | null> {
  await forbidNesting(tx);
  const obstacles: MembershipObstacle[] = [];
  for (const membership of memberships) {
    const obstacle = await obstacleTo(tx, membership);
    if (obstacle === null) await restoreOne(tx, membership);
    else obstacles.push(obstacle);
  }
  return obstacles.length < memberships.length ? null : (obstacles[0] ?? null);
}

async function obstacleTo(tx: Transaction, { groupId, memberId }: ReviewedMembership): Promise<MembershipObstacle | null> {
  const [found] = await tx.rows<{ obstacle: MembershipObstacle | null }>(
    sql`WITH RECURSIVE up AS (
        SELECT ${groupId}::uuid AS id
        UNION SELECT m.group_id FROM up JOIN memberships m ON m.member_id = up.id AND m.removed_at IS NULL
      )
      SELECT CASE
        WHEN EXISTS (SELECT FROM memberships m WHERE m.group_id = ${groupId} AND m.member_id = ${memberId} AND m.removed_at IS NULL) THEN 'exists_already'
        WHEN (SELECT status FROM principals WHERE id = ${groupId}) = 'deactivated' THEN 'group_deactivated'
        WHEN EXISTS (SELECT FROM up WHERE id = ${memberId}) THEN 'membership_cycle' END AS obstacle`,
  );
  return found?.obstacle ?? null;
}

async function restoreOne(tx: Transaction, { groupId, memberId }: ReviewedMembership): Promise<void> {
  const restored = await tx.rows(
    sql`INSERT INTO memberships (id, group_id, member_id, member_is_group, added_at)
      SELECT ${uuidv7()}, ${groupId}, p.id, p.type = 'group', ${tx.now} FROM principals p WHERE p.id = ${memberId}
      ON CONFLICT (group_id, member_id) WHERE removed_at IS NULL DO NOTHING RETURNING id`,
  );
  if (restored.length === 0) return;
  tx.record({
    type: 'membership.added',
    resource: { type: 'principal', id: groupId },
    after: { memberId },
    reason: 'A review was undone.',
  });
}
