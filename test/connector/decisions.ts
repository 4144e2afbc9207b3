import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually.js';
import type { Landscape } from './landscape.js';

export interface Remediation {
  id: string;
  grantId: string;
  status: string;
  reason: string | null;
}

interface Item {
  id: string;
  grantId: string;
}

/** Reviews at the gateway of a landscape, decided by its admins. */
export class Decisions {
  private constructor(
    private readonly landscape: Landscape,
    private readonly reviewerId: string,
    private readonly admins: readonly string[],
  ) {}

  static async begin(landscape: Landscape): Promise<Decisions> {
    const admins = [0, 1].map(() => landscape.issuer.tokenFor({ roles: ['governance.admin'] }));
    const body = { type: 'user', displayName: 'Reviewer', source: 'entra', externalId: randomUUID() };
    const { id } = await landscape.call<{ id: string }>('POST', '/v1/principals', body, admins[0]!);
    return new Decisions(landscape, id, admins);
  }

  /** Decides that grants are to be revoked, or, where a grant has memberships by its id, these in its place. Answers the remediations. */
  async revoke(grantIds: readonly string[], memberships: ReadonlyMap<string, object[]> = new Map()): Promise<Remediation[]> {
    const [admin, second] = this.admins as [string, string];
    const { landscape } = this;
    const body = { name: 'Review', reviewerId: this.reviewerId, grantIds, dueAt: new Date(Date.now() + 86_400_000).toISOString() };
    const { id } = await landscape.call<{ id: string }>('POST', '/v1/reviews', body, admin);
    const { items } = await landscape.call<{ items: Item[] }>('GET', `/v1/reviews/${id}/items?limit=100`, undefined, admin);
    const decisions = items.map((item) => ({
      ...{ itemId: item.id, decision: 'revoke', justification: 'Not used' },
      ...(memberships.has(item.grantId) && { memberships: memberships.get(item.grantId) }),
    }));
    await landscape.call('POST', `/v1/reviews/${id}/decisions`, { decisions }, admin);
    await landscape.call('POST', `/v1/reviews/${id}/sign-off`, {}, admin);
    const made = await eventually(async () => {
      const path = `/v1/reviews/remediations?packetId=${id}&limit=100`;
      const answer = await landscape.call<{ items: Remediation[] }>('GET', path, undefined, admin);
      if (answer.items.length === grantIds.length) return answer.items;
      // An asset's last admin goes only with the word of a second one.
      await landscape.call('POST', `/v1/reviews/${id}/confirm`, {}, second).catch(() => undefined);
      return false as const;
    }, 20_000);
    return made || [];
  }

  async remediations(ids: readonly string[]): Promise<Remediation[]> {
    return Promise.all(
      ids.map((id) => this.landscape.call<Remediation>('GET', `/v1/reviews/remediations/${id}`, undefined, this.admins[0]!)),
    );
  }
}
