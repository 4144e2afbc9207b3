import { inParallel } from './bounded-concurrency.js';
import type { CurrentState } from './current-state.js';
import type { Operation, Plan } from './difference.js';
import { GRANT_BATCH, type GatewayClient } from './gateway.client.js';
import { RefusedError } from './gateway.errors.js';
import type { OnProgress } from './progress-bar.js';

export interface Outcome {
  /** How many operations of each kind changed something. */
  done: Partial<Record<Operation['kind'], number>>;
  /** What the gateway refused, and what could not be tried because of that; a line each. The next run tries again. */
  failures: string[];
}

/** Enough to keep the gateway busy from one process, few enough to leave its pool to others. */
const CONCURRENCY = 8;

/**
 * Carries a plan out, phase by phase, and keeps count in `outcome`, which holds what was done however it ends. What is refused keeps nothing
 * else from being done; an aborted signal ends it between two operations.
 *
 * @throws GatewayError when the gateway is away or does not take this caller
 */
export async function carryOut(
  plan: Plan,
  current: CurrentState,
  gateway: GatewayClient,
  signal: AbortSignal,
  outcome: Outcome,
  onProgress: OnProgress,
): Promise<void> {
  const execution = new Execution(current, gateway, outcome);
  const total = plan.reduce((sum, phase) => sum + phase.length, 0);
  let done = 0;
  for (const phase of plan) {
    await inParallel(batches(phase), CONCURRENCY, signal, async (batch) => {
      await execution.attempt(batch);
      onProgress((done += batch.length), total);
    });
  }
}

type GrantCreation = Extract<Operation, { kind: 'createGrant' }>;

const isGrantCreation = (operation: Operation): operation is GrantCreation => operation.kind === 'createGrant';

/** New grants are the most by far, and go by the thousand; all else goes one by one. */
function batches(phase: readonly Operation[]): (readonly Operation[])[] {
  const creations = phase.filter(isGrantCreation);
  const calls: (readonly Operation[])[] = phase.filter((operation) => !isGrantCreation(operation)).map((operation) => [operation]);
  for (let from = 0; from < creations.length; from += GRANT_BATCH) calls.push(creations.slice(from, from + GRANT_BATCH));
  return calls;
}

/** Something that an operation names never came into being. */
class Missing extends Error {}

class Execution {
  private readonly principalIds: Map<string, string>;
  private readonly assetIds: Map<string, string>;

  constructor(
    current: CurrentState,
    private readonly gateway: GatewayClient,
    private readonly outcome: Outcome,
  ) {
    this.principalIds = new Map(current.principals.flatMap(({ id, externalId }) => (externalId === null ? [] : [[externalId, id]])));
    this.assetIds = new Map(current.assets.flatMap(({ id, externalId }) => (externalId === null ? [] : [[externalId, id]])));
  }

  async attempt(batch: readonly Operation[]): Promise<void> {
    const [operation] = batch;
    try {
      if (operation?.kind === 'createGrant') await this.createGrants(batch.filter(isGrantCreation));
      else if (operation) await this.callAndCount(operation);
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof Missing)) throw error;
      for (const { kind } of batch) this.outcome.failures.push(`${kind}: ${error.message}`);
    }
  }

  private async createGrants(operations: readonly GrantCreation[]): Promise<void> {
    const bodies = operations.flatMap(({ grant: { principal, asset, ...grant } }) => {
      const [principalId, assetId] = [this.principalIds.get(principal), this.assetIds.get(asset)];
      if (principalId !== undefined && assetId !== undefined) return [{ ...grant, principalId, assetId }];
      this.outcome.failures.push(`createGrant: ${principalId === undefined ? principal : asset} is not there`);
      return [];
    });
    if (bodies.length === 0) return;
    const refused = await this.gateway.createGrants(bodies);
    this.outcome.failures.push(...refused.map((reason) => `createGrant: ${reason}`));
    const created = bodies.length - refused.length;
    if (created > 0) this.outcome.done.createGrant = (this.outcome.done.createGrant ?? 0) + created;
  }

  private async callAndCount(operation: Exclude<Operation, GrantCreation>): Promise<void> {
    await this.call(operation);
    this.outcome.done[operation.kind] = (this.outcome.done[operation.kind] ?? 0) + 1;
  }

  private async call(operation: Exclude<Operation, GrantCreation>): Promise<void> {
    const { gateway } = this;
    switch (operation.kind) {
      case 'revokeGrant':
        return gateway.revokeGrant(operation.id, operation.reason);
      case 'removeMember':
        return gateway.removeMember(operation.groupId, operation.memberId);
      case 'createPrincipal':
        this.principalIds.set(operation.principal.externalId, await gateway.createPrincipal(operation.principal));
        return;
      case 'updatePrincipal':
        return gateway.updatePrincipal(operation.id, operation.version, operation.changes);
      case 'createAsset': {
        const { parent, ...asset } = operation.asset;
        this.assetIds.set(asset.externalId, await gateway.createAsset({ ...asset, parentId: this.parentId(parent) }));
        return;
      }
      case 'updateAsset': {
        const { parent, ...changes } = operation.changes;
        const parentId = parent === undefined ? {} : { parentId: this.parentId(parent) };
        return gateway.updateAsset(operation.id, operation.version, { ...changes, ...parentId });
      }
      case 'addMember':
        return gateway.addMember(this.principalId(operation.membership.group), this.principalId(operation.membership.member));
      case 'deactivatePrincipal':
        return gateway.deactivatePrincipal(operation.id);
      case 'retireAsset':
        return gateway.retireAsset(operation.id);
    }
  }

  private principalId(externalId: string): string {
    return found(this.principalIds.get(externalId), `the principal ${externalId} is not there`);
  }

  private assetId(externalId: string): string {
    return found(this.assetIds.get(externalId), `the asset ${externalId} is not there`);
  }

  private parentId(externalId: string | null): string | null {
    return externalId === null ? null : this.assetId(externalId);
  }
}

function found(id: string | undefined, otherwise: string): string {
  if (id === undefined) throw new Missing(otherwise);
  return id;
}
