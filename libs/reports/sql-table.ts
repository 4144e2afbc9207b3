import type { Snapshot } from '#libs/database/snapshot.js';
import type { PreparedTable } from '#libs/report-formats/prepared-report.js';
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';

/**
 * A column of a table that PostgreSQL makes. `text` is anything somebody has written; `word` is made of letters, digits and dashes alone;
 * an `instant` is of type timestamptz.
 */
export interface SqlColumn {
  name: string;
  title: string;
  type: 'text' | 'word' | 'number' | 'boolean' | 'instant';
  /** The SQL expression: constants of the source code alone. */
  expression: string;
  /** How wide it is on paper beside the others; 0 leaves it out there. */
  weight: number;
  /** The lookup that it is of. The columns of a lookup stand together. */
  of?: string;
}

export interface SqlTable {
  name: string;
  title: string;
  columns: readonly SqlColumn[];
  /** What follows FROM, with its conditions. Lookups are there by their names. */
  from: Sql;
  /** Relations that are much shorter than the table: the part of a line that is of theirs is made once for each of their rows. */
  lookups?: Readonly<Record<string, Sql>>;
  order: Sql;
  rowCount: number;
}

/** In CSV a spreadsheet would run what begins so; and what begins with `'` would lose it. */
const RUNS = `^[=+@\\t\\r''-]`;
const COLUMNS_AT_ONCE = 30;
const NEEDS_QUOTES = `[",\\r\\n]|${RUNS}`;

/** A part of a line, made of the columns that stand together in one lookup, or in none. */
interface Part {
  of: string | null;
  columns: string[];
}

/**
 * Wraps a table of a snapshot. Lines are made by PostgreSQL as one text each, so that a million rows are a million short strings here and no more.
 *
 * @param record what the rows are called beside those of other tables; null where there is no other
 */
export function preparedTable(snapshot: Snapshot, table: SqlTable, record: string | null): PreparedTable {
  const { name, title, columns, rowCount } = table;
  const find = (wanted: string): SqlColumn | undefined => columns.find((column) => column.name === wanted);
  const opening = record === null ? `'{'` : `'{"record":"${record}",'`;
  const read = (expression: string, lines = new Map<string, string>()): AsyncIterable<string[]> =>
    texts(snapshot.batches<[string]>(queryOf(table, expression, lines)));
  const readLines = (
    parts: readonly Part[],
    make: (columns: readonly string[]) => string,
    ends: readonly [string, string],
  ): AsyncIterable<string[]> => {
    const ofLookups = parts.flatMap(({ of, columns: own }) => (of === null ? [] : [[of, make(own)] as const]));
    const all = parts.map(({ of, columns: own }) => (of === null ? make(own) : `${of}.line`)).join(`, ',', `);
    return read(`concat(${ends[0]}, ${all}, ${ends[1]})`, new Map(ofLookups));
  };
  const json = (wanted: readonly string[]): string => jsonMembers(wanted.map((each) => find(each)));
  return {
    ...{
      name,
      title,
      columns,
      rowCount,
      supplement: false,
      onPaper: columns.filter(({ weight }) => weight > 0).map((column) => column.name),
    },
    csvLines: (wanted) =>
      readLines(partsOf(wanted, find), (own) => concatenated(own.map((each) => csvCellOf(each, find(each), record))), [`''`, `''`]),
    jsonLines: () =>
      readLines(
        partsOf(
          columns.map((column) => column.name),
          find,
        ),
        json,
        [opening, `'}'`],
      ),
    cells: (wanted) => parsed(read(`json_build_array(${wanted.map((each) => textOf(find(each))).join(', ')})::text`)),
  };
}

/** The query of a table for one expression; `lines` are what its lookups make of their rows first. */
function queryOf({ lookups = {}, from, order }: SqlTable, expression: string, lines: ReadonlyMap<string, string>): Sql {
  const made = Object.entries(lookups).map(([alias, relation]) => {
    const line = lines.get(alias);
    return sql`${raw(alias)} AS MATERIALIZED (SELECT ${raw(`${alias}.*${line === undefined ? '' : `, ${line} AS line`}`)} FROM ${relation} ${raw(alias)})`;
  });
  return sql`${made.length > 0 ? sql`WITH ${join(made)}` : empty} SELECT ${raw(expression)} FROM ${from} ORDER BY ${order}`;
}

