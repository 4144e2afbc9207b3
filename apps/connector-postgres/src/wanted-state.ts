import type { Acl, Database, Relation, Role, TargetSnapshot } from './catalogs.js';
import { DATABASE_OWNER_ROLE, isPredefinedRole, type Privilege, privilegeOf, privilegeOfPredefinedRole } from './privileges.js';

/** What kind of principal it is, the external id says: the same id never has another type. */
export interface WantedPrincipal {
  externalId: string;
  type: 'user' | 'service_account' | 'group';
  displayName: string;
  /** Only those that the connector answers for. */
  attributes: Readonly<Record<string, string>>;
}

export interface WantedAsset {
  externalId: string;
  type: 'host' | 'database' | 'dataset' | 'table';
  name: string;
  parent: string | null;
  /** Given at creation only: from then on tags are the gateway's users' own. */
  tags: readonly string[];
}

export interface WantedMembership {
  group: string;
  member: string;
}

export interface WantedGrant {
  principal: string;
  asset: string;
  permission: string;
  privilege: Privilege;
}

/** What the gateway has to hold so that it answers as the target does. All references are external ids. */
export interface WantedState {
  /** The external id of the server's asset, with which every other external id begins. */
  server: string;
  principals: Map<string, WantedPrincipal>;
  /** Parents come before what is in them. */
  assets: Map<string, WantedAsset>;
  memberships: WantedMembership[];
  grants: WantedGrant[];
  /** Databases that could not be read: what the gateway knows of their contents stays as it is. */
  unreadDatabases: { externalId: string; name: string }[];
}

export interface TargetNaming {
  /** What tells this server from others in external ids: its system identifier, unless it is configured. */
  serverId: string;
  /** What people call it: host and port. */
  serverName: string;
  serviceAccounts: RegExp;
}

const PUBLIC = 0;
const RELATION_TAGS: Readonly<Record<Relation['kind'], readonly string[]>> = {
  r: [],
  p: ['partitioned-table'],
  v: ['view'],
  m: ['materialized-view'],
  f: ['foreign-table'],
};

/** Names may hold the slash that parts them, and control characters, which the gateway takes nowhere. */
const escape = (name: string): string => name.replace(/[%/\u0000-\u001f\u007f]/g, encodeURIComponent);

/** What a table is known by: the names of its database, schema and itself under the server's. */
export const relationId = (server: string, database: string, schema: string, name: string): string =>
  [server, ...[database, schema, name].map(escape)].join('/');

/** A name as people see it: a control character as the picture that Unicode has for it. */
const shown = (name: string): string =>
  name.replace(/[\u0000-\u001f\u007f]/g, (control) => String.fromCodePoint(control === '\u007f' ? 0x2421 : 0x2400 + control.charCodeAt(0)));

/**
 * The access that a server's catalogs describe, as principals, memberships, assets and grants. Pure.
 *
 * - A role's identity is its oid, which a rename keeps and a new role of an old name does not have. A table's identity is its name: a table
 *   that is dropped and made again every night is one thing to those who govern it.
 * - A principal's type never changes, a role's kind does. So a role has a principal of its own for each kind that it is or was: it may lose its
 *   login and become a group, and then its grants move to the group.
 * - PostgreSQL lets a role that can log in have members too, which no user has. Such a role is two principals at once: the account, and a
 *   group `<name> (members)` that holds the role's grants and memberships and of which the account is a member.
 * - A superuser's rights on single objects say nothing that the server's grant does not, and taking them away changes nothing: left out.
 */
export function wantedState(snapshot: TargetSnapshot, naming: TargetNaming): WantedState {
  return new Description(snapshot, naming).state;
}

class Description {
  readonly state: WantedState;
  private readonly roles: ReadonlyMap<number, Role>;
  private readonly withMembers: ReadonlySet<number>;

  constructor(
    snapshot: TargetSnapshot,
    private readonly naming: TargetNaming,
  ) {
    this.state = { server: naming.serverId, principals: new Map(), assets: new Map(), memberships: [], grants: [], unreadDatabases: [] };
    this.roles = new Map(snapshot.roles.map((role) => [role.oid, role]));
    this.withMembers = new Set(snapshot.memberships.map(({ group }) => group));
    this.addAsset({ externalId: naming.serverId, type: 'host', name: naming.serverName, parent: null, tags: ['postgresql'] });
    this.addEveryone();
    for (const role of snapshot.roles) this.addRole(role);
    for (const { group, member } of snapshot.memberships) this.addMembership(group, member);
    for (const database of snapshot.databases) this.addDatabase(database);
  }

