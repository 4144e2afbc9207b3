import type { Transaction } from '#libs/database/transaction.js';
import { ConflictError } from '#libs/errors/errors.js';
import sql from 'sql-template-tag';
import { type Campaign, campaignResource, changeCampaign, wrongState } from './campaign.js';

/**
 * Ends a campaign, which the caller holds, with nothing to come of it: its open packets are cancelled, and nothing is revoked.
 *
 * @throws ConflictError once it closes; a closing that is held cannot be cancelled away
 */
export async function cancelCampaign(tx: Transaction, campaign: Campaign): Promise<void> {
  const { id, status } = campaign;
  if (campaign.heldAt && status === 'closing') throw new ConflictError('breaker_open');
  if (status !== 'draft' && status !== 'active') throw wrongState(`What is ${status} cannot be cancelled.`);
  const packets = await tx.rows<{ id: string }>(
    sql`UPDATE review_packets SET status = 'cancelled', next_reminder_at = NULL, updated_at = ${tx.now}, version = version + 1
      WHERE campaign_id = ${id} AND status = 'open' RETURNING id`,
  );
  await changeCampaign(tx, id, sql`status = 'cancelled'`, sql`work = NULL`, sql`cancelled_at = ${tx.now}`);
  tx.record({ type: 'campaign.cancelled', resource: campaignResource(campaign), before: { status }, after: { status: 'cancelled' } });
  for (const packet of packets) tx.record({ type: 'review.cancelled', resource: { type: 'review', id: packet.id } });
}
