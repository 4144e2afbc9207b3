import { raw, type Sql } from 'sql-template-tag';
import { JsonWriter, SEPARATOR } from './json-writer.js';

/** What the longest pieces of `orNull` take, which are not among those of the item. */
const NULL_BYTES = 8;
const COMMA = Buffer.from(',');

/**
 * How one member of an item comes to be JSON, between two pieces of it: made by PostgreSQL, or here of a bare value, which for a page costs both
 * together two thirds.
 */
export interface JsonMember {
  before: string;
  after: string;
  /** SQL of type text. */
  expression: string;
  /** SQL of any type, and what makes the same of its text. */
  bare: string;
  write: (writer: JsonWriter) => void;
  /** Whether a value may be an empty text, which else stands for null. */
  mayBeEmpty?: boolean;
}

const asItIs = (writer: JsonWriter): void => writer.asItIs();

/** An id, or a word of a fixed set: text in which JSON has nothing to escape. */
export const word = (expression: string): JsonMember => ({
  ...{ before: '"', after: '"', expression: `(${expression})::text`, bare: expression, write: asItIs },
});

/** Any text. */
export const text = (expression: string): JsonMember => ({
  ...{ before: '', after: '', expression: `to_json(${expression})::text` },
  ...{ bare: expression, write: (writer) => writer.text(), mayBeEmpty: true },
});

/** A number, or what is JSON already. */
export const value = (expression: string): JsonMember => ({
  ...{ before: '', after: '', expression: `(${expression})::text`, bare: expression, write: asItIs },
});

/** An array. */
export const list = (expression: string): JsonMember => value(`array_to_json(${expression})`);

/**
 * A `timestamptz(3)`, in RFC 3339 with milliseconds. What the function `instant` answers, in half the time: sessions write their times in UTC, and
 * a microsecond more makes PostgreSQL write all of the digits, of which the first three after the point stay.
 */
export function instant(expression: string): JsonMember {
  const allDigits = `${expression} + interval '1 microsecond'`;
  return {
    ...{ before: '"', after: 'Z"', expression: `replace(left((${allDigits})::text, 23), ' ', 'T')` },
    ...{ bare: allDigits, write: (writer) => writer.instant() },
  };
}

/** A member that may be null. One that is null without this leaves no JSON at all, which a page notices. */
export function orNull({ before, after, expression, bare, write, mayBeEmpty }: JsonMember): JsonMember {
  const pieces = [literal(before), expression, literal(after)].filter((piece) => piece !== literal(''));
  const member = { before: '', after: '', expression: `coalesce(${pieces.join(' || ')}, 'null')` };
  if (mayBeEmpty) return { ...member, bare: member.expression, write: asItIs };
  const [first, last] = [Buffer.from(before), Buffer.from(after)];
  return {
    ...{ ...member, bare: `coalesce((${bare})::text, '')` },
    write: (writer) => {
      if (writer.nullIfEmpty()) return;
      writer.piece(first);
      write(writer);
      writer.piece(last);
    },
  };
}

const literal = (json: string): string => `'${json}'`;

/** What a list shows of a row. Only ever made of constants of the source code. */
export class JsonItem<Name extends string = string> {
  /** Its JSON in SQL, piece by piece: `row_to_json` looks up each column's type anew for each row, and takes half as long again for a page. */
  readonly json: Sql;
  /**
   * Its bare values in SQL, in one text. The JSON that stands beside them is never made: PostgreSQL counts the price of it for each row, without which
   * it takes a plan for any filters to be as good as one for those of a request, and walks over a fifth of a million assets where none is both.
   */
  readonly values: Sql;
  private readonly members: readonly { name: Name; before: Uint8Array; write: (writer: JsonWriter) => void }[];
  private readonly end: Uint8Array;
  private readonly pieceBytes: number;

  constructor(members: Readonly<Record<Name, JsonMember>>) {
    const entries = Object.entries(members) as [Name, JsonMember][];
    const all = entries.map(([name, member], index, { [index - 1]: last }) => ({
      ...member,
      name,
      before: `${last ? `${last[1].after},` : '{'}"${name}":${member.before}`,
    }));
    const end = `${all.at(-1)?.after ?? ''}}`;
    this.json = raw(`(${all.map(({ before, expression }) => `${literal(before)} || ${expression}`).join(' || ')} || ${literal(end)})`);
    this.values = raw(
      `(CASE WHEN pg_backend_pid() = 0 THEN ${this.json.text} ELSE concat_ws(${literal(SEPARATOR)}, ${all.map(({ bare }) => bare).join(', ')}) END)`,
    );
    this.members = all.map(({ name, before, write }) => ({ name, before: Buffer.from(before), write }));
    this.end = Buffer.from(end);
    this.pieceBytes = COMMA.length + this.end.length + this.members.reduce((bytes, { before }) => bytes + before.length + NULL_BYTES, 0);
  }

  /** The JSON of an item that is not to be read, since all its members are at hand. */
  of(item: Readonly<Record<Name, unknown>>): string {
    const shown: Partial<Record<Name, unknown>> = {};
    for (const { name } of this.members) shown[name] = item[name];
    return JSON.stringify(shown);
  }

  /**
   * The JSON of so many items, comma-separated, from their values with a separator between any two. Null where these are not as many as they should
   * be, because one is missing or has the separator in it.
   */
  fromValues(values: string, items: number): string | null {
    const writer = new JsonWriter(values, items * this.pieceBytes);
    for (let item = 0; item < items; item++) {
      if (item > 0) writer.piece(COMMA);
      for (const { before, write } of this.members) {
        writer.piece(before);
        write(writer);
      }
      writer.piece(this.end);
    }
    return items === 0 || writer.done ? writer.json : null;
  }
}
