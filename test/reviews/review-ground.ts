import { randomUUID } from 'node:crypto';
import { Outbox } from '../api/outbox.js';
import { eventually } from '../support/eventually.js';
import { factories, next, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

/** Somebody with a token, and the principal that they are. */
export interface Person {
  id: string;
  token: string;
}

export interface ShownItem {
  id: string;
  grantId: string;
  status: string;
  reason: string;
  snapshot: { principal: { id: string }; score: { recommendation: string } | null };
  liveScore: object | null;
  decision: { decision: string; source: string; by: { type: string } } | null;
  remediation: { status: string; undo: string | null; undoReason: string | null; restoredGrantId: string | null } | null;
}

interface Answer {
  status: number;
  body: Record<string, unknown> & { id: string; error: { code: string; details: { path: string }[] } };
}

/** A gateway with people in it, two admins among them, and words for what reviews are made of. */
export class ReviewGround {
  private constructor(
    readonly gateway: TestGateway,
    readonly outbox: Outbox,
    readonly admin: Person,
    readonly secondAdmin: Person,
    readonly make: ReturnType<typeof factories>,
  ) {}

  static async start(): Promise<ReviewGround> {
    const gateway = await startTestGateway({ auth: 'azure_ad' });
    const outbox = await Outbox.open(gateway.database.url);
    const admins = [0, 1].map(() => gateway.issuer.tokenFor({ roles: ['governance.admin'] }));
    const make = factories(gateway.http, admins[0]);
    return new ReviewGround(gateway, outbox, { id: '', token: admins[0]! }, { id: '', token: admins[1]! }, make);
  }

  async close(): Promise<void> {
    await this.outbox.close();
    await this.gateway.close();
  }

  async person(fields: object = {}, roles: readonly string[] = ['governance.reviewer']): Promise<Person> {
    const oid = randomUUID();
    const { id } = await this.make.principal({ source: 'entra', externalId: oid, ...fields });
    return { id, token: this.gateway.issuer.tokenFor({ roles, oid }) };
  }

  async get(path: string, who: Person = this.admin): Promise<Answer> {
    const { status, body } = await this.gateway.http.get(`/v1/reviews${path}`).set('Authorization', `Bearer ${who.token}`);
    return { status, body };
  }

  async post(path: string, body: object = {}, who: Person = this.admin): Promise<Answer> {
    const response = await this.gateway.http.post(`/v1/reviews${path}`).set('Authorization', `Bearer ${who.token}`).send(body);
    return { status: response.status, body: response.body };
  }

  async grant(id: string): Promise<Record<string, unknown>> {
    const response = await this.gateway.http.get(`/v1/grants/${id}`).set('Authorization', `Bearer ${this.admin.token}`);
    return response.body as Record<string, unknown>;
  }

  /** Stores the score that the decay engine would have come to. */
  async score(grant: Resource, band: string): Promise<void> {
    const recommendation = { active: 'keep', aging: 'keep', stale: 'review', dormant: 'revoke', insufficient_data: 'none' }[band];
    const score = { active: 10, aging: 30, stale: 60, dormant: 90, insufficient_data: 0 }[band];
    await this.outbox.client.query(
      `INSERT INTO scores (grant_id, principal_id, asset_id, sensitivity, band, recommendation, score, priority, model_version, computed_at,
         usage_tracked_since, cadence_gaps, usage_revision, history_day)
       SELECT g.id, g.principal_id, g.asset_id, a.sensitivity, $2, $3, $4, $4, '1', now(), g.granted_at, 0, 0, 0
       FROM grants g JOIN assets a ON a.id = g.asset_id WHERE g.id = $1
       ON CONFLICT (grant_id) DO UPDATE SET band = excluded.band, recommendation = excluded.recommendation, score = excluded.score`,
      [grant.id, band, recommendation, score],
    );
  }

  /** A draft about the assets. */
  async draft(assetIds: readonly string[], reviewers: object, fields: object = {}): Promise<string> {
    const dueAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const body = { name: `Campaign ${next()}`, selector: { assetIds }, reviewers, dueAt, ...fields };
    const answer = await this.post('/campaigns', body);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    return answer.body.id;
  }

  /** Launches a draft and waits until all of its items are there. */
  async launch(id: string): Promise<void> {
    const answer = await this.post(`/campaigns/${id}/launch`);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    await eventually(async () => (await this.get(`/campaigns/${id}`)).body['openedAt'] !== null, 180_000);
  }

  /** Waits until a campaign is in a status, and answers it. */
  reached(id: string, status: string): Promise<Record<string, unknown>> {
    return eventually(async () => {
      const { body } = await this.get(`/campaigns/${id}`);
      return body['status'] === status && body;
    }) as Promise<Record<string, unknown>>;
  }

  async packets(campaignId: string): Promise<{ id: string; reviewerId: string; reasons: { reason: string; count: number }[] }[]> {
    return (await this.get(`?campaignId=${campaignId}&limit=100`)).body['items'] as never;
  }

  async packetOf(campaignId: string, reviewer: Person): Promise<string> {
    const packet = (await this.packets(campaignId)).find(({ reviewerId }) => reviewerId === reviewer.id);
    if (!packet) throw new Error('The reviewer has no packet.');
    return packet.id;
  }

  async items(packetId: string, who: Person = this.admin): Promise<ShownItem[]> {
    return (await this.get(`/${packetId}/items?limit=100`, who)).body['items'] as ShownItem[];
  }

  /** Decides every item of a packet alike. */
  async decideAll(packetId: string, decision: string, who: Person, justification: string | null = 'Looked at'): Promise<void> {
    const decisions = (await this.items(packetId, who)).map(({ id }) => ({ itemId: id, decision, justification }));
    for (let from = 0; from < decisions.length; from += 100) {
      const answer = await this.post(`/${packetId}/decisions`, { decisions: decisions.slice(from, from + 100) }, who);
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    }
  }
}
