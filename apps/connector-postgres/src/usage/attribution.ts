import { createHash } from 'node:crypto';
import type { TargetSnapshot } from '../catalogs.js';
import { relationId, type WantedState } from '../wanted-state.js';
import type { Counter } from './counters.js';
import type { Permission } from './query-reader.js';
import { type CatalogRelation, RelationNames, searchPathOf } from './relation-names.js';
import { type SearchPathSetting, type Statistics, textKey } from './statistics.js';
import { Statements, type StatementUses, UnreadableStatementError, type Use } from './statement-uses.js';
import type { UsageEvent } from './usage-state.js';

/** What became of the statements that were run since the last observation. */
export interface Attribution {
  events: UsageEvent[];
  /** Statements that PostgreSQL's parser cannot read, or whose text was gone. */
  unreadable: number;
  /** Statements with a name that stands for nothing now, or for one of several tables. */
  unresolved: number;
}

/** What the statements of a run are read against. */
export interface AttributionFacts {
  source: string;
  snapshot: TargetSnapshot;
  wanted: WantedState;
  statistics: Statistics;
  texts: ReadonlyMap<string, string>;
  /** By the oid of each database that could be read. */
  relations: ReadonlyMap<number, readonly CatalogRelation[]>;
}

/** Predefined roles that allow on every table what a grant allows on one (PostgreSQL's documentation, "Predefined Roles"). */
const PREDEFINED: Partial<Record<Permission, string>> = {
  ...{ SELECT: 'pg_read_all_data', MAINTAIN: 'pg_maintain' },
  ...{ INSERT: 'pg_write_all_data', UPDATE: 'pg_write_all_data', DELETE: 'pg_write_all_data' },
};

/** The API takes no greater number of uses in one event. */
const MAX_COUNT = 1_000_000_000;

/**
 * Turns calls of statements into uses of privileges: one event for each principal, asset and permission, at the instant of the observation.
 * Pure. The same counters give the same event ids.
 */
export function attribute(moved: readonly Counter[], facts: AttributionFacts, previouslyAt: number, usedAt: Date): Attribution {
  return new Attributing(facts, previouslyAt, usedAt).of(moved);
}

class Attributing {
  private readonly counts = new Map<string, number>();
  private readonly statements: Map<number, Statements>;
  private readonly readings = new Map<string, StatementUses | null>();
  private readonly roles: ReadonlyMap<number, { name: string; isSuperuser: boolean }>;
  private readonly columnRights: ReadonlySet<string>;
  private readonly groupsOf = new Map<number, number[]>();
  private readonly predefined: ReadonlyMap<string, number>;
  private readonly unreadable = new Set<string>();
  private readonly unresolved = new Set<string>();

  constructor(
    private readonly facts: AttributionFacts,
    private readonly previouslyAt: number,
    private readonly usedAt: Date,
  ) {
    const { relations, snapshot, statistics, wanted } = facts;
    this.statements = new Map(
      [...relations].map(([oid, found]) => [oid, new Statements(new RelationNames(found), statistics.serverVersion)]),
    );
    this.roles = new Map(snapshot.roles.map((role) => [role.oid, role]));
    this.predefined = new Map(snapshot.roles.filter(({ name }) => name.startsWith('pg_')).map(({ name, oid }) => [name, oid]));
    for (const { member, group } of snapshot.memberships) this.groupsOf.set(member, [...(this.groupsOf.get(member) ?? []), group]);
    const onColumns = wanted.grants.filter(({ permission }) => permission.endsWith(' (columns)'));
    this.columnRights = new Set(onColumns.map(({ asset, permission }) => `${permission} ${asset}`));
  }

  of(moved: readonly Counter[]): Attribution {
    for (const counter of moved) this.add(counter);
    const events = [...this.counts].map(([key, count]) => this.event(JSON.parse(key) as [string, string, string], count));
    return { events, unreadable: this.unreadable.size, unresolved: this.unresolved.size };
  }

