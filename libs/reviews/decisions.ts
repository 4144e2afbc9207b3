import type { Actor } from '#libs/auth/caller.js';
import type { Transaction } from '#libs/database/transaction.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import sql from 'sql-template-tag';
import type { Decision } from './campaign.js';
import type { ReviewedMembership } from './ended-memberships.js';
import { countDecisions } from './packets.js';

/** What decides: a person, or the default of a campaign whose due date has passed. */
export type DecisionSource = 'reviewer' | 'default' | 'system';

export interface NewDecision {
  itemId: string;
  packetId: string;
  campaignId: string;
  decision: Decision;
  justification: string | null;
  source: DecisionSource;
  by: Actor;
  /** The decision in force until now. */
  before: Decision | null;
  /** An approval of what was recommended to be revoked. */
  against: boolean;
  /** What is to end in the place of the grant; null for the grant. */
  memberships?: readonly ReviewedMembership[] | null;
}

/**
 * Adds decisions, makes each the one in force of its item, moves the packets' numbers, and records an event of each. Earlier decisions stay. The
 * packets are locked by the caller, and no item comes twice.
 */
export async function recordDecisions(tx: Transaction, decisions: readonly NewDecision[]): Promise<Map<string, string>> {
  const rows = decisions.map((made) => ({
    ...{ id: uuidv7(), item_id: made.itemId, packet_id: made.packetId, campaign_id: made.campaignId, decision: made.decision },
    ...{
      justification: made.justification,
      source: made.source,
      decided_by: made.by,
      against: made.against,
      memberships: made.memberships ?? null,
    },
  }));
  await tx.rows(
    sql`WITH made AS (
        INSERT INTO review_decisions (id, item_id, packet_id, campaign_id, decision, justification, source, decided_by, decided_at, memberships, together,
          against_recommendation)
        SELECT r.id, r.item_id, r.packet_id, r.campaign_id, r.decision, r.justification, r.source, r.decided_by, ${tx.now}, nullif(r.memberships, 'null'), ${rows.length}, r.against
        FROM jsonb_to_recordset(${JSON.stringify(rows)}) AS r (id uuid, item_id uuid, packet_id uuid, campaign_id uuid, decision text,
          justification text, source text, decided_by jsonb, against boolean, memberships jsonb)
        RETURNING *
      )
      UPDATE review_items i SET status = 'decided', decision = made.decision, decision_id = made.id, justification = made.justification,
        decision_source = made.source, decided_by = made.decided_by, decided_at = made.decided_at, memberships = made.memberships
      FROM made WHERE i.id = made.item_id`,
  );
  await countDecisions(
    tx,
    decisions.map(({ packetId, before, decision }) => ({ packetId, before, after: decision })),
  );
  for (const { itemId, packetId, before, decision, source, justification, memberships } of decisions) {
    tx.record({
      type: 'review.decided',
      resource: { type: 'review_item', id: itemId },
      before: { decision: before },
      after: { decision, source, packetId, ...(memberships ? { memberships } : {}) },
      reason: justification,
    });
  }
  return new Map(rows.map((row) => [row.item_id, row.id]));
}
