import type pg from 'pg';
import { TABLE_PRIVILEGES } from './role-graph.js';

/** One privilege that a role reaches on a table, as text that can be compared: role, table, privilege. */
export const reach = (role: string, table: string, privilege: string): string => JSON.stringify([shown(role), shown(table), privilege]);

/** The one control character in a name of the graphs, as the gateway shows it. */
export const shown = (name: string): string => name.replaceAll('\t', '\u2409');

const SUBJECTS = `
  subjects AS (
    SELECT oid, rolname FROM pg_roles subject
    WHERE NOT EXISTS (
      SELECT FROM pg_roles other
      WHERE (other.rolsuper OR other.rolname LIKE 'pg\\_%') AND pg_has_role(subject.oid, other.oid, 'MEMBER')))`;

const TABLES = `
  tables AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema')`;

/** The roles that the comparison is about: no superuser, no predefined role, no member of one. */
export async function subjects(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(`WITH ${SUBJECTS} SELECT rolname AS name FROM subjects ORDER BY rolname`);
  return rows.map(({ name }) => shown(name));
}

/** What PostgreSQL itself answers, in the database of the client: every privilege on a table that a subject or a role it is a MEMBER of has. */
export async function truth(client: pg.Client): Promise<Set<string>> {
  const version = await client.query<{ number: number }>(`SELECT current_setting('server_version_num')::int AS number`);
  const known = TABLE_PRIVILEGES.filter((privilege) => privilege !== 'MAINTAIN' || version.rows[0]!.number >= 170_000);
  const { rows } = await client.query<{ role: string; table: string; privilege: string }>(
    `WITH ${SUBJECTS}, ${TABLES}, held AS MATERIALIZED (
       SELECT r.oid AS role, t.oid AS "table", p.privilege FROM pg_roles r, tables t, unnest($1::text[]) AS p (privilege)
       WHERE has_table_privilege(r.oid, t.oid, p.privilege))
     SELECT DISTINCT s.rolname AS role, t.name AS "table", held.privilege
     FROM subjects s JOIN held ON pg_has_role(s.oid, held.role, 'MEMBER') JOIN tables t ON t.oid = held."table"`,
    [known],
  );
  return new Set(rows.map(({ role, table, privilege }) => reach(role, table, privilege)));
}

/** What one side has and the other has not; two empty lists are what a comparison is meant to end with. */
export function differences(expected: ReadonlySet<string>, answer: ReadonlySet<string>): { missing: string[]; tooMuch: string[] } {
  return { missing: [...expected].filter((one) => !answer.has(one)), tooMuch: [...answer].filter((one) => !expected.has(one)) };
}
