export type Privilege = 'read' | 'write' | 'admin';

const READ = new Set(['SELECT', 'USAGE', 'CONNECT', 'TEMPORARY']);
const WRITE = new Set(['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'MAINTAIN']);

/** What a PostgreSQL privilege is to the gateway (design, section 12): the rest and ownership are `admin`. A right on columns counts as the whole. */
export function privilegeOf(permission: string): Privilege {
  const name = permission.replace(/ \(columns\)$/, '');
  if (READ.has(name)) return 'read';
  return WRITE.has(name) ? 'write' : 'admin';
}

/** What PostgreSQL's predefined roles may do at the whole server. One that is not listed, of a later version perhaps, is taken for the worst. */
const PREDEFINED: Readonly<Record<string, Privilege>> = {
  pg_read_all_data: 'read',
  pg_read_all_settings: 'read',
  pg_read_all_stats: 'read',
  pg_stat_scan_tables: 'read',
  pg_monitor: 'read',
  pg_write_all_data: 'write',
  pg_maintain: 'write',
  pg_use_reserved_connections: 'read',
};

export const privilegeOfPredefinedRole = (name: string): Privilege => PREDEFINED[name] ?? 'admin';

/** The prefix is reserved: nobody can make a role of such a name. */
export const isPredefinedRole = (name: string): boolean => name.startsWith('pg_');

/** Stands for the owner of whatever database it is met in, and is a right of nobody else. */
export const DATABASE_OWNER_ROLE = 'pg_database_owner';
