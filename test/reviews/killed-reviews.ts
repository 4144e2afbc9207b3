import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { System } from '../support/system.js';
import { eventually } from '../support/eventually.js';

const PATIENCE_MS = 120_000;
const PAGE = 100;

/** More than two steps of every phase: 2,000 grants a launch takes at once, 500 a closing, 200 an undoing. */
export const GRANTS = 3_000;
const ASSETS = 8;
const HOLDERS = 200;

/** Assets each with an owner who reviews, and grants of people who own nothing. Over HTTP this would take longer than what is tested. */
const POPULATION = `
  WITH people AS (
    INSERT INTO principals (id, type, display_name, source, status, attributes, created_at, updated_at, version)
    SELECT gen_random_uuid(), 'user', 'Person ' || n, 'manual', 'active', '{}', now(), now(), 1 FROM generate_series(1, $2::integer + $3::integer) n
    RETURNING id
  ), numbered AS (SELECT id, row_number() OVER () AS n FROM people),
  owned AS (
    INSERT INTO assets (id, type, name, source, sensitivity, owner_id, tags, status, created_at, updated_at, version)
    SELECT gen_random_uuid(), 'table', 'Asset ' || n, 'manual', 'internal', id, '{}', 'active', now(), now(), 1 FROM numbered WHERE n <= $2::integer
    RETURNING id
  ), assets_numbered AS (SELECT id, row_number() OVER () AS n FROM owned)
  INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, created_at, updated_at, version)
  SELECT gen_random_uuid(), p.id, a.id, 'P' || g, 'read', 'manual', 'active', now() - interval '200 days',
    '{"id":"dev","type":"user","principalId":null}', now(), now(), 1
  FROM generate_series(1, $1::integer) g JOIN assets_numbered a ON a.n = 1 + g % $2::integer JOIN numbered p ON p.n = $2::integer + 1 + g % $3::integer`;

/** What became of each access, by its permission, which is its own; and how often the log tells of it. */
const ACCESS = `
  SELECT g.permission, i.decision, i.decision_source AS source, i.justification, r.status AS remediation, r.undo,
    (SELECT count(*)::integer FROM review_decisions d WHERE d.item_id = i.id) AS decisions,
    (SELECT count(*)::integer FROM grants o WHERE o.permission = g.permission AND o.status = 'active') AS active,
    coalesce(decided.count, 0) AS decided, coalesce(revoked.count, 0) AS revoked, coalesce(restored.count, 0) AS restored, coalesce(remedied.count, 0) AS remedied
  FROM review_items i JOIN grants g ON g.id = i.grant_id LEFT JOIN remediations r ON r.item_id = i.id
  LEFT JOIN LATERAL (SELECT id FROM grants n WHERE n.id = r.restored_id) n ON true
  LEFT JOIN told decided ON decided.action = 'review.decided' AND decided.id = i.id::text
  LEFT JOIN told revoked ON revoked.action = 'grant.revoked' AND revoked.id = g.id::text
  LEFT JOIN told restored ON restored.action = 'grant.created' AND restored.id = n.id::text
  LEFT JOIN told remedied ON remedied.action = 'remediation.applied' AND remedied.id = r.id::text
  WHERE i.campaign_id = $1 ORDER BY g.permission`;

const TOLD = `WITH told AS MATERIALIZED (
    SELECT payload->>'action' AS action, payload->'resource'->>'id' AS id, count(*)::integer AS count FROM events GROUP BY 1, 2
  )`;

const STAGES = `${TOLD} SELECT told.action, sum(told.count)::integer AS count, count(*)::integer AS things FROM told
  WHERE told.action ~ '^(campaign|review)[.]' AND told.action <> 'review.decided' AND told.action <> 'campaign.items_assigned'
    AND (told.id = $1 OR told.id IN (SELECT id::text FROM review_packets WHERE campaign_id = $1::uuid)) GROUP BY 1 ORDER BY 1`;

const PACKETS = `
  SELECT k.status, k.pending, k.approved, k.revoked, k.abstained, count(i.*)::integer AS items,
    count(*) FILTER (WHERE i.decision = 'approve')::integer AS approve, count(*) FILTER (WHERE i.decision = 'revoke')::integer AS revoke,
    count(*) FILTER (WHERE i.decision = 'abstain')::integer AS abstain
  FROM review_packets k JOIN principals p ON p.id = k.reviewer_id LEFT JOIN review_items i ON i.packet_id = k.id
  WHERE k.campaign_id = $1 GROUP BY k.id, p.display_name ORDER BY p.display_name`;

