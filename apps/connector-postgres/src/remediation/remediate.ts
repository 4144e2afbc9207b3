import type { ConnectorConfig } from '../connector.config.js';
import type { CurrentState } from '../current-state.js';
import type { GatewayClient, OpenRemediation } from '../gateway.client.js';
import { RefusedError } from '../gateway.errors.js';
import { scriptOf } from './script.js';
import { holderOf, objectOf, type Order, type TargetMembership, type TargetObject } from './target-access.js';
import { type Finding, PassingError, RefusedByTargetError, TargetSession } from './target-session.js';

/** What became of the revocations that reviews have decided, in one run. */
export interface RemediationOutcome {
  applied: number;
  notNeeded: number;
  failed: number;
  /** To be tried again by the next run, or, without CONNECTOR_APPLY, to be carried out by a person. */
  open: number;
}

/** What the rest of a run has to know: what is the business of a remediation that is still open, and what has ended at the gateway. */
export interface Remediated {
  outcome: RemediationOutcome;
  /** The statements for a person, where the connector may not apply them. */
  sql: string;
  /** The target was changed: what was read of it before is out of date. */
  changedTarget: boolean;
  openGrants: Set<string>;
  openMembers: Set<string>;
  endedGrants: Set<string>;
  endedMembers: Set<string>;
}

export const memberPair = (groupId: string, memberId: string): string => `${groupId} ${memberId}`;

/** Longer than a transaction at the target may take with all of its time limits. */
const LEASE_SECONDS = 120;

const PRINT_LEASE_SECONDS = 10;

type Held = Extract<Finding, { kind: 'held' }>;

/** What is left to be told of. Without a session the object's database is gone. */
interface Pending {
  remediation: OpenRemediation;
  order: Order;
  session: TargetSession | null;
  begun: boolean;
}

/**
 * Carries out at the target what reviews have decided to revoke, and reports what the catalogs then say. A remediation is leased before anything
 * is changed for it, which notes when it was begun: so a run that was cut off anywhere is taken up by the next, which finds the access there and
 * takes it away, or finds it gone and reports that.
 *
 * @throws GatewayError when the gateway is away
 */
export async function remediate(
  config: Pick<ConnectorConfig, 'targetUrl' | 'apply'>,
  serverId: string,
  current: CurrentState,
  gateway: GatewayClient,
  signal: AbortSignal,
  warn: (line: string) => void,
): Promise<Remediated> {
  const round = new Round(config, serverId, current, gateway, warn);
  const open = await gateway.openRemediations();
  if (open.length === 0) return round.result;
  try {
    if (!(await round.begin())) {
      warn('Another connector is carrying out revocations at this target.');
      for (const remediation of open) round.keep(remediation);
      return round.result;
    }
    // All are carried out before any is told of: one of them may be the way by which another's access goes on.
    const pending: Pending[] = [];
    for (const remediation of open) {
      if (signal.aborted) round.keep(remediation);
      else pending.push(...(await round.carryOut(remediation)));
    }
    for (const each of pending) {
      if (signal.aborted) round.keep(each.remediation);
      else await round.tell(each);
    }
    return round.result;
  } finally {
    await round.end();
  }
}

class Round {
  readonly result: Remediated = {
    outcome: { applied: 0, notNeeded: 0, failed: 0, open: 0 },
    ...{ sql: '', changedTarget: false },
    ...{ openGrants: new Set(), openMembers: new Set(), endedGrants: new Set(), endedMembers: new Set() },
  };
  private readonly principals: ReadonlyMap<string, string | null>;
  private readonly assets: ReadonlyMap<string, string | null>;
  private readonly sessions = new Map<string, TargetSession>();

  constructor(
    private readonly config: Pick<ConnectorConfig, 'targetUrl' | 'apply'>,
    private readonly serverId: string,
    current: CurrentState,
    private readonly gateway: GatewayClient,
    private readonly warn: (line: string) => void,
  ) {
    this.principals = new Map(current.principals.map(({ id, externalId }) => [id, externalId]));
    this.assets = new Map(current.assets.map(({ id, externalId }) => [id, externalId]));
  }

  /** False where another connector is at it. */
  async begin(): Promise<boolean> {
    try {
      return await (await this.session(null)).isOnlyOne();
    } catch (error) {
      this.warn(`No revocation was carried out: ${(error as Error).message}`);
      return false;
    }
  }

  async end(): Promise<void> {
    for (const session of this.sessions.values()) await session.close();
  }

  /** Leaves it as it is, and what it is about too. */
  keep({ status, grantId, memberships }: OpenRemediation): void {
    this.result.outcome.open += 1;
    // One that failed has said what there is to say: if its grant is gone at the target, that is the sync's to tell.
    if (status === 'failed') return;
    if (memberships === null) this.result.openGrants.add(grantId);
    for (const { groupId, memberId } of memberships ?? []) this.result.openMembers.add(memberPair(groupId, memberId));
  }

