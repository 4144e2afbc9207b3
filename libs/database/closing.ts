import { Representation } from './representation.js';
import sql, { join, raw, type Sql } from 'sql-template-tag';

export interface ShownRow {
  id: string;
  version: number | null;
  json: string;
}

const rethrow = (error: unknown): never => {
  throw error;
};

const named = (name: string, statement: Sql): Sql => sql`${raw(name)} AS (${statement})`;

/**
 * What a change ends with: its last rows, and the representation made of them. Whoever puts it together does not run it: it leaves as one statement
 * with the events, the answer kept for repeats and the COMMIT, and what it shows is answered once that is through.
 */
export class Closing {
  constructor(
    /** A SELECT of the `id`, `version` and `json` of one row; it may read what `changes` return. */
    readonly shown: Sql,
    /** Statements that change rows, by the names under which `shown` knows what they return. None sees what another does. */
    readonly changes: Readonly<Record<string, Sql>> = {},
    /** Says what a failure of theirs means, by throwing that. */
    readonly failed: (error: unknown) => never = rethrow,
    /** As `Representation` has it. */
    readonly cacheable = true,
  ) {}

  /** The one statement, with others that go with it and may read its `answer`. */
  statement(others: Readonly<Record<string, Sql>>): Sql {
    const parts = [
      ...Object.entries(this.changes).map(([name, change]) => named(name, change)),
      sql`answer AS MATERIALIZED (${this.shown})`,
      ...Object.entries(others).map(([name, other]) => named(name, other)),
    ];
    return sql`WITH ${join(parts)} SELECT id, version, json FROM answer`;
  }

  /** What the statement has answered. */
  representation([row]: readonly ShownRow[]): Representation {
    if (!row) throw new Error('A change has nothing to show.');
    return new Representation(row.id, row.version, row.json, this.cacheable);
  }
}
