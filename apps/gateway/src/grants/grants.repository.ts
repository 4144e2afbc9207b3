import { Closing } from '#libs/database/closing.js';
import { Database } from '#libs/database/database.js';
import { GrantEntity } from '#libs/database/entities/grant.entity.js';
import { columnsOf, insertion, overwriting } from '#libs/database/entity-rows.js';
import { violatedUnique } from '#libs/database/failures.js';
import { inForce } from '#libs/database/in-force.js';
import { Representation } from '#libs/database/representation.js';
import type { Statement } from '#libs/database/statement.js';
import type { Transaction } from '#libs/database/transaction.js';
import { ConflictError } from '#libs/errors/errors.js';
import { JsonItem, instant, orNull, text, value, word } from '#libs/pagination/json-item.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';

export interface GrantFilters {
  principalId?: string;
  assetId?: string;
  permission?: string;
  privilege?: string;
  status?: string;
  source?: string;
  asOf?: string;
  expiresBefore?: string;
}

const PARTIES = sql`JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id LEFT JOIN grant_usage u ON u.grant_id = g.id`;
const FROM = sql`grants g ${PARTIES}`;

const ITEM = new JsonItem({
  id: word('g.id'),
  principalId: word('g.principal_id'),
  principalName: text('p.display_name'),
  assetId: word('g.asset_id'),
  assetName: text('a.name'),
  permission: text('g.permission'),
  privilege: word('g.privilege'),
  source: text('g.source'),
  status: word(`CASE WHEN g.status = 'active' AND g.expires_at <= statement_timestamp() THEN 'expired' ELSE g.status END`),
  grantedAt: instant('g.granted_at'),
  grantedBy: value('g.granted_by'),
  expiresAt: orNull(instant('g.expires_at')),
  justification: orNull(text('g.justification')),
  lastUsedAt: orNull(instant('u.last_used_at')),
  revokedAt: orNull(instant('g.revoked_at')),
  revokedBy: orNull(value('g.revoked_by')),
  revokeReason: orNull(text('g.revoke_reason')),
  restoresGrantId: orNull(word('g.restores_grant_id')),
  createdAt: instant('g.created_at'),
  updatedAt: instant('g.updated_at'),
  version: value('g.version'),
});

@Injectable()
export class GrantsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: GrantFilters, sources: readonly string[] | null, request: PageRequest): Promise<Page> {
    return this.keyset.page(
      { list: 'grants', item: ITEM, from: FROM, where: conditions(filters, sources), sort: byId('g'), binding: filters },
      request,
    );
  }

  async findRepresentation(id: string, sources: readonly string[] | null): Promise<Representation | null> {
    const mine = sources ? sql` AND g.source = ANY (${sources})` : sql``;
    const query = sql`SELECT g.version, ${ITEM.json} AS json FROM ${FROM} WHERE g.id = ${id}${mine}`;
    const [row] = await this.database.rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json, false) : null;
  }

  /** The row, locked until the transaction ends. */
  async findForUpdate(tx: Transaction, id: string): Promise<GrantEntity | null> {
    const [row] = await tx.rows<GrantEntity>(
      sql`SELECT ${columnsOf(this.database, GrantEntity)} FROM grants WHERE id = ${id} FOR NO KEY UPDATE`,
    );
    return row ?? null;
  }

  /**
   * To be preceded by `markExpired`.
   *
   * @throws ConflictError where the same access is granted already
   */
  insertion(grant: GrantEntity): Closing {
    return closing({ g: returning(insertion(this.database, GrantEntity, grant)) }, (error) => {
      if (violatedUnique(error) !== 'grants_active_unique') throw error;
      throw new ConflictError('duplicate', 'This principal has this permission on this asset already.', [
        { path: 'permission', message: 'is granted already' },
      ]);
    });
  }

  overwriting(grant: GrantEntity): Closing {
    return closing({ g: returning(overwriting(this.database, GrantEntity, grant)) });
  }

  /** Of a grant that stays as it is. */
  unchanged(id: string): Closing {
    return closing({ g: sql`SELECT * FROM grants WHERE id = ${id}` });
  }

  /** Notes that an equal grant has run out, so that it does not stand in the way of a new one. Nobody can see the difference: no version, no event. */
  async markExpired(
    tx: Transaction,
    { principalId, assetId, permission }: Pick<GrantEntity, 'principalId' | 'assetId' | 'permission'>,
  ): Promise<void> {
    await tx.rows(
      sql`UPDATE grants SET status = 'expired'
        WHERE principal_id = ${principalId} AND asset_id = ${assetId} AND permission = ${permission} AND status = 'active' AND expires_at <= ${tx.now}`,
    );
  }
}

const returning = ({ text, values }: Statement): Statement => ({ text: `${text} RETURNING *`, values });

/** Shows the one grant that `changes.g` returns. */
function closing(changes: { g: Statement }, failed?: (error: unknown) => never): Closing {
  return new Closing(sql`SELECT g.id, g.version, ${ITEM.json} AS json FROM g ${PARTIES}`, changes, failed, false);
}

function conditions(filters: GrantFilters, sources: readonly string[] | null): Sql[] {
  const { principalId, assetId, permission, privilege, status, source, asOf, expiresBefore } = filters;
  const where: Sql[] = [];
  if (sources) where.push(sql`g.source = ANY (${sources})`);
  if (principalId !== undefined) where.push(sql`g.principal_id = ${principalId}`);
  if (assetId !== undefined) where.push(sql`g.asset_id = ${assetId}`);
  if (permission !== undefined) where.push(sql`g.permission = ${permission}`);
  if (privilege !== undefined) where.push(sql`g.privilege = ${privilege}`);
  if (source !== undefined) where.push(sql`g.source = ${source}`);
  if (status !== undefined) where.push(hasStatus(status));
  if (asOf !== undefined) where.push(inForce('g', new Date(asOf)));
  if (expiresBefore !== undefined) where.push(sql`g.expires_at < ${new Date(expiresBefore)}`);
  return where;
}

function hasStatus(status: string): Sql {
  if (status === 'active') return inForce('g', null);
  if (status === 'revoked') return sql`g.status = 'revoked'`;
  return sql`(g.status = 'expired' OR (g.status = 'active' AND g.expires_at <= statement_timestamp()))`;
}
