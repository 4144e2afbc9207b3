import type { Snapshot } from '#libs/database/snapshot.js';
import { CSV_LINE_END } from '#libs/report-formats/csv.js';
import type { Lines, PreparedTable } from '#libs/report-formats/prepared-report.js';
import sql, { join, raw, type Sql } from 'sql-template-tag';

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
  /** What follows FROM, with its conditions; where there are lookups, a relation alone. */
  from: Sql;
  /**
   * Relations that are much shorter than the table, by the names that expressions know them by; each of its rows has the row of theirs with an id.
   * The part of a line that is of theirs is made once for each of their rows.
   */
  lookups?: Readonly<Record<string, { rows: Sql; id: string }>>;
  order: Sql;
  rowCount: number;
}

/** In CSV a spreadsheet would run what begins so; and what begins with `'` would lose it. */
const RUNS = `^[=+@\\t\\r''-]`;
const NEEDS_QUOTES = `[",\\r\\n]|${RUNS}`;

/** A part of a line, made of the columns that stand together in one lookup, or in none. */
interface Part {
  of: string | null;
  columns: string[];
}

/**
 * Wraps a table of a snapshot. Lines are made by PostgreSQL and passed on as they come, so that a million rows are a few hundred megabytes here
 * that nobody looks at.
 *
 * @param record what the rows are called beside those of other tables; null where there is no other
 */
export function preparedTable(snapshot: Snapshot, table: SqlTable, record: string | null): PreparedTable {
  const { name, title, columns, rowCount } = table;
  const find = (wanted: string): SqlColumn | undefined => columns.find((column) => column.name === wanted);
  const opening = record === null ? '{' : `{"record":"${record}",`;
  const readLines = (
    parts: readonly Part[],
    make: (columns: readonly string[]) => string,
    [opens, ends]: readonly [string, string],
  ): AsyncIterable<Lines> => {
    const lines = new Map(parts.flatMap(({ of, columns: own }) => (of === null ? [] : [[of, make(own)] as const])));
    const all = parts.map(({ of, columns: own }) => (of === null ? make(own) : `${of}.line`));
    return snapshot.texts(queryOf(table, `${quoted(opens)} || ${concatenated(all)} || ${quoted(ends)}`, lines));
  };
  const csv = (wanted: readonly string[]): string => concatenated(wanted.map((each) => csvCellOf(each, find(each), record)));
  const json = (wanted: readonly string[]): string => concatenated(wanted.flatMap((each) => jsonMember(find(each))));
  return {
    ...{
      name,
      title,
      columns,
      rowCount,
      supplement: false,
      onPaper: columns.filter(({ weight }) => weight > 0).map((column) => column.name),
    },
    csvLines: (wanted) => readLines(partsOf(wanted, find), csv, ['', CSV_LINE_END]),
    jsonLines: () =>
      readLines(
        partsOf(
          columns.map((column) => column.name),
          find,
        ),
        json,
        [opening, '}\n'],
      ),
    cells: (wanted) =>
      parsed(snapshot.batches<[string]>(queryOf(table, `json_build_array(${wanted.map((each) => textOf(find(each))).join(', ')})::text`))),
  };
}

/**
 * The query of a table for one expression; `lines` are what is made of the rows of its lookups first. OFFSET 0 keeps PostgreSQL from making them
 * anew for every row of the table, and what it has found of a lookup it remembers by its id.
 */
function queryOf({ lookups = {}, from, order }: SqlTable, expression: string, lines: ReadonlyMap<string, string> = new Map()): Sql {
  const joined = Object.entries(lookups).map(([alias, { rows, id }]) => {
    const line = lines.get(alias);
    const found = raw(line === undefined ? `${alias}.*` : `${line} AS line`);
    return sql` CROSS JOIN LATERAL (SELECT ${found} FROM ${rows} ${raw(alias)} WHERE ${raw(`${alias}.id = ${id}`)} OFFSET 0) ${raw(alias)}`;
  });
  return sql`SELECT ${raw(expression)} FROM ${join([from, ...joined], '')} ORDER BY ${order}`;
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
  if (name === 'record' && record !== null) return quoted(record);
  if (!column) return `''`;
  return `coalesce(${column.type === 'text' ? csvText(`(${column.expression})`) : textOf(column)}, '')`;
}

function csvText(expression: string): string {
  const opens = `CASE WHEN ${expression} ~ E'${pattern(RUNS)}' THEN '"''' ELSE '"' END`;
  return `CASE WHEN ${expression} ~ E'${pattern(NEEDS_QUOTES)}' THEN ${opens} || replace(${expression}, '"', '""') || '"' ELSE ${expression} END`;
}

/** Within E'…' a backslash stands twice. */
const pattern = (regularExpression: string): string => regularExpression.replaceAll('\\', '\\\\');

/** A text of our own as a literal, ends of lines written out. */
const quoted = (text: string): string => `E'${text.replaceAll('\r', '\\r').replaceAll('\n', '\\n')}'`;

/** A member of an object. Piece by piece, since a row made into JSON costs several times as much. */
const jsonMember = (column: SqlColumn | undefined): string[] => (column ? [`${quoted(`"${column.name}":`)} || ${jsonValue(column)}`] : []);

/**
 * Texts, none of them NULL, with commas between. In halves of halves, so that what has been put together is not copied again for each; and not by
 * `concat`, which takes several times as long.
 */
function concatenated(texts: readonly string[]): string {
  if (texts.length <= 1) return texts[0] ?? `''`;
  const half = Math.ceil(texts.length / 2);
  return `(${concatenated(texts.slice(0, half))} || ',' || ${concatenated(texts.slice(half))})`;
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

async function* parsed(batches: AsyncIterable<[string][]>): AsyncGenerator<(string | null)[][]> {
  for await (const batch of batches) yield batch.map(([text]) => JSON.parse(text) as (string | null)[]);
}
