import { factories, next, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

describe('Idempotency-Key', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;
  let outbox: Outbox;
  let admin: string;

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    admin = gateway.issuer.tokenFor({ roles: ['governance.admin'] });
    make = factories(gateway.http, admin);
    outbox = await Outbox.open(gateway.database.url);
  });

  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  const post = (path: string, key: string, body: object, token = admin) =>
    gateway.http.post(path).set('Authorization', `Bearer ${token}`).set('Idempotency-Key', key).send(body);
  const newKey = (): string => `key-${next()}`;
  const person = (name = `Person ${next()}`) => ({ type: 'user', displayName: name });

  it('gives a repeat the first answer, whole, and does nothing again', async () => {
    const [key, body] = [newKey(), person()];
    const first = await post('/v1/principals', key, body);
    await gateway.http
      .patch(`/v1/principals/${first.body.id as string}`)
      .set('Authorization', `Bearer ${admin}`)
      .send({ department: 'Moved on' });
    const repeat = await post('/v1/principals', key, body);
    expect([repeat.status, repeat.text]).toEqual([201, first.text]);
    expect(repeat.headers).toMatchObject({ 'idempotent-replayed': 'true', etag: '"1"', location: first.headers['location'] });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(repeat.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    expect((await outbox.actions(first.body.id as string)).filter((action) => action === 'principal.created')).toHaveLength(1);
  });

  it('replays the answer of every POST that takes it: assets, grants, revocations, erasures', async () => {
    const [principal, asset, grant] = [await make.principal(), await make.asset(), await make.grant()];
    const requests: [string, object, number][] = [
      ['/v1/assets', { type: 'table', name: 't' }, 201],
      ['/v1/grants', { principalId: principal.id, assetId: asset.id, permission: 'SELECT', privilege: 'read' }, 201],
      [`/v1/grants/${grant.id}/revoke`, { reason: 'Left' }, 200],
      [`/v1/principals/${(await make.principal()).id}/erase`, {}, 200],
    ];
    for (const [path, body, status] of requests) {
      const key = newKey();
      const [first, repeat] = [await post(path, key, body), await post(path, key, body)];
      expect([first.status, repeat.status, repeat.text, repeat.headers['idempotent-replayed']]).toEqual([
        status,
        status,
        first.text,
        'true',
      ]);
    }
  });

  it('refuses another body under the same key with 422 and keeps the first answer', async () => {
    const [key, body] = [newKey(), person()];
    const first = await post('/v1/principals', key, body);
    const other = await post('/v1/principals', key, { ...body, department: 'Finance' });
    expect([other.status, other.body.error.code]).toEqual([422, 'idempotency_mismatch']);
    expect((await post('/v1/principals', key, body)).text).toBe(first.text);
  });

  it('holds a key for one caller, one path, and not for other methods', async () => {
    const [key, body] = [newKey(), person()];
    const first = await post('/v1/principals', key, body);
    const other = await post('/v1/principals', key, body, gateway.issuer.tokenFor({ roles: ['governance.admin'] }));
    expect([other.status, other.body.id === first.body.id, other.headers['idempotent-replayed']]).toEqual([201, false, undefined]);
    const [one, two] = [await make.grant(), await make.grant()];
    expect((await post(`/v1/grants/${one.id}/revoke`, key, { reason: 'Left' })).body.id).toBe(one.id);
    expect((await post(`/v1/grants/${two.id}/revoke`, key, { reason: 'Left' })).body).toMatchObject({ id: two.id, status: 'revoked' });
    const patched = await gateway.http
      .patch(`/v1/principals/${first.body.id as string}`)
      .set({ Authorization: `Bearer ${admin}`, 'Idempotency-Key': key })
      .send({ department: 'Finance' });
    expect([patched.status, patched.body.department]).toEqual([200, 'Finance']);
  });

  it('holds for one path in each of its spellings', async () => {
    const [key, body] = [newKey(), person()];
    const first = await post('/v1/principals', key, body);
    expect((await post('/V1/principals/', key, body)).text).toBe(first.text);
  });

  it('keeps no failure: the same key works once the request does', async () => {
    const [key, externalId] = [newKey(), `x${next()}`];
    const other = await make.principal({ externalId });
    const body = { ...person(), externalId };
    expect((await post('/v1/principals', key, body)).status).toBe(409);
    expect((await post('/v1/principals', key, { ...body, type: 'moon' })).status).toBe(400);
    await gateway.http.patch(`/v1/principals/${other.id}`).set('Authorization', `Bearer ${admin}`).send({ externalId: null });
    const response = await post('/v1/principals', key, body);
    expect([response.status, response.headers['idempotent-replayed']]).toEqual([201, undefined]);
  });

  it('forgets an answer after 24 hours', async () => {
    const [key, body] = [newKey(), person()];
    const first = await post('/v1/principals', key, body);
    const age = (interval: string) =>
      outbox.client.query('UPDATE idempotency_keys SET created_at = now() - $1::interval WHERE key = $2', [interval, key]);
    await age('23 hours 59 minutes');
    expect((await post('/v1/principals', key, body)).body.id).toBe(first.body.id);
    await age('24 hours');
    const anew = await post('/v1/principals', key, { ...body, department: 'Another body too' });
    expect([anew.status, anew.headers['idempotent-replayed']]).toEqual([201, undefined]);
    expect((await post('/v1/principals', key, { ...body, department: 'Another body too' })).body.id).toBe(anew.body.id);
  });

  it('asks for the right to do it at every repeat', async () => {
    const [key, body, oid] = [newKey(), person(), '4c8a2b60-7a53-4d55-9d7e-0f3f4c0b8a11'];
    await post('/v1/principals', key, body, gateway.issuer.tokenFor({ roles: ['governance.admin'], oid }));
    expect((await post('/v1/principals', key, body, gateway.issuer.tokenFor({ roles: ['governance.reader'], oid }))).status).toBe(403);
  });

  it.each([[''], ['two words'], ['k'.repeat(201)], ['naïve']])('answers 400 to the key %j', async (key) => {
    const response = await post('/v1/principals', key, person());
    expect([response.status, response.body.error.details[0].path]).toEqual([400, 'Idempotency-Key']);
  });

  it.each([
    ['a principal, which nothing makes unique', () => Promise.resolve({ path: '/v1/principals', body: person() })],
    [
      'a grant, of which there can be one only',
      async () => {
        const [principal, asset] = [await make.principal(), await make.asset()];
        return { path: '/v1/grants', body: { principalId: principal.id, assetId: asset.id, permission: 'SELECT', privilege: 'read' } };
      },
    ],
  ])('has one effect when 100 equal requests for %s come at once', async (_what, prepare) => {
    const [key, { path, body }] = [newKey(), await prepare()];
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(path, key, body)));
    const created = answers.filter(({ status }) => status === 201);
    const inFlight = answers.filter((answer) => answer.status === 409 && answer.body.error.code === 'idempotency_in_flight');
    expect(created.length).toBeGreaterThan(0);
    expect(created.length + inFlight.length).toBe(100);
    expect(new Set(created.map(({ text }) => text)).size).toBe(1);
    expect(created.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    const { id } = created[0]?.body as Resource;
    expect(await outbox.actions(id)).toHaveLength(1);
    const rows = await outbox.client.query('SELECT FROM principals WHERE display_name = $1', [
      (body as { displayName?: string }).displayName ?? '',
    ]);
    expect(rows.rowCount).toBe(path === '/v1/principals' ? 1 : 0);
  });
});
