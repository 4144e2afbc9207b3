import { Database } from '#libs/database/database.js';
import { Injectable } from '@nestjs/common';
import { createSecretKey, type KeyObject } from 'node:crypto';
import sql, { empty, join, raw, Sql } from 'sql-template-tag';
import { decodeCursor, encodeCursor } from './cursor.js';
import { JsonItem } from './json-item.js';
import { SEPARATOR } from './json-writer.js';
import { Page, type PageRequest } from './page.js';

/** One column of a sort. All columns of a sort run in the same direction, and the last is unique, so that every row has a place of its own. */
export interface SortColumn {
  /** The SQL expression; it must be served by the index that makes the sort cheap. */
  expression: string;
  /** The type its cursor value is cast back to. */
  type: 'uuid' | 'timestamptz' | 'float8' | 'int8' | 'text';
}

export interface Sort {
  columns: readonly SortColumn[];
  descending?: boolean;
}

/** One list: what a page of it is made of. */
export interface KeysetQuery {
  /** Binds cursors to this list; unique among all lists. With the id in it where the list hangs on one. */
  list: string;
  /** The JSON of an item, or what it is made of. */
  item: Sql | JsonItem;
  /** What follows FROM, joins included. */
  from: Sql;
  where: readonly Sql[];
  sort: Sort;
  /** The filters as the caller gave them, and the name of the sort: a cursor holds for these alone. */
  binding: object;
}

/** By id, which may be a column of another name: the order of a list that is asked for no other. */
export const byId = (alias: string, column = 'id'): Sort => ({ columns: [{ expression: `${alias}.${column}`, type: 'uuid' }] });

interface ItemRow {
  item: string;
  key: string[];
}

/** A whole page in one row. */
interface PageRow {
  /** The texts of its items in one; null where there is none. */
  items: string | null;
  /** How many there are, one more than the page holds where others follow. */
  found: number;
  /** Whether an item came out as null, and so is in no page. */
  lost: boolean;
  /** Where the next page begins: the columns of the sort, `k0` and so on. */
  [key: `k${number}`]: string | null;
}

/**
 * Page sizes that are constants of their statement. PostgreSQL plans a statement with an unknown LIMIT for a tenth of the table, finds that dearer
 * than any plan for a known one, and so plans anew at every execution, which costs more than to read the page. Each size is a statement of its
 * own, kept by each connection: the other sizes share one.
 */
const USUAL_LIMITS: ReadonlySet<number> = new Set([1, 10, 20, 25, 50, 100]);

/** Keyset pages: the one piece that all lists share. A page costs the same at any depth, as long as its sort has an index. */
@Injectable()
export class Keyset {
  private secret: Promise<KeyObject> | undefined;
  /** The texts of statements, between their parameters, by the item and all else that they depend on. */
  private readonly texts = new WeakMap<Sql, Map<string, readonly string[]>>();

  constructor(private readonly database: Database) {}

  /**
   * One page.
   *
   * @throws BadRequestError `invalid_cursor` for a cursor of another list, other filters or another sort
   */
  async page(query: KeysetQuery, { cursor, limit }: PageRequest): Promise<Page> {
    const secret = await this.cursorSecret();
    const scope = bindingText(query);
    const after = cursor === undefined ? empty : afterKey(query.sort, decodeCursor(secret, scope, cursor));
    return this.read(query, limit, [...query.where, ...(after === empty ? [] : [after])], secret, scope);
  }

  /** The key after which a page of such a query begins, for lists that put it into their own SQL; null for the first page. */
  async keyOf(query: Pick<KeysetQuery, 'list' | 'binding'>, cursor: string | undefined): Promise<readonly string[] | null> {
    return cursor === undefined ? null : decodeCursor(await this.cursorSecret(), bindingText(query), cursor);
  }

  /** A page from rows that came in order, one more than the page holds where there are more. */
  async pageOf(query: Pick<KeysetQuery, 'list' | 'binding'>, rows: readonly ItemRow[], limit: number): Promise<Page> {
    return toPage(rows, limit, await this.cursorSecret(), bindingText(query));
  }

  private async read(query: KeysetQuery, limit: number, where: readonly Sql[], secret: KeyObject, scope: string): Promise<Page> {
    const pageOf = (items: string, row: PageRow): Page => {
      const key = query.sort.columns.map((_column, index) => row[`k${index}`] ?? '');
      return new Page(items, row.found > limit ? encodeCursor(secret, scope, key) : null);
    };
    const { item } = query;
    if (item instanceof JsonItem) {
      const row = await this.readRow(query, limit, where, item.values, SEPARATOR);
      const items = item.fromValues(row.items ?? '', Math.min(row.found, limit));
      if (items !== null) return pageOf(items, row);
    }
    const row = await this.readRow(query, limit, where, item instanceof JsonItem ? item.json : item, ',');
    if (row.lost) throw new Error(`An item of the list ${query.list.split(':')[0]} has no JSON.`);
    return pageOf(row.items ?? '', row);
  }

