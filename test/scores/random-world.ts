import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { DAY_MS, nextEventId } from './scores-ground.js';

const PRIVILEGES = ['read', 'read', 'read', 'write', 'admin'] as const;
const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'] as const;
const PERMISSIONS = ['SELECT', 'INSERT'] as const;

interface Principal {
  id: string;
  type: 'user' | 'service_account' | 'group';
  status: 'active' | 'suspended';
  department: string | null;
}

interface Membership {
  groupId: string;
  principalId: string;
  addedAt: string;
  removedAt: string | null;
}

export interface UsageEventBody {
  eventId: string;
  usedAt: string;
  [member: string]: unknown;
}

/** A company at random, the same for the same seed but for its ids and the day it is built on. */
export class RandomWorld {
  readonly principals: Principal[] = [];
  readonly assets: { id: string; sensitivity: string; trackedSince: string | null }[] = [];
  readonly grants: { id: string; principalId: string; assetId: string; permission: string; grantedDaysAgo: number; row: unknown[] }[] = [];
  readonly memberships: Membership[] = [];
  private readonly byId = new Map<string, Principal>();
  private state: number;

  constructor(
    count: number,
    seed: number,
    private readonly now = Date.now(),
  ) {
    this.state = seed >>> 0;
    for (let index = 0; index < Math.max(40, count / 10); index++) this.addPrincipal();
    for (let index = 0; index < Math.max(10, count / 25); index++) this.addAsset();
    this.addMemberships();
    const held = new Set<string>();
    while (this.grants.length < count) this.addGrant(held);
  }

  /** Uses of all kinds, some reported twice, in no order. */
  usage(perGrant: number): UsageEventBody[] {
    const events = this.grants.flatMap((grant) => this.usesOf(grant, perGrant));
    for (let index = 0; index < events.length / 20; index++) events.push({ ...this.one(events) });
    return this.shuffled(events);
  }

