import pg from 'pg';
import { DATABASE_OWNER_ROLE } from '../privileges.js';
import { type AclEntry, readAcl, readMemberships, readRoles } from './acl.js';
import { remainingPaths, sentence } from './remaining-paths.js';
import { planOnMemberships, planOnObject, planOnServer, type RevocationPlan, type Step } from './revocation-plan.js';
import { describeObject, type Order, PUBLIC, type TargetAccess } from './target-access.js';

/** How things stand with an order at the target, at the instant of looking. */
export type Finding =
  | { kind: 'held'; steps: readonly Step[] }
  | { kind: 'gone'; note: string | null }
  /** What was to be taken away is gone or cannot go, and the access goes on. */
  | { kind: 'remains'; reason: string };

/** Another try may well succeed: a lock was not to be had in time, somebody else changed the same, the connection broke. */
export class PassingError extends Error {}

/** PostgreSQL refused what was asked. */
export class RefusedByTargetError extends Error {
  constructor(
    message: string,
    /** Its SQLSTATE, where it was PostgreSQL's own word. */
    readonly code = '',
  ) {
    super(message);
  }
}

const LOCK_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 20_000;

/** Refusals that are about the order, and not about the moment: rights, dependent privileges, names that are gone. */
const LASTING = /^(42|0L|0P|2B|28|3D|3F)/;

/** Works in one database of the target: looks at what an order is about, and carries it out. */
export class TargetSession {
  private constructor(
    private readonly client: pg.Client,
    private readonly version: number,
    private readonly currentUser: string,
  ) {}

