import type pg from 'pg';
import { TABLE_PRIVILEGES } from './role-graph.js';
import { reach, shown } from './oracle.js';

/** One entry of a list of rights, as text that can be compared: grantee, table, privilege, and whether it is on columns. */
export const right = (grantee: string, table: string, permission: string): string =>
  JSON.stringify([shown(grantee), shown(table), permission]);

/** Every right that stands in the list of a table, a grant option apart from it, whoever gave it; owners' own rights by default included. */
export async function rights(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ grantee: string; table: string; permission: string }>(
    `SELECT coalesce(r.rolname, 'PUBLIC') AS grantee, n.nspname || '.' || c.relname AS "table", e.permission
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (
       SELECT a.grantee, a.privilege_type AS permission FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
       UNION SELECT a.grantee, a.privilege_type || ' (columns)' FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) AS a
       WHERE t.attrelid = c.oid AND NOT t.attisdropped
       UNION SELECT c.relowner, 'OWNERSHIP'
     ) AS e LEFT JOIN pg_roles r ON r.oid = e.grantee
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`,
  );
  return new Set(rows.map(({ grantee, table, permission }) => right(grantee, table, permission)));
}

/** Which roles each of these is a MEMBER of, itself included, as PostgreSQL says. */
export async function membersOf(client: pg.Client): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ role: string; groups: string[] }>(
    `SELECT r.rolname AS role, array_agg(g.rolname::text) AS groups FROM pg_roles r JOIN pg_roles g ON pg_has_role(r.oid, g.oid, 'MEMBER') GROUP BY 1`,
  );
  return new Map(rows.map(({ role, groups }) => [shown(role), groups.map(shown)]));
}

/** What the roles would reach if a list of rights were all there is: their own, those of every role that they are a MEMBER of, and PUBLIC's. */
export function reachedBy(
  roles: readonly string[],
  list: ReadonlySet<string>,
  groups: ReadonlyMap<string, readonly string[]>,
): Set<string> {
  const known: ReadonlySet<string> = new Set(TABLE_PRIVILEGES);
  const byGrantee = new Map<string, [table: string, permission: string][]>();
  for (const entry of list) {
    const [grantee, table, permission] = JSON.parse(entry) as [string, string, string];
    if (known.has(permission)) byGrantee.set(grantee, [...(byGrantee.get(grantee) ?? []), [table, permission]]);
  }
  const answer = new Set<string>();
  for (const role of roles) {
    for (const holder of ['PUBLIC', ...(groups.get(role) ?? [])]) {
      for (const [table, permission] of byGrantee.get(holder) ?? []) answer.add(reach(role, table, permission));
    }
  }
  return answer;
}
