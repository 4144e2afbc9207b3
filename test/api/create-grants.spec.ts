import { factories, next, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

interface Receipt {
  created: number;
  rejected: number;
  outcomes: { index: number; outcome: string; id?: string; code?: string; message?: string }[];
}

describe('grants by the thousand', () => {
  let gateway: TestGateway;
  let outbox: Outbox;
  let make: ReturnType<typeof factories>;
  let principal: Resource;
  let asset: Resource;
  const connector = () => gateway.issuer.tokenFor({ roles: ['governance.connector:hr'], app: true });

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    outbox = await Outbox.open(gateway.database.url);
    make = factories(gateway.http, gateway.issuer.tokenFor({ roles: ['governance.admin'] }));
    principal = await make.principal({ source: 'hr' });
    asset = await make.asset({ source: 'hr' });
  }, 60_000);
  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  const grant = (fields: object = {}) => ({
    ...{ principalId: principal.id, assetId: asset.id, permission: `P${next()}`, privilege: 'read' },
    ...fields,
  });
  const send = (grants: unknown, headers: Record<string, string> = {}, token = connector()) =>
    gateway.http
      .post('/v1/grants/batch')
      .set({ Authorization: `Bearer ${token}`, ...headers })
      .send({ grants });
  const codes = ({ outcomes }: Receipt): string[] => outcomes.map(({ outcome, code }) => code ?? outcome);
  const exported = async (source: string, token = connector()): Promise<{ id: string; permission: string }[]> => {
    const response = await gateway.http
      .get(`/v1/grants/export?source=${source}`)
      .set('Authorization', `Bearer ${token}`)
      .responseType('text');
    expect([response.status, response.headers['content-type']]).toEqual([200, 'application/octet-stream']);
    const lines = String(response.body)
      .split('\n')
      .filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as { id: string; permission: string });
  };

  it('creates a thousand in one call, an event and a version of the history each, as single ones are', async () => {
    const grants = Array.from({ length: 1_000 }, () => grant());
    const { status, body } = await send(grants);
    const receipt = body as Receipt;
    expect([status, receipt.created, receipt.rejected]).toEqual([200, 1_000, 0]);
    expect(receipt.outcomes.map(({ index }) => index)).toEqual(grants.map((_, index) => index));
    const single = await make.grant({ principalId: principal.id, assetId: asset.id });
    const shape = async (id: string): Promise<string[]> => {
      const response = await gateway.http.get(`/v1/grants/${id}`).set('Authorization', `Bearer ${connector()}`);
      return Object.entries(response.body as object).map(([name, value]) => `${name} ${typeof value}`);
    };
    expect(await shape(receipt.outcomes[999]!.id!)).toEqual(await shape(single.id));
    expect(await outbox.actions(receipt.outcomes[0]!.id!)).toEqual(['grant.created']);
    const ids = receipt.outcomes.map(({ id }) => id);
    const { rows } = await outbox.client.query<{ events: number; history: number }>(
      `SELECT (SELECT count(*)::int FROM events WHERE payload->'resource'->>'id' = ANY ($1)) AS events,
         (SELECT count(*)::int FROM grants_history WHERE id = ANY ($1::uuid[])) AS history`,
      [ids],
    );
    expect(rows).toEqual([{ events: 1_000, history: 1_000 }]);
  });

  it('judges each on its own, by the rules and with the codes of single ones', async () => {
    const elsewhere = await make.asset({ source: 'other' });
    const retired = await make.asset({ source: 'hr' });
    const gone = await make.principal({ source: 'hr' });
    const admin = { Authorization: `Bearer ${gateway.issuer.tokenFor({ roles: ['governance.admin'] })}` };
    await gateway.http.delete(`/v1/assets/${retired.id}`).set(admin);
    await gateway.http.delete(`/v1/principals/${gone.id}`).set(admin);
    const first = grant();
    const { body } = await send([
      first,
      first,
      grant({ principalId: NOBODY }),
      grant({ assetId: NOBODY }),
      grant({ assetId: elsewhere.id }),
      grant({ assetId: retired.id }),
      grant({ principalId: gone.id }),
      grant({ grantedAt: '2999-01-01T00:00:00.000Z' }),
      grant({ grantedAt: '2025-02-01T00:00:00.000Z', expiresAt: '2025-01-01T00:00:00.000Z' }),
      grant({ privilege: 'root' }),
      grant({ permission: 'two\nlines' }),
      grant({ colour: 'red' }),
      grant({ principalId: 7 }),
      grant({ expiresAt: 'soon' }),
      null,
      [],
      'grant',
      grant({ grantedAt: '2025-01-01T01:00:00+01:00', expiresAt: null, justification: 'Imported' }),
    ]);
    const rules = Array.from({ length: 2 }, () => 'business_rule');
    expect(codes(body as Receipt)).toEqual([
      ...['created', 'duplicate', ...rules, 'forbidden', ...rules, ...rules],
      ...Array.from({ length: 8 }, () => 'validation_failed'),
      'created',
    ]);
    const { rows } = await outbox.client.query<{ source: string }>('SELECT DISTINCT source FROM grants WHERE asset_id = $1', [
      elsewhere.id,
    ]);
    expect(rows).toEqual([]);
  });

  it('creates each once, however often and however many at once the same is sent', async () => {
    const grants = Array.from({ length: 200 }, () => grant());
    const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => send(n % 2 === 0 ? grants : [...grants].reverse())));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
    expect(answers.reduce((sum, { body }) => sum + (body as Receipt).created, 0)).toBe(200);
    const { rows } = await outbox.client.query<{ events: number }>(
      `SELECT count(*)::int AS events FROM events WHERE payload->>'action' = 'grant.created' AND payload->'after'->>'permission' = ANY ($1)`,
      [grants.map(({ permission }) => permission)],
    );
    expect(rows).toEqual([{ events: 200 }]);
  });

  it('gives the first answer again to a repeat with the same Idempotency-Key, and 422 to another body', async () => {
    const token = connector();
    const headers = { 'Idempotency-Key': `key-${next()}` };
    const grants = [grant(), grant()];
    const first = await send(grants, headers, token);
    const again = await send(grants, headers, token);
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([200, first.body, 'true']);
    expect((await send([grant()], headers, token)).status).toBe(422);
  });

  it('takes the place of what has run out', async () => {
    const input = grant();
    const [old] = ((await send([{ ...input, expiresAt: new Date(Date.now() + 3_600_000).toISOString() }])).body as Receipt).outcomes;
    await outbox.client.query(
      `UPDATE grants SET granted_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE id = $1`,
      [old!.id],
    );
    expect(codes((await send([input])).body as Receipt)).toEqual(['created']);
  });

  it('refuses none, too many, what is no array, and callers without the role', async () => {
    for (const grants of [[], Array.from({ length: 1_001 }, () => grant()), 'grants', undefined]) {
      const { status, body } = await send(grants);
      expect([status, body.error.code, body.error.details[0].path]).toEqual([400, 'validation_failed', 'grants']);
    }
    expect((await send([grant()], {}, gateway.issuer.tokenFor({ roles: ['governance.reader'] }))).status).toBe(403);
    const large = grant({ justification: 'é'.repeat(2_000) });
    expect((await send(Array.from({ length: 200 }, () => large))).status).toBe(200);
    expect((await send(Array.from({ length: 300 }, () => large))).status).toBe(413);
  });

  it('are exported whole, each that is in force once, and to those who may see the source', async () => {
    const there = await make.asset({ source: 'exported' });
    const token = gateway.issuer.tokenFor({ roles: ['governance.connector:exported'], app: true });
    expect(await exported('exported', token)).toEqual([]);
    const wanted = Array.from({ length: 6_001 }, () => grant({ assetId: there.id }));
    for (let from = 0; from < wanted.length; from += 1_000) await send(wanted.slice(from, from + 1_000), {}, token);
    const lines = await exported('exported', token);
    expect(new Set(lines.map(({ permission }) => permission))).toEqual(new Set(wanted.map(({ permission }) => permission)));
    expect(lines).toHaveLength(wanted.length);
    expect(Object.keys(lines[0]!)).toEqual(['id', 'principalId', 'assetId', 'permission', 'privilege']);
    await gateway.http.delete(`/v1/grants/${lines[0]!.id}`).set('Authorization', `Bearer ${token}`);
    expect(await exported('exported', token)).toEqual(lines.slice(1));
    expect(await exported('exported', connector())).toEqual([]);
    expect(await exported('exported', gateway.issuer.tokenFor({ roles: ['governance.reader'] }))).toHaveLength(6_000);
    const missing = await gateway.http.get('/v1/grants/export').set('Authorization', `Bearer ${token}`);
    expect([missing.status, missing.body.error.details[0].path]).toEqual([400, 'source']);
  });
});