  /** @throws PassingError where the database cannot be connected to; RefusedByTargetError where it lets nobody in */
  static async open(connection: pg.ClientConfig): Promise<TargetSession> {
    const client = new pg.Client({
      ...connection,
      application_name: 'connector-postgres',
      connectionTimeoutMillis: 10_000,
      query_timeout: 60_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      // No name resolves to anything but the catalogs, whatever the database's owner put in `public`.
      await client.query('SET search_path TO pg_catalog');
      const { rows } = await client.query<{ version: number; name: string }>(
        `SELECT current_setting('server_version_num')::int AS version, current_user::text AS name`,
      );
      return new TargetSession(client, rows[0]?.version ?? 0, rows[0]?.name ?? '');
    } catch (error) {
      await client.end().catch(() => undefined);
      throw asOurs(error);
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  /** Whether this session is the one connector that changes the target now; it is until it is closed. */
  async isOnlyOne(): Promise<boolean> {
    const { rows } = await this.client.query<{ alone: boolean }>(
      `SELECT pg_try_advisory_lock(hashtext('access-governance:remediation')) AS alone`,
    );
    return rows[0]?.alone === true;
  }

  async look(order: Order): Promise<Finding> {
    try {
      const plan = await this.plan(order);
      if (plan.obstacle !== null) return { kind: 'remains', reason: plan.obstacle };
      if (plan.steps.length > 0) return { kind: 'held', steps: plan.steps };
      return await this.afterwards(order);
    } catch (error) {
      throw asOurs(error);
    }
  }

  /**
   * Carries an order out in one transaction, which holds only if it has changed what was ordered and nothing else of that kind.
   *
   * @throws PassingError, RefusedByTargetError; nothing has changed then
   */
  async carryOut(order: Order): Promise<void> {
    const { client } = this;
    try {
      await client.query('BEGIN');
      await client.query(`SET LOCAL lock_timeout TO '${LOCK_TIMEOUT_MS}ms'; SET LOCAL statement_timeout TO '${STATEMENT_TIMEOUT_MS}ms'`);
      const before = await this.rightsAround(order);
      const { steps } = await this.plan(order);
      for (const { role, statement } of steps) {
        if (role !== null) await client.query(`SET LOCAL ROLE ${pg.escapeIdentifier(role)}`);
        await client.query(statement);
        await client.query('RESET ROLE');
      }
      const wanted = new Set([...before].filter((right) => !isOrdered(right, order, this.grantees)));
      if (!equal(wanted, await this.rightsAround(order))) {
        throw new RefusedByTargetError('PostgreSQL would have changed something else than was ordered; it was left as it was.');
      }
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw asOurs(error);
    }
  }

  private grantees: readonly number[] = [];

  private async plan({ access, memberships }: Order): Promise<RevocationPlan> {
    const { client, version } = this;
    const roles = await readRoles(client);
    if (memberships !== null) return planOnMemberships(memberships, await readMemberships(client, version), roles, version);
    const { object, holder, permission } = access;
    if (object.kind === 'server') return planOnServer(holder, permission, roles, this.currentUser);
    const acl = await readAcl(client, object);
    if (!acl) return { steps: [], obstacle: null };
    this.grantees = await this.granteesOf(access);
    return planOnObject(object, acl, roles, this.grantees, permission);
  }

  /** Under which oids a role may stand in a list: its own, and that of the role which stands for the database's owner. */
  private async granteesOf({ holder, object }: TargetAccess): Promise<number[]> {
    if (holder === PUBLIC || object.kind === 'server') return [holder];
    const { rows } = await this.client.query<{ oid: number }>(
      `SELECT r.oid FROM pg_roles r, pg_database d WHERE r.rolname = '${DATABASE_OWNER_ROLE}' AND d.datname = $1 AND d.datdba = $2::oid`,
      [object.database, holder],
    );
    return [holder, ...rows.map(({ oid }) => oid)];
  }

  /** Who has what of the kind that an order is about: what must be the same afterwards, but for what was ordered. */
  private async rightsAround({ access: { object }, memberships }: Order): Promise<Set<string>> {
    if (memberships !== null) {
      const rows = await readMemberships(this.client, this.version);
      return new Set(rows.map(({ group, member, admin, inherit, set }) => JSON.stringify([group, member, admin, inherit, set])));
    }
    if (object.kind === 'server') {
      const roles = await readRoles(this.client);
      return new Set(
        [...roles.values()].flatMap(({ oid, isSuperuser, powers }) =>
          [...powers, ...(isSuperuser ? ['SUPERUSER'] : [])].map((power) => JSON.stringify([oid, power])),
        ),
      );
    }
    const acl = await readAcl(this.client, object);
    return new Set((acl?.entries ?? []).map(({ grantee, privilege, column }) => JSON.stringify([grantee, privilege, column])));
  }

  /** Where nothing is held directly: whether the access is gone, or by which ways it goes on. */
  private async afterwards({ access, memberships }: Order): Promise<Finding> {
    const reasons: string[] = [];
    const holders = memberships === null ? [access.holder] : memberships.map(({ member }) => member);
    for (const holder of holders) {
      const paths = await remainingPaths(this.client, { ...access, holder }, this.version);
      if (paths.length > 0) reasons.push(sentence(`${access.permission} on ${describeObject(access.object)}`, paths));
    }
    const [reason] = reasons;
    if (reason !== undefined) return { kind: 'remains', reason: reasons.join(' ').slice(0, 2000) };
    return { kind: 'gone', note: memberships === null ? await this.comesBack(access) : null };
  }

  /** What may bring a right back without anybody's decision, or null. */
  private async comesBack({ object, holder, permission }: TargetAccess): Promise<string | null> {
    if (object.kind !== 'relation') return null;
    const { rows } = await this.client.query<{ again: boolean; owner: boolean }>(
      `SELECT c.relowner = $3::oid AS owner, EXISTS (
           SELECT FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) AS e
           WHERE d.defaclobjtype = 'r' AND d.defaclrole = c.relowner AND d.defaclnamespace IN (0, c.relnamespace)
             AND e.grantee = $3::oid AND e.privilege_type = $4 AND e.grantee <> c.relowner) AS again
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
      [object.schema, object.name, holder, permission],
    );
    if (rows[0]?.owner) return 'The access is gone; its holder owns the object and can give it to itself again.';
    return rows[0]?.again ? 'The access is gone; default privileges give it again on tables that are made from now on.' : null;
  }
}

/** Whether an entry of `rightsAround` is what an order is about. */
function isOrdered(right: string, { access, memberships }: Order, grantees: readonly number[]): boolean {
  const [one, two, three] = JSON.parse(right) as [number, string | number, AclEntry['column']];
  if (memberships !== null) return memberships.some(({ group, member }) => group === one && member === two);
  if (access.object.kind === 'server') return one === access.holder && two === access.permission;
  const onColumns = access.permission.endsWith(' (columns)');
  return grantees.includes(one) && two === access.permission.replace(/ \(columns\)$/, '') && (three !== null) === onColumns;
}

const equal = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one.size === other.size && [...one].every((each) => other.has(each));

function asOurs(error: unknown): Error {
  if (error instanceof PassingError || error instanceof RefusedByTargetError) return error;
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  return LASTING.test(code) ? new RefusedByTargetError(message, code) : new PassingError(message, { cause: error });
}
