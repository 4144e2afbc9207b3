/**
 * The statements that read a PostgreSQL server's catalogs, for versions 13 and later. They need no right beyond CONNECT: every catalog
 * named here may be read by everybody. `pg_roles` and not `pg_authid`, which holds passwords and is for superusers alone.
 *
 * An `acl` is a JSON array of `[holder, privilege]`, holder 0 being PUBLIC. Where the catalog holds no list, the built-in defaults apply
 * (`acldefault`): that is how an owner gets its privileges, and how a list that was emptied differs from one that was never touched.
 * Several grantors of one privilege are one entry.
 */

/** A snapshot for all statements of a reading; no name resolves to anything but the catalogs, whatever the database's owner put in `public`. */
export const BEGIN_READING = `
  BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL search_path TO pg_catalog;
  SET LOCAL statement_timeout TO '120s'`;

export const END_READING = 'COMMIT';

export const SELECT_SYSTEM_IDENTIFIER = 'SELECT system_identifier::text AS id FROM pg_control_system()';

export const SELECT_ROLES = `
  SELECT oid, rolname AS name, rolcanlogin AS "canLogin", rolsuper AS "isSuperuser",
         array_remove(ARRAY[
           CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
           CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END
         ], NULL) AS powers
  FROM pg_roles`;

/** From version 16 a pair has a row for each grantor, with options of its own. MEMBER, as pg_has_role knows it, asks for none of them. */
export const SELECT_MEMBERSHIPS = 'SELECT DISTINCT roleid AS "group", member FROM pg_auth_members';

const holders = (acl: string, kind: string, owner: string, more = ''): string => `
  (SELECT jsonb_agg(DISTINCT jsonb_build_array(held.holder::int8, held.privilege)) FROM (
     SELECT entry.grantee, entry.privilege_type FROM aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) AS entry
     UNION ALL SELECT ${owner}, 'OWNERSHIP'${more}
   ) AS held (holder, privilege))`;

/** template0 and template1 are the server's own. A template that somebody made is a database like any other. */
export const SELECT_DATABASES = `
  SELECT datname AS name, datdba AS owner, datallowconn AS "allowsConnections", datname = current_database() AS "isCurrent",
         ${holders('datacl', 'd', 'datdba')} AS acl
  FROM pg_database WHERE datname NOT IN ('template0', 'template1') ORDER BY datname`;

/** No schema of a user can begin with pg_: those are the catalogs, TOAST and temporary tables. */
const OF_USERS = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;

export const SELECT_SCHEMAS = `
  SELECT n.nspname AS name, ${holders('n.nspacl', 'n', 'n.nspowner')} AS acl
  FROM pg_namespace n WHERE ${OF_USERS} ORDER BY n.nspname`;

/** Rights on single columns: has_table_privilege does not know them, so they are a privilege of their own, and a table has each at most once. */
const COLUMNS = `
     UNION ALL SELECT entry.grantee, entry.privilege_type || ' (columns)'
     FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) AS entry
     WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped`;

/** Tables, partitioned tables, views, materialised views and foreign tables. */
export const SELECT_RELATIONS = `
  SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, ${holders('c.relacl', 'r', 'c.relowner', COLUMNS)} AS acl
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OF_USERS} ORDER BY n.nspname, c.relname`;
