import { MembershipEntity } from '#libs/database/entities/membership.entity.js';
import { forbidNesting } from '#libs/database/nesting.js';
import type { Transaction } from '#libs/database/transaction.js';
import { JsonItem, instant, orNull, text, word } from '#libs/pagination/json-item.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { IsNull } from 'typeorm';

const MEMBER = new JsonItem({
  principalId: word('p.id'),
  type: word('p.type'),
  displayName: text('p.display_name'),
  addedAt: orNull(instant('m.added_at')),
});

@Injectable()
export class MembershipsRepository {
  constructor(private readonly keyset: Keyset) {}

  members(groupId: string, request: PageRequest): Promise<Page> {
    return this.keyset.page(
      {
        list: `members:${groupId}`,
        item: MEMBER,
        from: sql`memberships m JOIN principals p ON p.id = m.member_id`,
        where: [sql`m.group_id = ${groupId}`, sql`m.removed_at IS NULL`],
        sort: byId('m', 'member_id'),
        binding: {},
      },
      request,
    );
  }

  /** The groups that a principal is in now; with `transitive` also those that these are in. */
  groupsOf(principalId: string, transitive: boolean, request: PageRequest): Promise<Page> {
    const direct = sql`SELECT group_id, added_at FROM memberships WHERE member_id = ${principalId} AND removed_at IS NULL`;
    const every = sql`WITH RECURSIVE up AS (
        SELECT group_id FROM memberships WHERE member_id = ${principalId} AND removed_at IS NULL
        UNION SELECT m.group_id FROM up JOIN memberships m ON m.member_id = up.group_id AND m.removed_at IS NULL
      )
      SELECT up.group_id, d.added_at FROM up LEFT JOIN (${direct}) d ON d.group_id = up.group_id`;
    return this.keyset.page(
      {
        list: `groups:${principalId}`,
        item: MEMBER,
        from: sql`(${transitive ? every : direct}) m JOIN principals p ON p.id = m.group_id`,
        where: [],
        sort: byId('m', 'group_id'),
        binding: { transitive },
      },
      request,
    );
  }

  findCurrent(tx: Transaction, groupId: string, memberId: string): Promise<MembershipEntity | null> {
    return tx.manager.getRepository(MembershipEntity).findOneBy({ groupId, memberId, removedAt: IsNull() });
  }

  /** Adds a membership; answers false, and does nothing, where it is there already. */
  async add(tx: Transaction, membership: MembershipEntity): Promise<boolean> {
    const { id, groupId, memberId, memberIsGroup, addedAt } = membership;
    const added = await tx.rows(
      sql`INSERT INTO memberships (id, group_id, member_id, member_is_group, added_at) VALUES (${id}, ${groupId}, ${memberId}, ${memberIsGroup}, ${addedAt})
        ON CONFLICT (group_id, member_id) WHERE removed_at IS NULL DO NOTHING RETURNING id`,
    );
    return added.length > 0;
  }

  /** Ends a membership; answers false where there is none. */
  async end(tx: Transaction, groupId: string, memberId: string): Promise<boolean> {
    const ended = await tx.rows(
      sql`UPDATE memberships SET removed_at = ${tx.now} WHERE group_id = ${groupId} AND member_id = ${memberId} AND removed_at IS NULL RETURNING id`,
    );
    return ended.length > 0;
  }

  /** Whether one group is, at any depth, inside another. Nobody else nests groups until the transaction ends. */
  async isInside(tx: Transaction, inner: string, outer: string): Promise<boolean> {
    await forbidNesting(tx);
    const [row] = await tx.rows<{ inside: boolean }>(
      sql`WITH RECURSIVE up AS (
          SELECT ${inner}::uuid AS id
          UNION SELECT m.group_id FROM up JOIN memberships m ON m.member_id = up.id AND m.removed_at IS NULL
        )
        SELECT EXISTS (SELECT FROM up WHERE id = ${outer}) AS inside`,
    );
    return row?.inside === true;
  }
}
