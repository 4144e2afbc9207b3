import { Database } from '#libs/database/database.js';
import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import type { Decision } from '#libs/reviews/campaign.js';
import type { ReviewedMembership } from '#libs/reviews/ended-memberships.js';
import { toCents } from '#libs/scoring/rounding.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

const MEMBERS = {
  ...{ id: 'i.id', packetId: 'i.packet_id', grantId: 'i.grant_id', status: 'i.status', reason: 'i.reason', snapshot: 'i.snapshot' },
  grantStatus: `CASE WHEN g.status = 'active' AND g.expires_at <= statement_timestamp() THEN 'expired' ELSE g.status END`,
  liveScore: `CASE WHEN s.grant_id IS NOT NULL AND ${inForce('g', null).sql} THEN json_build_object('score', ${toCents('s.score')},
    'priority', ${toCents('s.priority')}, 'band', s.band, 'recommendation', s.recommendation, 'computedAt', instant(s.computed_at)) END`,
  decision: `CASE WHEN i.decision IS NOT NULL THEN json_build_object('id', i.decision_id, 'decision', i.decision, 'justification', i.justification,
    'source', i.decision_source, 'memberships', i.memberships, 'by', i.decided_by, 'at', instant(i.decided_at)) END`,
  remediation: `CASE WHEN r.id IS NOT NULL THEN json_build_object('id', r.id, 'status', r.status, 'reason', r.reason, 'undo', r.undo,
    'undoReason', r.undo_reason, 'restoredGrantId', r.restored_id) END`,
};
const ITEM = jsonRow(MEMBERS);
const ITEM_WITH_PAST = jsonRow({
  ...MEMBERS,
  decisions: `(SELECT coalesce(json_agg(json_build_object('id', d.id, 'decision', d.decision, 'justification', d.justification, 'source', d.source, 'memberships', d.memberships, 'by', d.decided_by,
    'at', instant(d.decided_at)) ORDER BY d.id), '[]') FROM review_decisions d WHERE d.item_id = i.id)`,
  reassignments: `(SELECT coalesce(json_agg(json_build_object('fromPacketId', m.from_packet_id, 'toPacketId', m.to_packet_id, 'reason', m.reason,
    'by', m.reassigned_by, 'at', instant(m.reassigned_at)) ORDER BY m.id), '[]') FROM review_reassignments m WHERE m.item_id = i.id)`,
});
const FROM = sql`review_items i JOIN grants g ON g.id = i.grant_id LEFT JOIN scores s ON s.grant_id = i.grant_id LEFT JOIN remediations r ON r.item_id = i.id`;

/** An item as the rules of deciding look at it. */
export interface DecidableItem {
  id: string;
  principalId: string;
  decision: Decision | null;
  decisionId: string | null;
  justification: string | null;
  decidedBy: { id: string } | null;
  /** The live one, and where there is none, that of the day the item was made. */
  recommendation: string | null;
  memberships: ReviewedMembership[] | null;
}

@Injectable()
export class ItemsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(packetId: string, filters: { status?: string }, request: PageRequest): Promise<Page> {
    const where = [sql`i.packet_id = ${packetId}`, ...(filters.status === undefined ? [] : [sql`i.status = ${filters.status}`])];
    return this.keyset.page({ list: `items:${packetId}`, item: ITEM, from: FROM, where, sort: byId('i'), binding: filters }, request);
  }

  /** One item with all that has been decided about it, and how it came here; null where the packet has no such item. */
  async find(packetId: string, itemId: string): Promise<string | null> {
    const [row] = await this.database.rows<{ json: string }>(
      sql`SELECT (${ITEM_WITH_PAST})::text AS json FROM ${FROM} WHERE i.id = ${itemId} AND i.packet_id = ${packetId}`,
    );
    return row?.json ?? null;
  }

  /** The grant that an item is about; null where the packet has no such item. */
  async findGrantId(packetId: string, itemId: string): Promise<string | null> {
    const [row] = await this.database.rows<{ id: string }>(
      sql`SELECT grant_id AS id FROM review_items WHERE id = ${itemId} AND packet_id = ${packetId}`,
    );
    return row?.id ?? null;
  }

  /** Those of the items that are in the packet. The packet is locked by the caller, and so are they. */
  async ofPacket(tx: Transaction, packetId: string, ids: readonly string[]): Promise<Map<string, DecidableItem>> {
    const rows = await tx.rows<DecidableItem>(
      sql`SELECT i.id, i.principal_id AS "principalId", i.decision, i.decision_id AS "decisionId", i.justification, i.decided_by AS "decidedBy", i.memberships,
          CASE WHEN s.grant_id IS NULL THEN i.recommendation ELSE s.recommendation END AS recommendation
        FROM review_items i LEFT JOIN scores s ON s.grant_id = i.grant_id WHERE i.packet_id = ${packetId} AND i.id = ANY (${ids}::uuid[])`,
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Of these items, those that name a membership through which the holder's grant reaches nobody. */
  async withForeignMemberships(
    tx: Transaction,
    named: readonly (ReviewedMembership & { itemId: string; holderId: string })[],
  ): Promise<Set<string>> {
    const rows = await tx.rows<{ itemId: string }>(
      sql`SELECT DISTINCT w."itemId"
        FROM jsonb_to_recordset(${JSON.stringify(named)}) AS w ("itemId" uuid, "holderId" uuid, "groupId" uuid, "memberId" uuid)
        WHERE NOT EXISTS (
          SELECT FROM groups_below(w."holderId", NULL) b JOIN memberships m ON m.group_id = b.group_id AND m.removed_at IS NULL
          WHERE m.group_id = w."groupId" AND m.member_id = w."memberId"
        )`,
    );
    return new Set(rows.map(({ itemId }) => itemId));
  }
}