function partsOf(wanted: readonly string[], find: (name: string) => SqlColumn | undefined): Part[] {
  const parts: Part[] = [];
  for (const name of wanted) {
    const of = find(name)?.of ?? null;
    const last = parts.at(-1);
    if (last?.of === of) last.columns.push(name);
    else parts.push({ of, columns: [name] });
  }
  return parts;
}

/** How many rows the tables of a snapshot have, in one query. */
export async function countRows(snapshot: Snapshot, from: readonly Sql[]): Promise<number[]> {
  const counts = join(from.map((each) => sql`(SELECT count(*) FROM ${each})::float8`));
  const [row] = await snapshot.rows<{ counts: number[] }>(sql`SELECT ARRAY[${counts}] AS counts`);
  return row?.counts ?? [];
}

function csvCellOf(name: string, column: SqlColumn | undefined, record: string | null): string {
  if (name === 'record' && record !== null) return `'${record}'`;
  if (!column) return `''`;
  return column.type === 'text' ? csvText(column.expression) : textOf(column);
}

function csvText(expression: string): string {
  const escaped = `replace(${expression}, '"', '""')`;
  return `CASE WHEN ${expression} ~ E'${pattern(NEEDS_QUOTES)}'
    THEN concat('"', CASE WHEN ${expression} ~ E'${pattern(RUNS)}' THEN '''' END, ${escaped}, '"') ELSE ${expression} END`;
}

/** Within E'…' a backslash stands twice. */
const pattern = (regularExpression: string): string => regularExpression.replaceAll('\\', '\\\\');

/** The members of an object without its braces. Piece by piece, since a row made into JSON costs several times as much. */
function jsonMembers(columns: readonly (SqlColumn | undefined)[]): string {
  const members = columns.flatMap((column) => (column ? [`'"${column.name}":', ${jsonValue(column)}`] : []));
  return concatenated(members);
}

/** Texts with commas between them. A function of PostgreSQL takes 100 arguments, and a table may have more columns than half of that. */
function concatenated(texts: readonly string[]): string {
  if (texts.length <= COLUMNS_AT_ONCE) return `concat(${texts.join(`, ',', `)})`;
  return `concat(${concatenated(texts.slice(0, COLUMNS_AT_ONCE))}, ',', ${concatenated(texts.slice(COLUMNS_AT_ONCE))})`;
}

function jsonValue(column: SqlColumn): string {
  if (column.type === 'text') return `coalesce(to_json(${column.expression})::text, 'null')`;
  const text = textOf(column);
  return column.type === 'number' || column.type === 'boolean' ? `coalesce(${text}, 'null')` : `coalesce('"' || ${text} || '"', 'null')`;
}

function textOf(column: SqlColumn | undefined): string {
  if (!column) return 'NULL::text';
  return column.type === 'instant' ? instantText(`(${column.expression})`) : `(${column.expression})::text`;
}

/** What the function `instant` answers, in less than half the time: a snapshot writes its times in UTC and as ISO 8601 has them but for the T. */
function instantText(expression: string): string {
  const written = `replace(left(${expression}::text, -3), ' ', 'T')`;
  return `CASE WHEN ${expression} = date_trunc('second', ${expression}) THEN ${written} || '.000Z' ELSE rpad(${written}, 23, '0') || 'Z' END`;
}

async function* texts(batches: AsyncIterable<[string][]>): AsyncGenerator<string[]> {
  for await (const batch of batches) yield batch.map(([text]) => text);
}

async function* parsed(batches: AsyncIterable<string[]>): AsyncGenerator<(string | null)[][]> {
  for await (const batch of batches) yield batch.map((text) => JSON.parse(text) as (string | null)[]);
}