  private async readRow(query: KeysetQuery, limit: number, where: readonly Sql[], item: Sql, separator: string): Promise<PageRow> {
    const [row] = await this.database.rows<PageRow>(this.statement(query, limit, where, item, separator));
    if (!row) throw new Error('An aggregate answered no row.');
    return row;
  }

  /** The statement of a page. Its text is kept by what it depends on: to put it together anew is a twentieth of a page. */
  private statement(query: KeysetQuery, limit: number, where: readonly Sql[], item: Sql, separator: string): Sql {
    if (!USUAL_LIMITS.has(limit)) return pageStatement(query, limit, where, item, separator);
    const kept = this.texts.get(item) ?? new Map<string, readonly string[]>();
    this.texts.set(item, kept);
    const { from, sort } = query;
    const shape = [
      limit,
      sort.descending,
      ...sort.columns.map(({ expression }) => expression),
      from.sql,
      ...where.map((one) => one.sql),
    ].join('\n');
    const strings = kept.get(shape);
    if (strings) return new Sql(strings, [...from.values, ...where.flatMap(({ values }) => values)]);
    const statement = pageStatement(query, limit, where, item, separator);
    kept.set(shape, statement.strings);
    return statement;
  }

  /** Shared by all replicas: a cursor of one is good at another. */
  private cursorSecret(): Promise<KeyObject> {
    this.secret ??= this.readSecret().catch((error: unknown) => {
      this.secret = undefined;
      throw error;
    });
    return this.secret;
  }

  private async readSecret(): Promise<KeyObject> {
    const [row] = await this.database.rows<{ secret: Buffer }>(sql`SELECT cursor_secret AS secret FROM installation`);
    if (!row) throw new Error('The installation has no secret for its cursors, which a migration gives it.');
    return createSecretKey(row.secret);
  }
}

/**
 * One row for the whole page, since fifty cost the driver more than PostgreSQL takes to join them. It keeps their order: an aggregate takes what it
 * is given as it comes, and row_number() numbers it so.
 */
function pageStatement({ sort, from }: KeysetQuery, limit: number, where: readonly Sql[], item: Sql, separator: string): Sql {
  const direction = raw(sort.descending ? 'DESC' : 'ASC');
  const columns = sort.columns.map((column) => raw(column.expression));
  const order = join(columns.map((column) => sql`${column} ${direction}`));
  const conditions = where.length > 0 ? sql`WHERE ${join(where, ' AND ')}` : empty;
  const places = columns.map((column, index) => sql`${column} AS ${raw(`k${index}`)}`);
  const last = columns
    .map((_column, index) => raw(`k${index}`))
    .map((key) => sql`(array_agg(${key}) FILTER (WHERE place = ${size(limit)}))[1]::text AS ${key}`);
  return sql`SELECT string_agg(item, ${raw(`'${separator}'`)}) FILTER (WHERE place <= ${size(limit)}) AS items, ${join(last)},
      count(*)::integer AS found, count(*) > count(item) AS lost
    FROM (SELECT row_number() OVER () AS place, read.* FROM (
      SELECT (${item})::text AS item, ${join(places)} FROM ${from} ${conditions} ORDER BY ${order} LIMIT ${size(limit + 1, limit)}
    ) AS read) AS page`;
}

/** A number of rows for a page of so many: in the text where the page is of a usual size, else a parameter. */
function size(rows: number, limit = rows): Sql {
  return USUAL_LIMITS.has(limit) ? raw(String(rows)) : sql`${rows}::integer`;
}

function toPage(rows: readonly ItemRow[], limit: number, secret: KeyObject, scope: string): Page {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const items = rows.slice(0, limit).map((row) => row.item);
  return new Page(items.join(','), last ? encodeCursor(secret, scope, last.key) : null);
}

function bindingText({ list, binding }: Pick<KeysetQuery, 'list' | 'binding'>): string {
  const members = Object.entries(binding).filter(([, value]) => value !== undefined);
  return JSON.stringify([list, ...members.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * What comes after a key. The key is hidden from the planner in subselects: it would count the rows behind it, believe there were few near the end of
 * a list, and for that plan anew at every execution, which takes as long as the page.
 */
function afterKey(sort: Sort, key: readonly string[]): Sql {
  const columns = join(sort.columns.map((column) => raw(column.expression)));
  const values = join(sort.columns.map((column, index) => sql`(SELECT ${key[index]}::${raw(column.type)})`));
  return sql`(${columns}) ${raw(sort.descending ? '<' : '>')} (${values})`;
}
