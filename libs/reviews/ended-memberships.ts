import type { Transaction } from '#libs/database/transaction.js';
import sql from 'sql-template-tag';
import { v7 as uuidv7 } from 'uuid';

/** Somebody in a group. A reviewer may end these in the place of the group's grant. */
export interface ReviewedMembership {
  groupId: string;
  memberId: string;
}

interface MembershipRow {
  groupId: string;
  memberId: string;
}

/** Ends those of the memberships that there still are, each with its event. Answers how many those were. */
export async function endMemberships(tx: Transaction, memberships: readonly ReviewedMembership[]): Promise<number> {
  const ended = await tx.rows<MembershipRow>(
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
  return ended.length;
}

/** Brings memberships back, but for those that are there again, or would put a group into itself by now. Answers how many came back. */
export async function restoreMemberships(tx: Transaction, memberships: readonly ReviewedMembership[]): Promise<number> {
  const rows = memberships.map((membership) => ({ ...membership, id: uuidv7() }));
  const restored = await tx.rows<MembershipRow>(
    sql`INSERT INTO memberships AS m (id, group_id, member_id, member_is_group, added_at)
      SELECT r.id, r."groupId", r."memberId", p.type = 'group', ${tx.now}
      FROM jsonb_to_recordset(${JSON.stringify(rows)}) AS r (id uuid, "groupId" uuid, "memberId" uuid) JOIN principals p ON p.id = r."memberId"
      WHERE p.type <> 'group' OR NOT EXISTS (SELECT FROM groups_below(p.id, NULL) b WHERE b.group_id = r."groupId")
      ON CONFLICT (group_id, member_id) WHERE removed_at IS NULL DO NOTHING RETURNING m.group_id AS "groupId", m.member_id AS "memberId"`,
  );
  for (const { groupId, memberId } of restored) {
    tx.record({
      type: 'membership.added',
      resource: { type: 'principal', id: groupId },
      after: { memberId },
      reason: 'A review was undone.',
    });
  }
  return restored.length;
}
