import type { Transaction } from '#libs/database/transaction.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import { noteReasons } from '#libs/reviews/packets.js';
import { firstReminderAt } from '#libs/reviews/reminders.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

export interface Move {
  fromPacketId: string;
  toPacketId: string;
  itemIds: readonly string[];
  reason: string;
}

@Injectable()
export class ReassignmentRepository {
  /** Moves undecided items from one packet to another, notes each move, and moves the numbers with them. Answers whether the packet has been made for it. */
  async move(tx: Transaction, { fromPacketId, toPacketId, itemIds, reason }: Move): Promise<boolean> {
    const ids = itemIds.map(() => uuidv7());
    await tx.rows(sql`UPDATE review_items SET packet_id = ${toPacketId}, reason = 'reassigned' WHERE id = ANY (${itemIds}::uuid[])`);
    await tx.rows(
      sql`INSERT INTO review_reassignments (id, item_id, from_packet_id, to_packet_id, reason, reassigned_by, reassigned_at)
        SELECT n.id, n.item_id, ${fromPacketId}, ${toPacketId}, ${reason}, ${JSON.stringify(tx.actor)}::jsonb, ${tx.now}
        FROM unnest(${ids}::uuid[], ${itemIds}::uuid[]) AS n (id, item_id)`,
    );
    await tx.rows(
      sql`UPDATE review_packets SET pending = pending + CASE WHEN id = ${toPacketId} THEN ${itemIds.length}::integer ELSE ${-itemIds.length}::integer END,
          updated_at = ${tx.now}, version = version + 1 WHERE id IN (${fromPacketId}, ${toPacketId})`,
    );
    await noteReasons(tx, sql`p.id IN (${fromPacketId}, ${toPacketId})`);
    const [target] = await tx.rows<{ dueAt: Date; createdAt: Date; reminded: boolean; isNew: boolean }>(
      sql`SELECT due_at AS "dueAt", created_at AS "createdAt", next_reminder_at IS NOT NULL AS reminded, created_at = ${tx.now} AS "isNew"
        FROM review_packets WHERE id = ${toPacketId}`,
    );
    if (target && !target.reminded) {
      const remindAt = firstReminderAt(target.createdAt, target.dueAt);
      await tx.rows(sql`UPDATE review_packets SET next_reminder_at = ${remindAt} WHERE id = ${toPacketId}`);
    }
    return target?.isNew ?? false;
  }
}