  /** Takes away what is to be taken away; answers what there is to be told of it then. */
  async carryOut(remediation: OpenRemediation): Promise<Pending[]> {
    const pending: Pending[] = [];
    await this.unlessPassing(remediation, async () => {
      const order = this.orderOf(remediation);
      if (typeof order === 'string') return this.report(remediation, 'failed', order);
      const session = await this.sessionFor(order.access.object);
      if (typeof session === 'string') return this.report(remediation, 'failed', session);
      const begun = remediation.startedAt !== null;
      const found = session === null ? null : await this.look(session, order);
      if (session === null || found?.kind !== 'held') pending.push({ remediation, order, session, begun });
      else if (await this.change(remediation, order, session, found)) {
        pending.push({ remediation, order, session, begun: true });
      }
    });
    return pending;
  }

  /** Reports how things stand at the target now. */
  async tell({ remediation, order, session, begun }: Pending): Promise<void> {
    await this.unlessPassing(remediation, async () => {
      const found: Finding = session === null ? { kind: 'gone', note: null } : await this.look(session, order);
      if (found.kind === 'held') throw new PassingError('the privilege was given again at the same moment');
      if (found.kind === 'remains') await this.report(remediation, 'failed', found.reason);
      else await this.report(remediation, begun ? 'applied' : 'not_needed', begun ? found.note : null);
    });
  }

  /** Answers whether the target was changed. */
  private async change(remediation: OpenRemediation, order: Order, session: TargetSession, { steps }: Held): Promise<boolean> {
    // What has ended here and is there again is somebody's newer word, which no review has looked at.
    if (remediation.memberships === null && remediation.grantStatus !== 'active') {
      await this.report(remediation, 'failed', 'The privilege was given again after the grant that was reviewed had ended.');
      return false;
    }
    if (!this.config.apply) {
      await this.print(remediation, order, steps);
      return false;
    }
    if (!(await this.gateway.leaseRemediation(remediation.id, LEASE_SECONDS))) {
      this.keep(remediation);
      return false;
    }
    try {
      await session.carryOut(order);
      this.result.changedTarget = true;
      return true;
    } catch (error) {
      if (!(error instanceof RefusedByTargetError)) throw error;
      await this.report(remediation, 'failed', `PostgreSQL refused: ${error.message}`);
      return false;
    }
  }

  private async unlessPassing(remediation: OpenRemediation, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PassingError || error instanceof RefusedError)) throw error;
      this.warn(`The remediation ${remediation.id} is left to the next run: ${error.message}`);
      this.keep(remediation);
    }
  }

  private async look(session: TargetSession, order: Order): Promise<Finding> {
    try {
      return await session.look(order);
    } catch (error) {
      if (!(error instanceof RefusedByTargetError)) throw error;
      return { kind: 'remains', reason: `PostgreSQL refused: ${error.message}` };
    }
  }

  private async print(remediation: OpenRemediation, order: Order, steps: Held['steps']): Promise<void> {
    // Noted once: what is gone at a later run has then been taken away for this remediation, by whoever ran the statements.
    if (remediation.startedAt === null) await this.gateway.leaseRemediation(remediation.id, PRINT_LEASE_SECONDS);
    this.result.sql += `${scriptOf(remediation.id, order, steps)}\n`;
    this.keep(remediation);
  }

  private async report(remediation: OpenRemediation, status: 'applied' | 'not_needed' | 'failed', reason: string | null): Promise<void> {
    const { id, grantId, memberships } = remediation;
    await this.gateway.reportRemediation(id, status, reason);
    const { outcome, endedGrants, endedMembers } = this.result;
    if (status === 'failed') outcome.failed += 1;
    if (status === 'not_needed') outcome.notNeeded += 1;
    if (status !== 'applied') return;
    outcome.applied += 1;
    if (memberships === null) endedGrants.add(grantId);
    for (const { groupId, memberId } of memberships ?? []) endedMembers.add(memberPair(groupId, memberId));
  }

  /** What is to be done at the target, or why that cannot be said. */
  private orderOf({ principalId, assetId, permission, memberships }: OpenRemediation): Order | string {
    const holder = this.holder(principalId);
    const object = objectOf(this.assets.get(assetId), this.serverId);
    if (object === null) return 'The asset stands for nothing on this server.';
    const pairs: TargetMembership[] = [];
    for (const { groupId, memberId } of memberships ?? []) {
      const [group, member] = [this.holder(groupId), this.holder(memberId)];
      if (group === null || member === null) return 'One of the principals stands for no role of this server.';
      pairs.push({ group, member });
    }
    if (holder === null) return 'The principal stands for no role of this server.';
    return { access: { object, holder, permission }, memberships: memberships === null ? null : pairs };
  }

  private holder(principalId: string): number | null {
    return holderOf(this.principals.get(principalId), this.serverId);
  }

  /** Null where the object's database is gone; the reason where it lets nobody in. */
  private async sessionFor(object: TargetObject): Promise<TargetSession | string | null> {
    try {
      return await this.session(object.kind === 'server' ? null : object.database);
    } catch (error) {
      if (!(error instanceof RefusedByTargetError)) throw error;
      return error.code === '3D000' ? null : `The connector is not let into the database: ${error.message}`;
    }
  }

  /** The session in a database; null is the one that the URL names. */
  private async session(database: string | null): Promise<TargetSession> {
    const url = new URL(this.config.targetUrl);
    const name = database ?? decodeURIComponent(url.pathname.slice(1));
    const found = this.sessions.get(name);
    if (found) return found;
    url.pathname = `/${encodeURIComponent(name)}`;
    const session = await TargetSession.open({ connectionString: url.href });
    this.sessions.set(name, session);
    return session;
  }
}
