import pg from 'pg';
import { DATABASE_OWNER_ROLE, isPredefinedRole } from '../privileges.js';
import type { AclEntry, MembershipRow, ObjectAcl, RoleFacts } from './acl.js';
import { PUBLIC, type TargetMembership, type TargetObject } from './target-access.js';

/** One statement, and the role in whose name it has to be run: a privilege is revoked by whoever granted it, and by nobody else. */
export interface Step {
  role: string | null;
  statement: string;
}

/** What ends an access, or why nothing can. No steps: the role holds nothing by itself (any more). */
export type RevocationPlan = { steps: Step[]; obstacle: null } | { steps: readonly []; obstacle: string };

type Roles = ReadonlyMap<number, RoleFacts>;
type DatabaseObject = Exclude<TargetObject, { kind: 'server' }>;

/** initdb makes it; PostgreSQL cannot do without. */
const BOOTSTRAP_SUPERUSER = 10;
const POWERS: ReadonlySet<string> = new Set(['SUPERUSER', 'CREATEROLE', 'CREATEDB', 'REPLICATION', 'BYPASSRLS']);

const quote = (name: string): string => pg.escapeIdentifier(name);

const obstacle = (reason: string): RevocationPlan => ({ steps: [], obstacle: reason });

/**
 * Takes a privilege on an object from a role, and nothing else from anybody:
 *
 * - An entry is revoked in the name of its grantor.
 * - What the role has passed on to others by a grant option stays theirs: the owner gives it to them before the role's own grants of it go. So
 *   no statement says CASCADE, and PostgreSQL refuses whatever this has overlooked.
 * - REVOKE on a table takes the same privilege on its columns along, which is another grant: it is given back.
 *
 * Pure. `grantees` are the role, and pg_database_owner where it stands for the role.
 */
export function planOnObject(
  object: DatabaseObject,
  acl: ObjectAcl,
  roles: Roles,
  grantees: readonly number[],
  permission: string,
): RevocationPlan {
  if (permission === 'OWNERSHIP') {
    if (!grantees.includes(acl.owner)) return { steps: [], obstacle: null };
    return obstacle('Ownership cannot be revoked: the object needs another owner (ALTER … OWNER TO).');
  }
  const onColumns = permission.endsWith(' (columns)');
  const privilege = permission.replace(/ \(columns\)$/, '');
  const same = acl.entries.filter((entry) => entry.privilege === privilege);
  const ended = same.filter(({ grantee, column }) => grantees.includes(grantee) && (column !== null) === onColumns);
  if (ended.length === 0) return { steps: [], obstacle: null };
  const stuck = ended.find(({ grantor }) => grantor !== acl.owner && roles.get(grantor)?.isSuperuser !== false);
  if (stuck) {
    return obstacle(
      `It was granted by ${nameOf(stuck.grantor, roles)}, which is a superuser now, and in a superuser's name only what the owner granted is revoked.`,
    );
  }
  const writer = new StatementWriter(object, roles);
  const along = onColumns ? [] : takenAlong(same, ended);
  const passedOn = dependents(same, ended, along, acl.owner);
  const steps = [
    ...passedOn.map((entry) => writer.grant(entry, acl.owner)),
    ...passedOn.map((entry) => writer.revoke(entry)),
    ...ended.map((entry) => writer.revoke(entry)),
    ...along.map((entry) => writer.grant(entry, entry.grantor)),
  ];
  return { steps, obstacle: null };
}

/** What rests on the entries that go: grants of the same privilege that their grantees have made. An owner needs no grant option to grant. */
function dependents(same: readonly AclEntry[], ended: readonly AclEntry[], along: readonly AclEntry[], owner: number): AclEntry[] {
  const options = [...ended, ...along].filter(({ grantable, grantee }) => grantable && grantee !== owner);
  return same.filter(
    (entry) =>
      !ended.includes(entry) &&
      options.some(({ grantee, column }) => grantee === entry.grantor && (column === null || column === entry.column)),
  );
}

/** Rights on columns that go with a right on the whole table, since the same grantor gave them. */
function takenAlong(same: readonly AclEntry[], ended: readonly AclEntry[]): AclEntry[] {
  return same.filter(
    ({ grantor, grantee, column }) => column !== null && ended.some((entry) => entry.grantee === grantee && entry.grantor === grantor),
  );
}

class StatementWriter {
  constructor(
    private readonly object: DatabaseObject,
    private readonly roles: Roles,
  ) {}

