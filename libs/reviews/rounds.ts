import type { Transaction } from '#libs/database/transaction.js';
import sql from 'sql-template-tag';
import type { Actor } from '#libs/auth/caller.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { DefaultDecision } from './campaign.js';
import { makeItems, type Reviewable } from './items.js';
import { noteReasons, openPackets, recordOpened } from './packets.js';
import { firstReminderAt } from './reminders.js';

export interface NewRound {
  /** The standing campaign that asks; null for a packet that somebody made. */
  standingId: string | null;
  name: string;
  reviewerId: string;
  dueAt: Date;
  defaultDecision: DefaultDecision;
  /** Whose confirmation the circuit breaker will not take. */
  createdBy: Actor;
}

/**
 * Opens a packet without a campaign of its own to close it: a round of one packet, which closes when that is signed off, or at its due date, under
 * the same rules as a campaign. Answers the packet's id.
 */
export async function openRound(tx: Transaction, round: NewRound, grants: readonly Reviewable[]): Promise<string> {
  const id = uuidv7();
  const { standingId, name, reviewerId, dueAt, defaultDecision, createdBy } = round;
  const reviewers = { kind: 'named', principalIds: [reviewerId], fallbackReviewerId: reviewerId };
  await tx.rows(
    sql`INSERT INTO review_campaigns (id, kind, standing_id, name, status, selector, reviewers, due_at, default_decision, created_by, launched_at, opened_at,
        population, included, created_at, updated_at, version)
      VALUES (${id}, 'packet', ${standingId}, ${name}, 'active', '{}', ${JSON.stringify(reviewers)}, ${dueAt}, ${defaultDecision}, ${JSON.stringify(createdBy)},
        ${tx.now}, ${tx.now}, ${grants.length}, ${grants.length}, ${tx.now}, ${tx.now}, 1)`,
  );
  const packets = await openPackets(tx, { campaign: { id, name }, shownCampaignId: standingId, dueAt, reviewerIds: [reviewerId] });
  await makeItems(tx, { id, launchedAt: tx.now }, packets, grants);
  await noteReasons(tx, sql`p.campaign_id = ${id}`);
  await tx.rows(sql`UPDATE review_packets SET next_reminder_at = ${firstReminderAt(tx.now, dueAt)} WHERE campaign_id = ${id}`);
  const packetId = packets.get(reviewerId) ?? '';
  recordOpened(tx, { id: packetId, reviewerId, items: grants.length, campaignId: standingId, dueAt });
  return packetId;
}
