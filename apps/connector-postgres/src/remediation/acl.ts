import type pg from 'pg';
import type { TargetObject } from './target-access.js';

/** One entry of an object's access list: who gave what to whom. Grantee 0 is PUBLIC; `column` is null for the object as a whole. */
export interface AclEntry {
  grantor: number;
  grantee: number;
  privilege: string;
  grantable: boolean;
  column: string | null;
}

/** An object of a database with its list, built-in defaults included. */
export interface ObjectAcl {
  oid: number;
  owner: number;
  entries: AclEntry[];
}

export interface RoleFacts {
  oid: number;
  name: string;
  isSuperuser: boolean;
  /** CREATEROLE, CREATEDB, REPLICATION, BYPASSRLS. */
  powers: string[];
}

/** A membership as PostgreSQL keeps it; before version 16 a pair has one row, and its options are those that such versions imply. */
export interface MembershipRow {
  group: number;
  member: number;
  grantor: number;
  admin: boolean;
  inherit: boolean;
  set: boolean;
}

const entries = (lists: string): string => `
  (SELECT coalesce(jsonb_agg(jsonb_build_object('grantor', e.grantor::int8, 'grantee', e.grantee::int8, 'privilege', e.privilege_type,
     'grantable', e.is_grantable, 'column', e.attname)), '[]') FROM (${lists}) AS e)`;

const whole = (acl: string, kind: string, owner: string): string => `
  SELECT a.*, NULL::name AS attname FROM aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) AS a`;

const SELECT_DATABASE = `
  SELECT oid, datdba AS owner, ${entries(whole('datacl', 'd', 'datdba'))} AS entries FROM pg_database WHERE datname = $1`;

const SELECT_SCHEMA = `
  SELECT oid, nspowner AS owner, ${entries(whole('nspacl', 'n', 'nspowner'))} AS entries FROM pg_namespace WHERE nspname = $1`;

const SELECT_RELATION = `
  SELECT c.oid, c.relowner AS owner, ${entries(`${whole('c.relacl', 'r', 'c.relowner')}
    UNION ALL SELECT a.*, t.attname FROM pg_attribute t CROSS JOIN LATERAL aclexplode(t.attacl) AS a
    WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL AND NOT t.attisdropped`)} AS entries
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;

const SELECT_ROLES = `
  SELECT oid, rolname AS name, rolsuper AS "isSuperuser",
         array_remove(ARRAY[
           CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END
         ], NULL) AS powers
  FROM pg_roles`;

const MEMBERSHIP = 'roleid AS "group", member, grantor, admin_option AS admin';
const SELECT_MEMBERSHIPS = `SELECT ${MEMBERSHIP}, inherit_option AS inherit, set_option AS set FROM pg_auth_members ORDER BY roleid, member, grantor`;
const SELECT_MEMBERSHIPS_BEFORE_16 = `SELECT ${MEMBERSHIP}, true AS inherit, true AS set FROM pg_auth_members ORDER BY roleid, member`;

/** An object and its list, as the catalogs of the client's database have them at this instant; null where there is no such object. */
export async function readAcl(client: pg.ClientBase, object: Exclude<TargetObject, { kind: 'server' }>): Promise<ObjectAcl | null> {
  const { rows } = await client.query<ObjectAcl>(...queryOf(object));
  return rows[0] ?? null;
}

function queryOf(object: Exclude<TargetObject, { kind: 'server' }>): [text: string, values: string[]] {
  switch (object.kind) {
    case 'database':
      return [SELECT_DATABASE, [object.database]];
    case 'schema':
      return [SELECT_SCHEMA, [object.schema]];
    case 'relation':
      return [SELECT_RELATION, [object.schema, object.name]];
  }
}

/** Every role of the server, by its oid. */
export async function readRoles(client: pg.ClientBase): Promise<Map<number, RoleFacts>> {
  const { rows } = await client.query<RoleFacts>(SELECT_ROLES);
  return new Map(rows.map((role) => [role.oid, role]));
}

export async function readMemberships(client: pg.ClientBase, version: number): Promise<MembershipRow[]> {
  const { rows } = await client.query<MembershipRow>(version >= 160_000 ? SELECT_MEMBERSHIPS : SELECT_MEMBERSHIPS_BEFORE_16);
  return rows;
}
