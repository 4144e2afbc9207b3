import { Closing } from '#libs/database/closing.js';
import { Database } from '#libs/database/database.js';
import { PrincipalEntity } from '#libs/database/entities/principal.entity.js';
import { columnsOf, insertion, overwriting } from '#libs/database/entity-rows.js';
import { violatedForeignKey, violatedUnique } from '#libs/database/failures.js';
import { Representation } from '#libs/database/representation.js';
import type { Statement } from '#libs/database/statement.js';
import type { Transaction } from '#libs/database/transaction.js';
import { BadRequestError, ConflictError } from '#libs/errors/errors.js';
import { JsonItem, instant, orNull, text, value, word } from '#libs/pagination/json-item.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import { likePrefix } from '#libs/pagination/like.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';

export interface PrincipalFilters {
  type?: string;
  status?: string;
  department?: string;
  managerId?: string;
  source?: string;
  externalId?: string;
  q?: string;
}

const ITEM = new JsonItem({
  id: word('p.id'),
  type: word('p.type'),
  displayName: text('p.display_name'),
  email: orNull(text('p.email')),
  externalId: orNull(text('p.external_id')),
  source: text('p.source'),
  status: word('p.status'),
  department: orNull(text('p.department')),
  managerId: orNull(word('p.manager_id')),
  ownerId: orNull(word('p.owner_id')),
  attributes: value('p.attributes'),
  createdAt: instant('p.created_at'),
  updatedAt: instant('p.updated_at'),
  version: value('p.version'),
});

/** A constraint, the member that ran into it, and what a client is told. */
const DUPLICATES: Record<string, [path: string, message: string]> = {
  principals_external_id_unique: ['externalId', 'is taken by another principal of this source'],
  principals_active_email_unique: ['email', 'is taken by another active user of this source'],
};
const REFERENCES: Record<string, string> = { principals_manager_exists: 'managerId', principals_owner_exists: 'ownerId' };

@Injectable()
export class PrincipalsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: PrincipalFilters, sources: readonly string[] | null, request: PageRequest): Promise<Page> {
    return this.keyset.page(
      { list: 'principals', item: ITEM, from: sql`principals p`, where: conditions(filters, sources), sort: byId('p'), binding: filters },
      request,
    );
  }

  async findRepresentation(id: string, sources: readonly string[] | null, tx?: Transaction): Promise<Representation | null> {
    const mine = sources ? sql` AND p.source = ANY (${sources})` : sql``;
    const query = sql`SELECT p.version, ${ITEM.json} AS json FROM principals p WHERE p.id = ${id}${mine}`;
    const [row] = await (tx ?? this.database).rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json) : null;
  }

  async findIdByExternalId(source: string, externalId: string): Promise<string | null> {
    const query = sql`SELECT id FROM principals WHERE source = ${source} AND external_id = ${externalId}`;
    const [row] = await this.database.rows<{ id: string }>(query);
    return row?.id ?? null;
  }

  async find(tx: Transaction, id: string): Promise<PrincipalEntity | null> {
    const [row] = await tx.rows<PrincipalEntity>(sql`SELECT ${columnsOf(this.database, PrincipalEntity)} FROM principals WHERE id = ${id}`);
    return row ?? null;
  }

  /** The row, locked until the transaction ends. Rows that refer to it can still be added meanwhile. */
  async findForUpdate(tx: Transaction, id: string): Promise<PrincipalEntity | null> {
    const [row] = await tx.rows<PrincipalEntity>(
      sql`SELECT ${columnsOf(this.database, PrincipalEntity)} FROM principals WHERE id = ${id} FOR NO KEY UPDATE`,
    );
    return row ?? null;
  }

  /**
   * Adds a principal with the key of its digests.
   *
   * @throws ConflictError for a taken external id or address; BadRequestError for a manager or owner that does not exist
   */
  insertion(principal: PrincipalEntity, key: Buffer): Closing {
    return closing(principal, { written: insertion(this.database, PrincipalEntity, principal), keyed: digestKey(principal.id, key) });
  }

  /**
   * Changes a principal, and gives it a key where it is to have a new one.
   *
   * @throws as `insertion`
   */
  overwriting(principal: PrincipalEntity, newKey: Buffer | null): Closing {
    const written = overwriting(this.database, PrincipalEntity, principal);
    return closing(principal, newKey ? { written, keyed: digestKey(principal.id, newKey) } : { written });
  }

  /** Of a principal that stays as it is. */
  unchanged(principal: PrincipalEntity): Closing {
    return closing(principal, {});
  }

  /** @throws as `insertion` */
  async update(tx: Transaction, principal: PrincipalEntity): Promise<void> {
    await tx.rows(overwriting(this.database, PrincipalEntity, principal)).catch(toRule);
  }

  async findDigestKey(tx: Transaction, id: string): Promise<Buffer | null> {
    const [row] = await tx.rows<{ key: Buffer }>(sql`SELECT digest_key AS key FROM principal_secrets WHERE principal_id = ${id}`);
    return row?.key ?? null;
  }

  /** Forgets what is personal in every place that keeps it besides the row itself: its history, its key, what reviewers were shown, and answers kept for repeats. */
  async forget(tx: Transaction, id: string, displayName: string): Promise<void> {
    await tx.rows(sql`DELETE FROM principal_secrets WHERE principal_id = ${id}`);
    await tx.rows(
      sql`UPDATE principals_history SET display_name = ${displayName}, email = NULL, external_id = NULL, attributes = '{}' WHERE id = ${id}`,
    );
    await tx.rows(
      sql`UPDATE review_items SET snapshot = jsonb_set(snapshot, '{principal,displayName}', to_jsonb(${displayName}::text)) WHERE principal_id = ${id}`,
    );
    await tx.rows(sql`DELETE FROM idempotency_keys WHERE position(${id} IN response) > 0`);
  }
}

function closing(principal: PrincipalEntity, changes: Readonly<Record<string, Statement>>): Closing {
  return new Closing(new Representation(principal.id, principal.version, ITEM.of(principal)), changes, toRule);
}

const digestKey = (id: string, key: Buffer): Statement => ({
  text: 'INSERT INTO principal_secrets (principal_id, digest_key) VALUES ($1, $2)',
  values: [id, key],
});

function conditions(filters: PrincipalFilters, sources: readonly string[] | null): Sql[] {
  const { type, status, department, managerId, source, externalId, q } = filters;
  const where: Sql[] = [];
  if (sources) where.push(sql`p.source = ANY (${sources})`);
  if (type !== undefined) where.push(sql`p.type = ${type}`);
  if (status !== undefined) where.push(sql`p.status = ${status}`);
  if (department !== undefined) where.push(sql`p.department = ${department}`);
  if (managerId !== undefined) where.push(sql`p.manager_id = ${managerId}`);
  if (source !== undefined) where.push(sql`p.source = ${source}`);
  if (externalId !== undefined) where.push(sql`p.external_id = ${externalId}`);
  if (q !== undefined) {
    const prefix = likePrefix(q);
    where.push(sql`(lower(p.display_name) LIKE lower(${prefix}) OR lower(p.email) LIKE lower(${prefix}))`);
  }
  return where;
}

function toRule(error: unknown): never {
  const duplicate = DUPLICATES[violatedUnique(error) ?? ''];
  if (duplicate) throw new ConflictError('duplicate', 'This principal exists already.', [{ path: duplicate[0], message: duplicate[1] }]);
  const reference = REFERENCES[violatedForeignKey(error) ?? ''];
  if (reference) throw BadRequestError.rule(reference, 'names a principal that does not exist');
  throw error;
}
