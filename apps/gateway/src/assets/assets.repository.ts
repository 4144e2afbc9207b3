import { Closing } from '#libs/database/closing.js';
import { Database } from '#libs/database/database.js';
import { AssetEntity } from '#libs/database/entities/asset.entity.js';
import { violatedForeignKey, violatedUnique } from '#libs/database/failures.js';
import { columnsOf, insertion, overwriting } from '#libs/database/entity-rows.js';
import { Representation } from '#libs/database/representation.js';
import type { Statement } from '#libs/database/statement.js';
import type { Transaction } from '#libs/database/transaction.js';
import { BadRequestError, ConflictError } from '#libs/errors/errors.js';
import { JsonItem, instant, list, orNull, text, value, word } from '#libs/pagination/json-item.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import { likePrefix } from '#libs/pagination/like.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';

export interface AssetFilters {
  type?: string;
  source?: string;
  externalId?: string;
  sensitivity?: string;
  ownerId?: string;
  parentId?: string;
  tag?: string;
  status?: string;
  q?: string;
}

/** Held while one asset is put into another: two opposite moves at once would each see no circle. */
const NESTING_LOCK = 72_637;

const ITEM = new JsonItem({
  id: word('a.id'),
  type: word('a.type'),
  name: text('a.name'),
  externalId: orNull(text('a.external_id')),
  source: text('a.source'),
  sensitivity: word('a.sensitivity'),
  ownerId: orNull(word('a.owner_id')),
  parentId: orNull(word('a.parent_id')),
  tags: list('a.tags'),
  status: word('a.status'),
  usageTrackedSince: orNull(instant('a.usage_tracked_since')),
  createdAt: instant('a.created_at'),
  updatedAt: instant('a.updated_at'),
  version: value('a.version'),
});

const TAGGED = sql`asset_tags t JOIN assets a ON a.id = t.asset_id`;

const REFERENCES: Record<string, [path: string, what: string]> = {
  assets_owner_exists: ['ownerId', 'principal'],
  assets_parent_exists: ['parentId', 'asset'],
};

@Injectable()
export class AssetsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: AssetFilters, sources: readonly string[] | null, request: PageRequest): Promise<Page> {
    // With a tag by the id in the index of tags: a bound for the one beside it would leave that to be read from its beginning.
    const [from, sort] = filters.tag === undefined ? [sql`assets a`, byId('a')] : [TAGGED, byId('t', 'asset_id')];
    return this.keyset.page({ list: 'assets', item: ITEM, from, where: conditions(filters, sources), sort, binding: filters }, request);
  }

  async findRepresentation(id: string, sources: readonly string[] | null): Promise<Representation | null> {
    const mine = sources ? sql` AND a.source = ANY (${sources})` : sql``;
    const query = sql`SELECT a.version, ${ITEM.json} AS json FROM assets a WHERE a.id = ${id}${mine}`;
    const [row] = await this.database.rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json) : null;
  }

  async find(tx: Transaction, id: string): Promise<AssetEntity | null> {
    const [row] = await tx.rows<AssetEntity>(sql`SELECT ${columnsOf(this.database, AssetEntity)} FROM assets WHERE id = ${id}`);
    return row ?? null;
  }

  /** The row, locked until the transaction ends. Rows that refer to it can still be added meanwhile. */
  async findForUpdate(tx: Transaction, id: string): Promise<AssetEntity | null> {
    const [row] = await tx.rows<AssetEntity>(
      sql`SELECT ${columnsOf(this.database, AssetEntity)} FROM assets WHERE id = ${id} FOR NO KEY UPDATE`,
    );
    return row ?? null;
  }

  /** @throws ConflictError for a taken external id; BadRequestError for an owner or a parent that does not exist */
  insertion(asset: AssetEntity): Closing {
    return closing(asset, { written: insertion(this.database, AssetEntity, asset) });
  }

  /** @throws as `insertion` */
  overwriting(asset: AssetEntity): Closing {
    return closing(asset, { written: overwriting(this.database, AssetEntity, asset) });
  }

  /** Of an asset that stays as it is. */
  unchanged(asset: AssetEntity): Closing {
    return closing(asset, {});
  }

  /** Whether one asset is, at any depth, inside another. Nobody else nests assets until the transaction ends. */
  async isInside(tx: Transaction, inner: string, outer: string): Promise<boolean> {
    await tx.rows(sql`SELECT pg_advisory_xact_lock(${NESTING_LOCK})`);
    const [row] = await tx.rows<{ inside: boolean }>(
      sql`WITH RECURSIVE up AS (
          SELECT ${inner}::uuid AS id
          UNION SELECT a.parent_id FROM up JOIN assets a ON a.id = up.id AND a.parent_id IS NOT NULL
        )
        SELECT EXISTS (SELECT FROM up WHERE id = ${outer}) AS inside`,
    );
    return row?.inside === true;
  }
}

function closing(asset: AssetEntity, changes: Readonly<Record<string, Statement>>): Closing {
  return new Closing(new Representation(asset.id, asset.version, ITEM.of(asset)), changes, toRule);
}

function conditions(filters: AssetFilters, sources: readonly string[] | null): Sql[] {
  const { type, source, externalId, sensitivity, ownerId, parentId, tag, status, q } = filters;
  const where: Sql[] = [];
  if (sources) where.push(sql`a.source = ANY (${sources})`);
  if (type !== undefined) where.push(sql`a.type = ${type}`);
  if (source !== undefined) where.push(sql`a.source = ${source}`);
  if (externalId !== undefined) where.push(sql`a.external_id = ${externalId}`);
  if (sensitivity !== undefined) where.push(sql`a.sensitivity = ${sensitivity}`);
  if (ownerId !== undefined) where.push(sql`a.owner_id = ${ownerId}`);
  if (parentId !== undefined) where.push(sql`a.parent_id = ${parentId}`);
  if (tag !== undefined) where.push(sql`t.tag = ${tag}`);
  if (status !== undefined) where.push(sql`a.status = ${status}`);
  if (q !== undefined) where.push(sql`lower(a.name) LIKE lower(${likePrefix(q)})`);
  return where;
}

function toRule(error: unknown): never {
  if (violatedUnique(error) === 'assets_external_id_unique') {
    throw new ConflictError('duplicate', 'This asset exists already.', [
      { path: 'externalId', message: 'is taken by another asset of this source' },
    ]);
  }
  const reference = REFERENCES[violatedForeignKey(error) ?? ''];
  if (reference) throw BadRequestError.rule(reference[0], `names a ${reference[1]} that does not exist`);
  throw error;
}
