import type { Snapshot } from '#libs/database/snapshot.js';
import type { PreparedTable } from '#libs/report-formats/prepared-report.js';
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
}

export interface SqlTable {
  name: string;
  title: string;
  columns: readonly SqlColumn[];
  /** What follows FROM, with its conditions. */
  from: Sql;
  order: Sql;
  rowCount: number;
}

/** In CSV a spreadsheet would run what begins so; and what begins with `'` would lose it. */
const RUNS = `^[=+@\\t\\r''-]`;
const NEEDS_QUOTES = `[",\\r\\n]|${RUNS}`;

/** Wraps a table of a snapshot. Lines are made by PostgreSQL as one text each, so that a million rows are a million short strings here and no more. */
export function preparedTable(snapshot: Snapshot, table: SqlTable, record: string | null): PreparedTable {
  const { name, title, columns, rowCount } = table;
  const find = (wanted: string): SqlColumn | undefined => columns.find((column) => column.name === wanted);
  const rows = (selected: string): Sql => sql`SELECT ${raw(selected)} FROM ${table.from} ORDER BY ${table.order}`;
  const lines = (expression: string): AsyncIterable<string[]> => texts(snapshot.batches<[string]>(rows(expression)));
  return {
    ...{
      name,
      title,
      columns,
      rowCount,
      supplement: false,
      onPaper: columns.filter(({ weight }) => weight > 0).map((column) => column.name),
    },
    csvLines: (wanted) => lines(`concat(${csvParts(wanted, find, record).join(`, ',', `)})`),
    jsonLines: () => lines(jsonLine(columns, record)),
    cells: (wanted) => parsed(lines(`json_build_array(${wanted.map((each) => textOf(find(each))).join(', ')})::text`)),
  };
}

/** How many rows the tables of a snapshot have, in one query. */
export async function countRows(snapshot: Snapshot, from: readonly Sql[]): Promise<number[]> {
  const counts = join(from.map((each) => sql`(SELECT count(*) FROM ${each})::float8`));
  const [row] = await snapshot.rows<{ counts: number[] }>(sql`SELECT ARRAY[${counts}] AS counts`);
  return row?.counts ?? [];
}

function csvParts(wanted: readonly string[], find: (name: string) => SqlColumn | undefined, record: string | null): string[] {
  return wanted.map((name) => {
    if (name === 'record' && record !== null) return `'${record}'`;
    const column = find(name);
    if (!column) return `''`;
    return column.type === 'text' ? csvText(column.expression) : textOf(column);
  });
}

function csvText(expression: string): string {
  const escaped = `replace(${expression}, '"', '""')`;
  return `CASE WHEN ${expression} ~ E'${pattern(NEEDS_QUOTES)}'
    THEN concat('"', CASE WHEN ${expression} ~ E'${pattern(RUNS)}' THEN '''' END, ${escaped}, '"') ELSE ${expression} END`;
}

/** Within E'…' a backslash stands twice. */
const pattern = (regularExpression: string): string => regularExpression.replaceAll('\\', '\\\\');

function jsonLine(columns: readonly SqlColumn[], record: string | null): string {
  const own = columns.map((column) => `${column.type === 'instant' ? textOf(column) : column.expression} AS "${column.name}"`);
  const members = record === null ? own : [`'${record}' AS "record"`, ...own];
  return `(SELECT row_to_json(r) FROM (SELECT ${members.join(', ')}) AS r)::text`;
}

function textOf(column: SqlColumn | undefined): string {
  if (!column) return 'NULL::text';
  return column.type === 'instant' ? `instant(${column.expression})` : `(${column.expression})::text`;
}

async function* texts(batches: AsyncIterable<[string][]>): AsyncGenerator<string[]> {
  for await (const batch of batches) yield batch.map(([text]) => text);
}

async function* parsed(batches: AsyncIterable<string[]>): AsyncGenerator<(string | null)[][]> {
  for await (const batch of batches) yield batch.map((text) => JSON.parse(text) as (string | null)[]);
}
