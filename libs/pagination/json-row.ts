import { raw, type Sql } from 'sql-template-tag';

/**
 * The JSON of a row, built by PostgreSQL: member names to SQL expressions of any type. Only ever called with constants of the source code.
 * `row_to_json` writes no blanks, unlike `json_build_object`.
 */
export function jsonRow(members: Readonly<Record<string, string>>): Sql {
  const columns = Object.entries(members).map(([name, expression]) => `${expression} AS "${name}"`);
  return raw(`(SELECT row_to_json(r) FROM (SELECT ${columns.join(', ')}) AS r)`);
}
