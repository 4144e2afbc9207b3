import type pg from 'pg';
import { DATABASE_OWNER_ROLE } from '../privileges.js';
import { type MembershipRow, type ObjectAcl, readAcl, readMemberships, readRoles, type RoleFacts } from './acl.js';
import { holdsPower } from './revocation-plan.js';
import { onOneLine, PUBLIC, type TargetAccess, type TargetObject } from './target-access.js';

const PATHS_NAMED = 8;

/** What predefined roles may do with every object of a kind, without standing in its list. */
const BUILT_IN: Readonly<Record<string, Partial<Record<TargetObject['kind'], readonly string[]>>>> = {
  pg_read_all_data: { relation: ['SELECT'], schema: ['USAGE'] },
  pg_write_all_data: { relation: ['INSERT', 'UPDATE', 'DELETE'], schema: ['USAGE'] },
  pg_maintain: { relation: ['MAINTAIN'] },
};

/** Asks PostgreSQL itself whether the role, or a role that it is a member of, has the privilege. */
const STILL_REACHED: Readonly<Record<TargetObject['kind'], string>> = {
  relation: 'has_table_privilege(r.oid, $2::oid, $3)',
  schema: 'has_schema_privilege(r.oid, $2::oid, $3)',
  database: 'has_database_privilege(r.oid, $2::oid, $3)',
  server: '',
};

/** The catalogs, as far as they say by which ways a role comes to a right. */
interface Surroundings {
  roles: ReadonlyMap<number, RoleFacts>;
  memberships: readonly MembershipRow[];
  acl: ObjectAcl | null;
  databaseOwner: number;
}

/**
 * The ways by which a role still comes to a right, each in words, shortest first; none when it is gone. Whether it is gone is what PostgreSQL
 * itself says (`has_table_privilege` and its like, of the role and of every role that it is a MEMBER of); the words are ours.
 */
export async function remainingPaths(client: pg.ClientBase, access: TargetAccess, version: number): Promise<string[]> {
  const { object } = access;
  const roles = await readRoles(client);
  if (access.holder !== PUBLIC && !roles.has(access.holder)) return [];
  const acl = object.kind === 'server' ? null : await readAcl(client, object);
  if (object.kind !== 'server' && acl === null) return [];
  if (acl && !(await isReached(client, access, acl))) return [];
  const memberships = await readMemberships(client, version);
  const { rows } = await client.query<{ owner: number }>('SELECT datdba AS owner FROM pg_database WHERE datname = current_database()');
  const paths = describePaths(access, { roles, memberships, acl, databaseOwner: rows[0]?.owner ?? 0 });
  if (paths.length > 0 || object.kind === 'server') return paths;
  return ['by a way that only PostgreSQL itself knows'];
}

async function isReached(client: pg.ClientBase, { object, holder, permission }: TargetAccess, acl: ObjectAcl): Promise<boolean> {
  if (holder === PUBLIC) return acl.entries.some((entry) => entry.grantee === PUBLIC && isEntryOf(entry, permission));
  if (permission === 'OWNERSHIP') {
    return someRole(client, '$2::oid = r.oid', [holder, acl.owner]);
  }
  const condition = permission.endsWith(' (columns)') ? 'has_any_column_privilege(r.oid, $2::oid, $3)' : STILL_REACHED[object.kind];
  return someRole(client, condition, [holder, acl.oid, privilegeIn(permission)]);
}

/** A member of what another role is counts as that role: it may always take it on, or let itself. */
async function someRole(client: pg.ClientBase, condition: string, values: readonly unknown[]): Promise<boolean> {
  const { rows } = await client.query<{ reached: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_roles r WHERE pg_has_role($1::oid, r.oid, 'MEMBER') AND ${condition}) AS reached`,
    [...values],
  );
  return rows[0]?.reached === true;
}

const privilegeIn = (permission: string): string => permission.replace(/ \(columns\)$/, '');

/** A right on the whole table gives every column, and not the other way round. */
function isEntryOf({ privilege, column }: { privilege: string; column: string | null }, permission: string): boolean {
  return privilege === privilegeIn(permission) && (column === null || permission.endsWith(' (columns)'));
}

function describePaths(access: TargetAccess, surroundings: Surroundings): string[] {
  const chains = chainsFrom(access.holder, surroundings);
  const paths: string[] = [];
  if (access.holder !== PUBLIC && holds(PUBLIC, access, surroundings)) paths.push('from PUBLIC');
  for (const [oid, chain] of chains) {
    const how = howHeld(oid, access, surroundings);
    if (how !== null) paths.push(chain.length === 0 ? how.own : `as a member of ${names(chain, surroundings)}${how.other}`);
  }
  return paths;
}

/** Every role that a role is a member of, at any depth, with the shortest chain of memberships to it; itself first, with none. */
function chainsFrom(holder: number, { memberships, databaseOwner, roles }: Surroundings): Map<number, number[]> {
  const groupsOf = new Map<number, number[]>();
  const add = (member: number, group: number): void => void groupsOf.set(member, [...(groupsOf.get(member) ?? []), group]);
  for (const { group, member } of memberships) add(member, group);
  const ownerRole = [...roles.values()].find(({ name }) => name === DATABASE_OWNER_ROLE);
  if (ownerRole) add(databaseOwner, ownerRole.oid);
  const chains = new Map<number, number[]>([[holder, []]]);
  // A map that grows is walked to its end, in the order of its growth: breadth first.
  for (const [oid, chain] of chains) {
    for (const group of groupsOf.get(oid) ?? []) if (!chains.has(group)) chains.set(group, [...chain, group]);
  }
  return chains;
}

function howHeld(oid: number, access: TargetAccess, surroundings: Surroundings): { own: string; other: string } | null {
  const role = surroundings.roles.get(oid);
  if (role?.isSuperuser === true) return { own: 'as a superuser', other: ', a superuser' };
  if (role && BUILT_IN[role.name]?.[access.object.kind]?.includes(privilegeIn(access.permission)))
    return { own: 'by what it is', other: '' };
  if (!holds(oid, access, surroundings)) return null;
  return { own: access.permission.endsWith(' (columns)') ? 'by its right on the whole table' : 'by itself', other: '' };
}

function holds(oid: number, { permission }: TargetAccess, { acl, roles }: Surroundings): boolean {
  const role = roles.get(oid);
  if (acl === null) return role !== undefined && holdsPower(role, permission);
  if (permission === 'OWNERSHIP') return acl.owner === oid;
  return acl.entries.some((entry) => entry.grantee === oid && isEntryOf(entry, permission));
}

const names = (chain: readonly number[], { roles }: Surroundings): string =>
  chain.map((oid) => onOneLine(roles.get(oid)?.name ?? String(oid))).join(' → ');

/** A sentence that names paths, and says how many it leaves out. */
export function sentence(what: string, paths: readonly string[]): string {
  const named = paths.slice(0, PATHS_NAMED).map((path) => (path.length > 180 ? `${path.slice(0, 180)}…` : path));
  const more = paths.length > PATHS_NAMED ? `; and by ${paths.length - PATHS_NAMED} more ways` : '';
  return `${what} is still reached: ${named.join('; ')}${more}.`;
}