  grant({ privilege, column, grantee, grantable }: AclEntry, grantor: number): Step {
    const option = grantable ? ' WITH GRANT OPTION' : '';
    return { role: this.name(grantor), statement: `GRANT ${this.what(privilege, column)} TO ${this.grantee(grantee)}${option}` };
  }

  revoke({ privilege, column, grantee, grantor }: AclEntry): Step {
    return { role: this.name(grantor), statement: `REVOKE ${this.what(privilege, column)} FROM ${this.grantee(grantee)}` };
  }

  private what(privilege: string, column: string | null): string {
    return `${privilege}${column === null ? '' : ` (${quote(column)})`} ON ${objectName(this.object)}`;
  }

  private grantee(oid: number): string {
    return oid === PUBLIC ? 'PUBLIC' : quote(this.name(oid));
  }

  private name(oid: number): string {
    return nameOf(oid, this.roles);
  }
}

function objectName(object: DatabaseObject): string {
  switch (object.kind) {
    case 'database':
      return `DATABASE ${quote(object.database)}`;
    case 'schema':
      return `SCHEMA ${quote(object.schema)}`;
    case 'relation':
      return `TABLE ${quote(object.schema)}.${quote(object.name)}`;
  }
}

const nameOf = (oid: number, roles: Roles): string => roles.get(oid)?.name ?? `role ${oid}, which is gone`;

/** Takes a power over the whole server from a role. Pure. */
export function planOnServer(holder: number, permission: string, roles: Roles, currentUser: string): RevocationPlan {
  const role = roles.get(holder);
  if (!role) return { steps: [], obstacle: null };
  if (!POWERS.has(permission)) {
    return isPredefinedRole(role.name)
      ? obstacle('What a predefined role may do is built in: what can end is memberships in it.')
      : { steps: [], obstacle: null };
  }
  if (!holdsPower(role, permission)) return { steps: [], obstacle: null };
  if (holder === BOOTSTRAP_SUPERUSER)
    return obstacle('It is the superuser that the server was made with, which PostgreSQL cannot do without.');
  if (role.name === currentUser) return obstacle('It is the role that the connector works as.');
  return { steps: [{ role: null, statement: `ALTER ROLE ${quote(role.name)} NO${permission}` }], obstacle: null };
}

export const holdsPower = ({ isSuperuser, powers }: RoleFacts, permission: string): boolean =>
  permission === 'SUPERUSER' ? isSuperuser : powers.includes(permission);

/**
 * Ends memberships. From version 16 on each grantor's row goes by itself, and whom the member has let in by its ADMIN OPTION is let in by that
 * member's own grantor first, so that they stay. Before, a pair has one row, and nothing rests on it. Pure.
 */
export function planOnMemberships(
  pairs: readonly TargetMembership[],
  rows: readonly MembershipRow[],
  roles: Roles,
  version: number,
): RevocationPlan {
  const steps: Step[] = [];
  for (const { group, member } of pairs) {
    if (group === PUBLIC) return obstacle('Nobody can be taken out of PUBLIC.');
    if (group === member) return obstacle('A role always holds what it holds itself.');
    if (roles.get(group)?.name === DATABASE_OWNER_ROLE)
      return obstacle('A database is owned by its owner: it needs another one (ALTER DATABASE … OWNER TO).');
    const ended = rows.filter((row) => row.group === group && row.member === member);
    const [first] = ended;
    if (!first) continue;
    const name = (oid: number): string => quote(nameOf(oid, roles));
    if (version < 160_000) {
      steps.push({ role: null, statement: `REVOKE ${name(group)} FROM ${name(member)}` });
      continue;
    }
    const revoke = (row: MembershipRow): Step => ({
      role: null,
      statement: `REVOKE ${name(group)} FROM ${name(row.member)} GRANTED BY ${name(row.grantor)}`,
    });
    const grantor = ended.find(({ admin }) => admin)?.grantor ?? first.grantor;
    const letIn = rows.filter((row) => row.group === group && row.grantor === member);
    steps.push(
      ...letIn.map(({ member: other, admin, inherit, set }) => ({
        role: null,
        statement: `GRANT ${name(group)} TO ${name(other)} WITH ADMIN ${word(admin)}, INHERIT ${word(inherit)}, SET ${word(set)} GRANTED BY ${name(grantor)}`,
      })),
      ...letIn.map(revoke),
      ...ended.map(revoke),
    );
  }
  return { steps, obstacle: null };
}

const word = (option: boolean): string => (option ? 'TRUE' : 'FALSE');