  private add(counter: Counter): void {
    const database = this.facts.statistics.databases.get(counter.database);
    const statements = this.statements.get(counter.database);
    const role = this.roles.get(counter.role);
    // Dropped since, or not to be read: nothing that the gateway could be told of.
    if (database === undefined || !statements || !role) return;
    const found = this.read(statements, counter, role.name);
    if (!found) {
      this.unreadable.add(textKey(counter));
      return;
    }
    if (found.unknown > 0) this.unresolved.add(textKey(counter));
    for (const use of found.uses) this.note(use, counter, database);
  }

  private read(statements: Statements, counter: Counter, role: string): StatementUses | null {
    const path = searchPathOf(this.searchPath(counter), role);
    const key = JSON.stringify([textKey(counter), path]);
    const known = this.readings.get(key);
    if (known !== undefined) return known;
    const found = this.tryReading(statements, this.facts.texts.get(textKey(counter)), path);
    this.readings.set(key, found);
    return found;
  }

  private tryReading(statements: Statements, text: string | undefined, path: readonly string[]): StatementUses | null {
    try {
      return text === undefined ? null : statements.usesOf(text, path);
    } catch (error) {
      if (error instanceof UnreadableStatementError) return null;
      throw error;
    }
  }

  /** The nearest setting wins: of the role in the database, of the role, of the database, of all; else the server's own. */
  private searchPath({ role, database }: Counter): string {
    const { searchPaths, searchPath } = this.facts.statistics;
    const set = (wanted: Omit<SearchPathSetting, 'path'>): string | undefined =>
      searchPaths.find((setting) => setting.role === wanted.role && setting.database === wanted.database)?.path;
    return (
      set({ role, database }) ?? set({ role, database: 0 }) ?? set({ role: 0, database }) ?? set({ role: 0, database: 0 }) ?? searchPath
    );
  }

  private note({ relation, permission, as }: Use, { role, calls }: Counter, database: string): void {
    const { wanted } = this.facts;
    const user = as ?? role;
    const principal = this.principalOf(user);
    const asset = relationId(wanted.server, database, relation.schema, relation.name);
    if (principal === null || !wanted.assets.has(asset)) return;
    if (this.roles.get(user)?.isSuperuser) {
      // Nothing that is granted on a table allows a superuser anything. And a view does not make its owner run anything.
      if (as === null) this.count(principal, wanted.server, 'SUPERUSER', calls);
      return;
    }
    this.count(principal, asset, permission, calls);
    const predefined = PREDEFINED[permission];
    if (predefined !== undefined && this.isMember(user, predefined)) this.count(principal, wanted.server, predefined, calls);
    const onColumns = `${permission} (columns)`;
    if (this.columnRights.has(`${onColumns} ${asset}`)) this.count(principal, asset, onColumns, calls);
  }

  private isMember(role: number, predefined: string): boolean {
    const wanted = this.predefined.get(predefined);
    const above = new Set([role]);
    // A set that grows is walked to its end.
    for (const oid of above) for (const group of this.groupsOf.get(oid) ?? []) above.add(group);
    return wanted !== undefined && above.has(wanted);
  }

  private count(principal: string, asset: string, permission: string, calls: number): void {
    const key = JSON.stringify([principal, asset, permission]);
    this.counts.set(key, Math.min((this.counts.get(key) ?? 0) + calls, MAX_COUNT));
  }

  /** Who stands for a role: the account where it can log in, which is a member of its group where it has one. */
  private principalOf(role: number): string | null {
    const { principals, server } = this.facts.wanted;
    return ['user', 'service', 'group'].map((kind) => `${server}/${kind}/${role}`).find((id) => principals.has(id)) ?? null;
  }

  private event([principal, asset, permission]: [string, string, string], count: number): UsageEvent {
    const { source, wanted, statistics } = this.facts;
    const identity = [wanted.server, this.previouslyAt, statistics.observation.takenAt, principal, asset, permission];
    return {
      eventId: createHash('sha256').update(JSON.stringify(identity)).digest('base64url'),
      principalSource: source,
      principalExternalId: principal,
      assetSource: source,
      assetExternalId: asset,
      permission,
      usedAt: this.usedAt.toISOString(),
      count,
    };
  }
}
