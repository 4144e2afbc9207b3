import { Database } from '#libs/database/database.js';
import { Representation } from '#libs/database/representation.js';
import type { Transaction } from '#libs/database/transaction.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql, { empty, type Sql } from 'sql-template-tag';

export interface RemediationFilters {
  status?: string;
  source?: string;
  campaignId?: string;
  packetId?: string;
  grantId?: string;
}

const ITEM = jsonRow({
  ...{
    id: 'r.id',
    itemId: 'r.item_id',
    packetId: 'r.packet_id',
    campaignId: 'k.shown_campaign_id',
    grantId: 'r.grant_id',
    source: 'r.source',
    ...{ principalId: 'g.principal_id', assetId: 'g.asset_id', permission: 'g.permission' },
    grantStatus: `CASE WHEN g.status = 'active' AND g.expires_at <= statement_timestamp() THEN 'expired' ELSE g.status END`,
  },
  memberships: 'r.memberships',
  ...{ status: 'r.status', reason: 'r.reason', undo: 'r.undo', undoReason: 'r.undo_reason', restoredGrantId: 'r.restored_id' },
  ...{ startedAt: 'instant(r.started_at)', leasedUntil: 'instant(r.leased_until)' },
  ...{ settledAt: 'instant(r.settled_at)', createdAt: 'instant(r.created_at)', updatedAt: 'instant(r.updated_at)', version: 'r.version' },
});
const FROM = sql`remediations r JOIN review_packets k ON k.id = r.packet_id JOIN grants g ON g.id = r.grant_id`;

/** Remediations; `sources` are those a caller may see, null for every one. */
@Injectable()
export class RemediationsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: RemediationFilters, sources: readonly string[] | null, request: PageRequest): Promise<Page> {
    const { status, source, campaignId, packetId, grantId } = filters;
    const where: Sql[] = [];
    if (sources) where.push(sql`r.source = ANY (${sources})`);
    if (status !== undefined) where.push(sql`r.status = ${status}`);
    if (source !== undefined) where.push(sql`r.source = ${source}`);
    if (campaignId !== undefined) where.push(sql`k.shown_campaign_id = ${campaignId}`);
    if (packetId !== undefined) where.push(sql`r.packet_id = ${packetId}`);
    if (grantId !== undefined) where.push(sql`r.grant_id = ${grantId}`);
    return this.keyset.page({ list: 'remediations', item: ITEM, from: FROM, where, sort: byId('r'), binding: filters }, request);
  }

  async findRepresentation(id: string, sources: readonly string[] | null, tx?: Transaction): Promise<Representation | null> {
    const mine = sources ? sql`AND r.source = ANY (${sources})` : empty;
    const query = sql`SELECT r.version, (${ITEM})::text AS json FROM ${FROM} WHERE r.id = ${id} ${mine}`;
    const [row] = await (tx ?? this.database).rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json) : null;
  }
}