  /** Writes principals, assets, memberships and grants straight into the database: they are given here, only the use of them is tested. */
  async load(databaseUrl: string): Promise<void> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      await client.query('BEGIN');
      await insert(
        client,
        `principals (id, type, status, department, display_name, source, external_id)`,
        ['uuid', 'text', 'text', 'text', 'text', 'text', 'text'],
        this.principals.map(({ id, type, status, department }) => [id, type, status, department, `P ${id}`, 'entra', `x-${id}`]),
      );
      await insert(
        client,
        `assets (id, type, name, source, external_id, sensitivity, usage_tracked_since, status)`,
        ['uuid', 'text', 'text', 'text', 'text', 'text', 'timestamptz', 'text'],
        this.assets.map(({ id, sensitivity, trackedSince }) => [
          id,
          'table',
          `A ${id}`,
          'manual',
          `x-${id}`,
          sensitivity,
          trackedSince,
          'active',
        ]),
      );
      const members = this.memberships.map(({ groupId, principalId, addedAt, removedAt }) => {
        const isGroup = this.byId.get(principalId)?.type === 'group';
        return [uuidv7(), groupId, principalId, isGroup, addedAt, removedAt];
      });
      const rows = `SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::timestamptz[], $6::timestamptz[])`;
      await client.query(
        `INSERT INTO memberships (id, group_id, member_id, member_is_group, added_at, removed_at) ${rows}`,
        columns(members, 6),
      );
      await insert(
        client,
        `grants (id, principal_id, asset_id, permission, privilege, status, granted_at, expires_at, revoked_at, source)`,
        ['uuid', 'uuid', 'uuid', 'text', 'text', 'text', 'timestamptz', 'timestamptz', 'timestamptz', 'text'],
        this.grants.map(({ row }) => [...row, 'manual']),
        ', granted_by',
        `, '{"id":"dev","type":"user","principalId":null}'`,
      );
      await client.query('COMMIT');
      await client.query('ANALYZE');
    } finally {
      await client.end();
    }
  }

  one<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)] as T;
  }

  shuffled<T>(values: readonly T[]): T[] {
    const all = [...values];
    for (let index = all.length - 1; index > 0; index--) {
      const other = Math.floor(this.random() * (index + 1));
      [all[index], all[other]] = [all[other] as T, all[index] as T];
    }
    return all;
  }

  /** Numbers from 0 to below 1 (mulberry32). */
  random(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  private daysAgo(days: number): string {
    return new Date(this.now - Math.round(days * DAY_MS)).toISOString();
  }

  private addPrincipal(): void {
    const draw = this.random();
    const type = draw < 0.75 ? 'user' : draw < 0.9 ? 'group' : 'service_account';
    const department = this.random() < 0.85 ? `Department ${Math.floor(this.random() * 9)}` : null;
    const status = type === 'user' && this.random() < 0.08 ? 'suspended' : 'active';
    const principal: Principal = { id: uuidv7(), type, status, department };
    this.principals.push(principal);
    this.byId.set(principal.id, principal);
  }

  private addAsset(): void {
    const trackedSince = this.random() < 0.1 ? null : this.daysAgo(5 + this.random() * 900);
    this.assets.push({ id: uuidv7(), sensitivity: this.one(SENSITIVITIES), trackedSince });
  }

  /** Groups hold users, and groups that come after them, so that there is no circle. */
  private addMemberships(): void {
    const groups = this.principals.filter(({ type }) => type === 'group');
    groups.forEach((group, place) => {
      const inside = groups.slice(place + 1).filter(() => this.random() < 2 / groups.length);
      const users = this.principals.filter(({ type }) => type === 'user' && this.random() < 6 / this.principals.length);
      for (const { id } of [...inside, ...users]) {
        const added = 10 + this.random() * 800;
        const removedAt = this.random() < 0.2 ? this.daysAgo(this.random() * added) : null;
        this.memberships.push({ groupId: group.id, principalId: id, addedAt: this.daysAgo(added), removedAt });
      }
    });
  }

  private addGrant(held: Set<string>): void {
    const [principal, asset, permission] = [this.one(this.principals), this.one(this.assets), this.one(PERMISSIONS)];
    const name = `${principal.id} ${asset.id} ${permission}`;
    if (held.has(name)) return;
    held.add(name);
    const grantedDaysAgo = 1 + this.random() * 900;
    const draw = this.random();
    const revokedAt = draw < 0.05 ? this.daysAgo(this.random() * grantedDaysAgo) : null;
    const expiresAt =
      draw < 0.05 ? null : draw < 0.1 ? this.daysAgo(this.random() * grantedDaysAgo) : draw < 0.15 ? this.daysAgo(-30) : null;
    const status = revokedAt ? 'revoked' : 'active';
    const id = uuidv7();
    const row = [id, principal.id, asset.id, permission, this.one(PRIVILEGES), status, this.daysAgo(grantedDaysAgo), expiresAt, revokedAt];
    this.grants.push({ id, principalId: principal.id, assetId: asset.id, permission, grantedDaysAgo, row });
  }

  /** Regular, now and then, or never; by the grant, or by who used what. */
  private usesOf(grant: RandomWorld['grants'][number], perGrant: number): UsageEventBody[] {
    if (this.random() < 0.25) return [];
    const step = this.one([0, 1, 7, 30, 91]);
    const begin = this.random() * Math.min(grant.grantedDaysAgo, 380);
    return Array.from({ length: Math.ceil(this.random() * 2 * perGrant) }, (_, place) => {
      const ago = step === 0 ? this.random() * 390 : begin + place * step * (0.9 + this.random() * 0.2);
      return { eventId: nextEventId(), ...this.subjectOf(grant), usedAt: this.daysAgo(ago) };
    });
  }

  private subjectOf({ id, principalId, assetId, permission }: RandomWorld['grants'][number]): object {
    const principal = this.byId.get(principalId);
    // Someone who was not active could not have used it, and of a group only members do.
    if (this.random() < 0.6 || principal?.type !== 'user' || principal.status !== 'active') return { grantId: id };
    const used = this.random() < 0.5 ? { permission } : {};
    if (this.random() < 0.5) return { principalId, assetId, ...used };
    const names = {
      principalSource: 'entra',
      principalExternalId: `x-${principalId}`,
      assetSource: 'manual',
      assetExternalId: `x-${assetId}`,
    };
    return { ...names, ...used };
  }
}

async function insert(client: pg.Client, into: string, types: string[], rows: unknown[][], names = '', values = ''): Promise<void> {
  const unnest = types.map((type, place) => `$${place + 1}::${type}[]`).join(', ');
  const target = into.replace(/\)$/, `${names}, created_at, updated_at, version)`);
  await client.query(
    `INSERT INTO ${target} SELECT given.*${values}, now(), now(), 1 FROM unnest(${unnest}) AS given`,
    columns(rows, types.length),
  );
}

function columns(rows: unknown[][], count: number): unknown[][] {
  return Array.from({ length: count }, (_, column) => rows.map((row) => row[column]));
}
