import { setTimeout as pause } from 'node:timers/promises';
import type { ApiClient, Found } from './api-client.js';
import type { DemoAsset, DemoCompany, DemoGrant, DemoPrincipal, DemoUse } from './demo-model.js';

/** Requests at a time: half of what the gateway's pool has by default. */
const PARALLEL = 8;
const USES_A_CALL = 1_000;
/** How long scores may take to show the uses, in milliseconds; what ails the decay engine keeps nobody from starting. */
const SCORED_WITHIN_MS = 30_000;
const POLL_MS = 50;

/**
 * Puts a company in through the API. Every step can be repeated: with `isResumed`, what an earlier load that was cut off has made is
 * found instead of made again, also when its idempotency keys have run out.
 *
 * @param loadId names the load; the same one for its continuation
 */
export async function loadDemo(api: ApiClient, company: DemoCompany, loadId: string, isResumed: boolean): Promise<void> {
  await new DemoLoad(api, loadId, isResumed).run(company);
}

class DemoLoad {
  private readonly known = new Map<string, Found>();

  constructor(
    private readonly api: ApiClient,
    private readonly loadId: string,
    private readonly isResumed: boolean,
  ) {}

  async run({ principals, memberships, assets, grants, usage }: DemoCompany): Promise<void> {
    await this.inWaves(
      principals,
      ({ managerKey, ownerKey }) => [managerKey, ownerKey],
      (principal) => this.principal(principal),
    );
    await inParallel(memberships, ({ groupKey, memberKey }) =>
      this.api.call('PUT', `/v1/principals/${this.id(groupKey)}/members/${this.id(memberKey)}`),
    );
    await this.inWaves(
      assets,
      ({ parentKey }) => [parentKey],
      (asset) => this.asset(asset),
    );
    await inParallel(grants, (grant) => this.grant(grant));
    await this.usage(usage);
    await this.untilScored(grants, usage);
    // Last, since what has ended is granted nothing.
    const ending = principals.filter(({ key, endsAs }) => endsAs !== null && endsAs !== this.known.get(key)?.status);
    await inParallel(ending, ({ key, endsAs }) => this.api.call('PATCH', `/v1/principals/${this.id(key)}`, { status: endsAs }));
  }

  private async principal({ key, body, managerKey, ownerKey }: DemoPrincipal): Promise<void> {
    const references = { managerId: this.idOrNull(managerKey), ownerId: this.idOrNull(ownerKey) };
    await this.ensure('/v1/principals', key, { ...body, ...references }, { source: body.source, externalId: body.externalId });
  }

  private async asset({ key, body, ownerKey, parentKey }: DemoAsset): Promise<void> {
    const references = { ownerId: this.id(ownerKey), parentId: this.idOrNull(parentKey) };
    await this.ensure('/v1/assets', key, { ...body, ...references }, { source: body.source, externalId: body.externalId });
  }

  private async grant({ key, principalKey, assetKey, body, revokeReason }: DemoGrant): Promise<void> {
    const references = { principalId: this.id(principalKey), assetId: this.id(assetKey) };
    const { id, status } = await this.ensure('/v1/grants', key, { ...references, ...body }, { ...references, permission: body.permission });
    if (revokeReason !== null && status !== 'revoked') await this.api.call('POST', `/v1/grants/${id}/revoke`, { reason: revokeReason });
  }

  /** An event that was sent before is known by its id, and counts once. */
  private async usage(uses: readonly DemoUse[]): Promise<void> {
    const events = uses.map(({ grantKey, usedAt }, index) => ({
      eventId: `demo-${this.loadId}-${index}`,
      grantId: this.id(grantKey),
      usedAt,
    }));
    for (let start = 0; start < events.length; start += USES_A_CALL) {
      await this.api.call('POST', '/v1/grants/usage', { events: events.slice(start, start + USES_A_CALL) });
    }
  }

  /** Waits until each score is that of its grant's latest use: on the first look, nothing that is in use is to seem forgotten. */
  private async untilScored(grants: readonly DemoGrant[], uses: readonly DemoUse[]): Promise<void> {
    const deadline = Date.now() + SCORED_WITHIN_MS;
    const latest = new Map<string, string>();
    for (const { grantKey, usedAt } of uses) if (usedAt > (latest.get(grantKey) ?? '')) latest.set(grantKey, usedAt);
    const used = grants.filter(
      ({ key, revokeReason, body }) => latest.has(key) && revokeReason === null && !endsBy(body.expiresAt, deadline),
    );
    await inParallel(used, async ({ key }) => {
      while (Date.now() < deadline && (await this.scoredFrom(key)) < (latest.get(key) ?? '')) await pause(POLL_MS);
    });
  }

  /** The instant from which a grant's score counts, or an empty text where it has none yet. */
  private async scoredFrom(key: string): Promise<string> {
    const score = await this.api.call('GET', `/v1/scores/${this.id(key)}`).catch((error: unknown) => {
      if ((error as Error).message.includes(' answered 404')) return null;
      throw error;
    });
    return (score as { explanation: { anchorAt: string } } | null)?.explanation.anchorAt ?? '';
  }

  private async ensure(list: string, key: string, body: object, identity: Record<string, string>): Promise<Found> {
    const found = this.isResumed ? await this.api.findFirst(list, identity) : null;
    const thing = found ?? (await this.api.create(list, body, `demo-${this.loadId}-${slug(key)}`));
    this.known.set(key, thing);
    return thing;
  }

  /** Makes each thing after those that it names. */
  private async inWaves<T extends { key: string }>(
    things: readonly T[],
    needs: (thing: T) => (string | null)[],
    make: (thing: T) => Promise<void>,
  ) {
    let waiting = [...things];
    while (waiting.length > 0) {
      const isReady = (thing: T): boolean => needs(thing).every((key) => key === null || this.known.has(key));
      const ready = waiting.filter(isReady);
      if (ready.length === 0) throw new Error(`The demo data names something that is not there, near ${waiting[0]?.key}.`);
      waiting = waiting.filter((thing) => !ready.includes(thing));
      await inParallel(ready, make);
    }
  }

  private id(key: string): string {
    const thing = this.known.get(key);
    if (thing === undefined) throw new Error(`The demo data names ${key} before it is there.`);
    return thing.id;
  }

  private idOrNull(key: string | null): string | null {
    return key === null ? null : this.id(key);
  }
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

const endsBy = (expiresAt: string | null, deadline: number): boolean => expiresAt !== null && Date.parse(expiresAt) <= deadline;

const slug = (key: string): string => key.toLowerCase().replace(/[^a-z0-9]+/g, '-');
