import { raw, type Sql } from 'sql-template-tag';

/**
 * The JSON of a row, built by PostgreSQL: member names to SQL expressions of any type. Only ever called with constants of the source code.
 * `row_to_json` writes no blanks, unlike `json_build_object`.
 */
export function jsonRow(members: Readonly<Record<string, string>>): Sql {
  const columns = Object.entries(members).map(([name, expression]) => `${expression} AS "${name}"`);
  return raw(`(SELECT row_to_json(r) FROM (SELECT ${columns.join(', ')}) AS r)`);
}

/** How one member of an item is written: an SQL expression of type text, between two pieces of JSON. */
export interface JsonMember {
  before: string;
  expression: string;
  after: string;
}

const between = (quote: string, expression: string): JsonMember => ({ before: quote, expression, after: quote });

/** An id, or a word of a fixed set: text in which JSON has nothing to escape. */
export const word = (expression: string): JsonMember => between('"', `(${expression})::text`);

/** Any text. */
export const text = (expression: string): JsonMember => between('', `to_json(${expression})::text`);

/** A number, a boolean, or what is JSON already. */
export const value = (expression: string): JsonMember => between('', `(${expression})::text`);

/** An array. */
export const list = (expression: string): JsonMember => between('', `array_to_json(${expression})::text`);

/**
 * A `timestamptz(3)`, in RFC 3339 with milliseconds. What the function `instant` answers, in half the time: sessions write their times in UTC, and
 * a microsecond more makes PostgreSQL write all of the digits, of which the first three after the point stay.
 */
export const instant = (expression: string): JsonMember => ({
  before: '"',
  expression: `replace(left((${expression} + interval '1 microsecond')::text, 23), ' ', 'T')`,
  after: 'Z"',
});

/** A member that may be null. One that is null without this leaves no JSON at all, which a page notices. */
export const orNull = ({ before, expression, after }: JsonMember): JsonMember =>
  between('', `coalesce(${[literal(before), expression, literal(after)].filter((piece) => piece !== literal('')).join(' || ')}, 'null')`);

const literal = (json: string): string => `'${json}'`;

/**
 * The JSON text of a row of a list, piece by piece: `row_to_json` looks up each column's type anew for each row, and takes half as long again for
 * a page. Only ever called with constants of the source code.
 */
export function jsonItem(members: Readonly<Record<string, JsonMember>>): Sql {
  const pieces: string[] = [];
  let json = '{';
  for (const [name, { before, expression, after }] of Object.entries(members)) {
    pieces.push(literal(`${json}"${name}":${before}`), expression);
    json = `${after},`;
  }
  return raw(`(${[...pieces, literal(`${json.slice(0, -1)}}`)].join(' || ')})`);
}
