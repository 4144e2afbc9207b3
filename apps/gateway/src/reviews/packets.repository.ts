import { Database } from '#libs/database/database.js';
import { inForce } from '#libs/database/in-force.js';
import { Representation } from '#libs/database/representation.js';
import type { Transaction } from '#libs/database/transaction.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { honesty } from '#libs/reviews/honesty.js';
import { type Reviewable, reviewables } from '#libs/reviews/items.js';
import { Injectable } from '@nestjs/common';
import sql, { empty, type Sql } from 'sql-template-tag';
import { BREAKER, SKIPPED, UNDO } from './round-columns.js';

export interface PacketFilters {
  campaignId?: string;
  /** Whose; `visibleTo` is what the caller may see at all. */
  reviewer?: string;
  status?: string;
}

const MEMBERS = {
  ...{
    id: 'k.id',
    campaignId: 'k.shown_campaign_id',
    name: 'k.name',
    reviewerId: 'k.reviewer_id',
    reviewerName: 'w.display_name',
    status: 'k.status',
  },
  dueAt: 'instant(k.due_at)',
  counts: `json_build_object('items', k.pending + k.approved + k.revoked + k.abstained, 'pending', k.pending, 'approved', k.approved,
    'revoked', k.revoked, 'abstained', k.abstained)`,
  reasons: `(SELECT coalesce(json_agg(json_build_object('reason', key, 'count', value) ORDER BY key), '[]') FROM jsonb_each(k.reasons))`,
  ...{ stage: 'c.status', signedOffAt: 'instant(k.signed_off_at)', signedOffBy: 'k.signed_off_by' },
  breaker: `CASE WHEN c.kind = 'packet' THEN ${BREAKER} END`,
  undo: `CASE WHEN c.kind = 'packet' THEN ${UNDO} END`,
  ...{ createdAt: 'instant(k.created_at)', updatedAt: 'instant(k.updated_at)', version: 'k.version' },
};
const ITEM = jsonRow(MEMBERS);
const WITH_HONESTY = jsonRow({ ...MEMBERS, honesty: honesty() });
const FROM = sql`review_packets k JOIN review_campaigns c ON c.id = k.campaign_id JOIN principals w ON w.id = k.reviewer_id
  LEFT JOIN LATERAL (${SKIPPED}) u ON true`;

/** Packets as clients see them. `visibleTo` is the reviewer whose packets alone are there, or null for all. */
@Injectable()
export class PacketsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: PacketFilters, visibleTo: string | null, request: PageRequest): Promise<Page> {
    const { campaignId, reviewer, status } = filters;
    const where: Sql[] = [];
    if (visibleTo !== null) where.push(sql`k.reviewer_id = ${visibleTo}`);
    if (reviewer !== undefined) where.push(sql`k.reviewer_id = ${reviewer}`);
    if (campaignId !== undefined) where.push(sql`k.shown_campaign_id = ${campaignId}`);
    if (status !== undefined) where.push(sql`k.status = ${status}`);
    return this.keyset.page({ list: 'reviews', item: ITEM, from: FROM, where, sort: byId('k'), binding: filters }, request);
  }

  async findRepresentation(id: string, visibleTo: string | null, withHonesty: boolean, tx?: Transaction): Promise<Representation | null> {
    const mine = visibleTo === null ? empty : sql`AND k.reviewer_id = ${visibleTo}`;
    const query = sql`SELECT k.version, (${withHonesty ? WITH_HONESTY : ITEM})::text AS json FROM ${FROM} WHERE k.id = ${id} ${mine}`;
    const [row] = await (tx ?? this.database).rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json, false) : null;
  }

  /** Notes when the reviewer first saw what is asked of them, for how long deciding took. No version, no event: nobody is shown it by itself. */
  async noteViewed(id: string, reviewerId: string): Promise<void> {
    await this.database.rows(
      sql`UPDATE review_packets SET first_viewed_at = statement_timestamp() WHERE id = ${id} AND reviewer_id = ${reviewerId} AND first_viewed_at IS NULL`,
    );
  }

  /** Of these grants, those in force, as items of this reviewer would show them. */
  grantsFor(tx: Transaction, reviewerId: string, grantIds: readonly string[]): Promise<Reviewable[]> {
    return reviewables(
      tx,
      sql`resolved AS (
        SELECT g.id, ${reviewerId}::uuid AS reviewer_id, 'chosen' AS reason FROM grants g WHERE g.id = ANY (${grantIds}::uuid[]) AND ${inForce('g', null)}
      )`,
    );
  }

  async isActiveUser(tx: Transaction, id: string): Promise<boolean> {
    const rows = await tx.rows(sql`SELECT FROM principals WHERE id = ${id} AND type = 'user' AND status = 'active'`);
    return rows.length > 0;
  }
}