  private addEveryone(): void {
    const attributes = { everyone: 'true' };
    this.addPrincipal({ externalId: this.holderId(PUBLIC), type: 'group', displayName: 'PUBLIC', attributes });
  }

  private addRole(role: Role): void {
    const displayName = shown(role.name);
    if (role.canLogin) {
      const type = this.isServiceAccount(role) ? 'service_account' : 'user';
      this.addPrincipal({ externalId: this.loginId(role), type, displayName, attributes: {} });
    }
    if (this.isGroup(role)) {
      const name = role.canLogin ? `${displayName} (members)` : displayName;
      this.addPrincipal({ externalId: this.holderId(role.oid), type: 'group', displayName: name, attributes: {} });
      if (role.canLogin) this.state.memberships.push({ group: this.holderId(role.oid), member: this.loginId(role) });
    }
    this.state.memberships.push({ group: this.holderId(PUBLIC), member: this.holderId(role.oid) });
    this.addServerGrants(role);
  }

  private addServerGrants(role: Role): void {
    const grant = (permission: string, privilege: Privilege): void => {
      this.state.grants.push({ principal: this.holderId(role.oid), asset: this.state.server, permission, privilege });
    };
    if (role.isSuperuser) return grant('SUPERUSER', 'admin');
    if (isPredefinedRole(role.name) && role.name !== DATABASE_OWNER_ROLE) grant(role.name, privilegeOfPredefinedRole(role.name));
    for (const power of role.powers) grant(power, 'admin');
  }

  private addMembership(group: number, member: number): void {
    // A role that was made or dropped between two statements of the reading: the next run has it.
    if (!this.roles.has(group) || !this.roles.has(member)) return;
    this.state.memberships.push({ group: this.holderId(group), member: this.holderId(member) });
  }

  private addDatabase(database: Database): void {
    const { server } = this.state;
    const externalId = `${server}/${escape(database.name)}`;
    this.addAsset({ externalId, type: 'database', name: shown(database.name), parent: server, tags: [] });
    this.addGrants(externalId, database.acl, database.owner);
    if (!database.contents) {
      this.state.unreadDatabases.push({ externalId, name: shown(database.name) });
      return;
    }
    for (const schema of database.contents.schemas) {
      const schemaId = `${externalId}/${escape(schema.name)}`;
      this.addAsset({ externalId: schemaId, type: 'dataset', name: shown(schema.name), parent: externalId, tags: ['schema'] });
      this.addGrants(schemaId, schema.acl, database.owner);
    }
    for (const relation of database.contents.relations) {
      const parent = `${externalId}/${escape(relation.schema)}`;
      const tableId = relationId(server, database.name, relation.schema, relation.name);
      const name = shown(`${relation.schema}.${relation.name}`);
      this.addAsset({ externalId: tableId, type: 'table', name, parent, tags: RELATION_TAGS[relation.kind] });
      this.addGrants(tableId, relation.acl, database.owner);
    }
  }

  private addGrants(asset: string, acl: Acl | null, databaseOwner: number): void {
    const seen = new Set<string>();
    for (const [holder, permission] of acl ?? []) {
      const oid = this.roles.get(holder)?.name === DATABASE_OWNER_ROLE ? databaseOwner : holder;
      const role = this.roles.get(oid);
      if (oid !== PUBLIC && (!role || role.isSuperuser)) continue;
      const principal = this.holderId(oid);
      // The database's owner may hold by itself what it also holds as pg_database_owner.
      if (seen.has(`${principal} ${permission}`)) continue;
      seen.add(`${principal} ${permission}`);
      this.state.grants.push({ principal, asset, permission, privilege: privilegeOf(permission) });
    }
  }

  private isGroup(role: Role): boolean {
    return !role.canLogin || this.withMembers.has(role.oid);
  }

  private isServiceAccount({ name }: Role): boolean {
    return this.naming.serviceAccounts.test(name);
  }

  private loginId(role: Role): string {
    return `${this.naming.serverId}/${this.isServiceAccount(role) ? 'service' : 'user'}/${role.oid}`;
  }

  /** The principal that stands for the role in grants and memberships. */
  private holderId(oid: number): string {
    if (oid === PUBLIC) return `${this.naming.serverId}/public`;
    const role = this.roles.get(oid);
    return role && !this.isGroup(role) ? this.loginId(role) : `${this.naming.serverId}/group/${oid}`;
  }

  private addPrincipal(principal: WantedPrincipal): void {
    this.state.principals.set(principal.externalId, principal);
  }

  private addAsset(asset: WantedAsset): void {
    this.state.assets.set(asset.externalId, asset);
  }
}
