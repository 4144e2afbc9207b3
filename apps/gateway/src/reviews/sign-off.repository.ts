import type { Transaction } from '#libs/database/transaction.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

@Injectable()
export class SignOffRepository {
  async signOff(tx: Transaction, packetId: string): Promise<void> {
    await tx.rows(
      sql`UPDATE review_packets SET status = 'signed_off', signed_off_at = ${tx.now}, signed_off_by = ${JSON.stringify(tx.actor)}::jsonb,
          next_reminder_at = NULL, updated_at = ${tx.now}, version = version + 1 WHERE id = ${packetId}`,
    );
  }

  /** Whether a round has a packet with something in it that is not signed off yet. */
  async hasOpen(tx: Transaction, campaignId: string): Promise<boolean> {
    const open = await tx.rows(
      sql`SELECT FROM review_packets WHERE campaign_id = ${campaignId} AND status = 'open' AND pending + approved + revoked + abstained > 0 LIMIT 1`,
    );
    return open.length > 0;
  }
}
