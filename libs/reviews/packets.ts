import type { Transaction } from '#libs/database/transaction.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import sql, { type Sql } from 'sql-template-tag';
import type { Campaign, Decision } from './campaign.js';

export const PACKET_STATUSES = ['open', 'signed_off', 'cancelled'] as const;
export type PacketStatus = (typeof PACKET_STATUSES)[number];

export interface Packet {
  id: string;
  campaignId: string;
  shownCampaignId: string | null;
  name: string;
  reviewerId: string;
  status: PacketStatus;
  dueAt: Date;
  pending: number;
  createdAt: Date;
  version: number;
}

export interface NewPackets {
  campaign: Pick<Campaign, 'id' | 'name'>;
  /** The campaign that clients are told of; null for a packet of its own. */
  shownCampaignId: string | null;
  dueAt: Date;
  reviewerIds: readonly string[];
}

/** The open packet of each reviewer, made where there is none yet. In the order of the reviewers' ids, so that two transactions never cross. */
export async function openPackets(
  tx: Transaction,
  { campaign, shownCampaignId, dueAt, reviewerIds }: NewPackets,
): Promise<Map<string, string>> {
  const reviewers = [...new Set(reviewerIds)].sort();
  const rows = await tx.rows<{ id: string; reviewerId: string }>(
    sql`WITH made AS (
        INSERT INTO review_packets (id, campaign_id, shown_campaign_id, name, reviewer_id, status, due_at, created_at, updated_at, version)
        SELECT n.id, ${campaign.id}, ${shownCampaignId}, ${campaign.name}, n.reviewer_id, 'open', ${dueAt}, ${tx.now}, ${tx.now}, 1
        FROM unnest(${arrayLiteral(reviewers.map(() => uuidv7()))}::uuid[], ${arrayLiteral(reviewers)}::uuid[]) AS n (id, reviewer_id)
        ON CONFLICT (campaign_id, reviewer_id) WHERE status = 'open' DO NOTHING
        RETURNING id, reviewer_id
      )
      SELECT id, reviewer_id AS "reviewerId" FROM made
      UNION ALL
      SELECT id, reviewer_id FROM review_packets
      WHERE campaign_id = ${campaign.id} AND status = 'open' AND reviewer_id = ANY (${arrayLiteral(reviewers)}::uuid[])`,
  );
  return new Map(rows.map(({ id, reviewerId }) => [reviewerId, id]));
}

export interface Opened {
  id: string;
  reviewerId: string;
  items: number;
  /** The campaign that clients are told of; null for a packet of its own. */
  campaignId: string | null;
  dueAt: Date;
}

/** Tells of a packet that somebody has got, and reminds them of it for the first time. */
export function recordOpened(tx: Transaction, { id, reviewerId, items, campaignId, dueAt: due }: Opened): void {
  const [resource, dueAt] = [{ type: 'review', id }, due.toISOString()];
  tx.record({ type: 'review.opened', resource, after: { reviewerId, items, campaignId, dueAt } });
  tx.record({ type: 'review.reminder', resource, after: { reviewerId, pending: items, moment: 'launch', dueAt } });
}

/** A packet by its id, locked until the transaction ends; null where there is none. Whoever locks its campaign too does that first. */
export async function lockPacket(tx: Transaction, id: string): Promise<Packet | null> {
  const [packet] = await tx.rows<Packet>(
    sql`SELECT id, campaign_id AS "campaignId", shown_campaign_id AS "shownCampaignId", name, reviewer_id AS "reviewerId", status, due_at AS "dueAt",
        pending, created_at AS "createdAt", version
      FROM review_packets WHERE id = ${id} FOR NO KEY UPDATE`,
  );
  return packet ?? null;
}

/** Which campaign a packet is of, and whose it is. Neither ever changes, so it is asked for before the locks. */
export async function findPacket(tx: Transaction, id: string): Promise<{ campaignId: string; reviewerId: string } | null> {
  const [packet] = await tx.rows<{ campaignId: string; reviewerId: string }>(
    sql`SELECT campaign_id AS "campaignId", reviewer_id AS "reviewerId" FROM review_packets WHERE id = ${id}`,
  );
  return packet ?? null;
}

/** A decision that has just been made of an item; `before` is the one it takes the place of. */
export interface Made {
  packetId: string;
  before: Decision | null;
  after: Decision;
}

const COLUMN = { approve: 'approved', revoke: 'revoked', abstain: 'abstained' } as const;

/** Moves the numbers of the packets by decisions just made. */
export async function countDecisions(tx: Transaction, made: readonly Made[]): Promise<void> {
  const changes = new Map<string, Record<'pending' | 'approved' | 'revoked' | 'abstained', number>>();
  for (const { packetId, before, after } of made) {
    const numbers = changes.get(packetId) ?? { pending: 0, approved: 0, revoked: 0, abstained: 0 };
    numbers[before === null ? 'pending' : COLUMN[before]] -= 1;
    numbers[COLUMN[after]] += 1;
    changes.set(packetId, numbers);
  }
  const rows = [...changes].map(([id, numbers]) => ({ id, ...numbers }));
  await tx.rows(
    sql`UPDATE review_packets p SET pending = p.pending + n.pending, approved = p.approved + n.approved, revoked = p.revoked + n.revoked,
        abstained = p.abstained + n.abstained, updated_at = ${tx.now}, version = version + 1
      FROM jsonb_to_recordset(${JSON.stringify(rows)}) AS n (id uuid, pending integer, approved integer, revoked integer, abstained integer)
      WHERE p.id = n.id`,
  );
}

/** Notes of packets by which ways their reviewers came to their items. */
export async function noteReasons(tx: Transaction, packets: Sql): Promise<void> {
  await tx.rows(
    sql`UPDATE review_packets p SET reasons = coalesce((
        SELECT jsonb_object_agg(r.reason, r.count) FROM (SELECT reason, count(*) AS count FROM review_items WHERE packet_id = p.id GROUP BY reason) r
      ), '{}') WHERE ${packets}`,
  );
}