/** What a person says of the access with such a number; null where nobody decides. A fifth goes, which is just what the circuit breaker lets through. */
function word(number: number): { decision: string; justification: string } | null {
  const decision = [null, 'approve', 'abstain', null, 'revoke'][number % 5];
  return decision ? { decision, justification: `Word about ${number}` } : null;
}

interface Answered {
  id: string;
  [member: string]: unknown;
}

/** A campaign from its draft to its undoing, by a client that repeats what got no answer under the same idempotency key until it has one. */
export class ReviewedSystem {
  private constructor(
    readonly system: System,
    private readonly fallbackReviewerId: string,
  ) {}

  static async on(system: System): Promise<ReviewedSystem> {
    await system.sql(POPULATION, [GRANTS, ASSETS, HOLDERS]);
    const [fallback] = await system.sql<{ id: string }>(`SELECT id FROM principals WHERE id NOT IN (SELECT owner_id FROM assets) LIMIT 1`);
    return new ReviewedSystem(system, fallback?.id ?? '');
  }

  async draft(): Promise<string> {
    const dueAt = new Date(Date.now() + 86_400_000).toISOString();
    const reviewers = { kind: 'assetOwner', fallbackReviewerId: this.fallbackReviewerId };
    const body = { name: 'Killed', selector: {}, reviewers, dueAt, defaultDecision: 'approve' };
    return (await this.send('POST', '/campaigns', body)).id;
  }

  async launch(id: string): Promise<void> {
    await this.send('POST', `/campaigns/${id}/launch`, {});
    await this.until(id, ({ openedAt }) => openedAt !== null);
  }

  /** Every packet's words, packets side by side. */
  async decide(id: string): Promise<void> {
    const packets = (await this.send('GET', `?campaignId=${id}&limit=100`))['items'] as Answered[];
    await Promise.all(packets.map((packet) => this.decidePacket(packet.id)));
  }

  async close(id: string): Promise<void> {
    await this.send('POST', `/campaigns/${id}/close`, {});
    await this.until(id, ({ status }) => status === 'completed');
  }

  async undo(id: string): Promise<void> {
    await this.send('POST', `/campaigns/${id}/undo`, {});
    await this.until(id, ({ undo }) => (undo as { undoneAt: string | null } | null)?.undoneAt != null);
  }

  /** All that a campaign has led to, of which nothing may depend on what was killed meanwhile. */
  async outcome(id: string): Promise<{ access: object[]; stages: object[]; packets: object[]; campaign: object }> {
    const [access, stages, packets] = [
      await this.system.sql(TOLD + ACCESS, [id]),
      await this.system.sql(STAGES, [id]),
      await this.system.sql(PACKETS, [id]),
    ];
    const { status, population, counts, progress, excluded } = await this.send('GET', `/campaigns/${id}`);
    return { access, stages, packets, campaign: { status, population, counts, progress, excluded } };
  }

  private async decidePacket(packetId: string): Promise<void> {
    for (let cursor: string | null = ''; cursor !== null;) {
      const page = await this.send('GET', `/${packetId}/items?limit=${PAGE}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const decisions = (page['items'] as { id: string; snapshot: { grant: { permission: string } } }[]).flatMap(({ id, snapshot }) => {
        const said = word(Number(snapshot.grant.permission.slice(1)));
        return said ? [{ itemId: id, ...said }] : [];
      });
      const { outcomes } = await this.send('POST', `/${packetId}/decisions`, { decisions });
      const rejected = (outcomes as { outcome: string }[]).filter(({ outcome }) => outcome !== 'recorded');
      if (rejected.length > 0) throw new Error(`Rejected: ${JSON.stringify(rejected.slice(0, 3))}`);
      cursor = page['nextCursor'] as string | null;
    }
  }

  private async until(id: string, come: (campaign: Answered) => boolean): Promise<void> {
    await eventually(async () => come(await this.send('GET', `/campaigns/${id}`)), PATIENCE_MS);
  }

  private async send(method: string, path: string, body?: object): Promise<Answered> {
    const key = randomUUID();
    for (const deadline = Date.now() + PATIENCE_MS; ; await pause(50)) {
      const sent = { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key } };
      const response = await fetch(`${this.system.url}/v1/reviews${path}`, sent)
        .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
        .catch((error: unknown) => ({ status: 0, text: String(error) }));
      if (response.status === 200 || response.status === 201) return JSON.parse(response.text) as Answered;
      const comesBack = response.status === 0 || response.status === 503 || response.text.includes('idempotency_in_flight');
      if (!comesBack || Date.now() > deadline) throw new Error(`${method} ${path}: ${response.status} ${response.text}`);
    }
  }
}
