import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { detailPaths } from './detail-paths.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('POST /v1/grants', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;
  let outbox: Outbox;

  beforeAll(async () => {
    gateway = await startTestGateway();
    make = factories(gateway.http);
    outbox = await Outbox.open(gateway.database.url);
  });

  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  const post = (body: object) => gateway.http.post('/v1/grants').send(body);
  async function valid(fields: object = {}): Promise<Record<string, unknown>> {
    return {
      principalId: (await make.principal()).id,
      assetId: (await make.asset()).id,
      permission: 'SELECT',
      privilege: 'read',
      ...fields,
    };
  }

  it('answers 201 with the grant, its address and its version', async () => {
    const principal = await make.principal({ displayName: 'Ann' });
    const asset = await make.asset({ name: 'finance.ledger' });
    const response = await gateway.http
      .post('/v1/grants')
      .send({ principalId: principal.id, assetId: asset.id, permission: 'SELECT', privilege: 'read' });
    expect(response.status).toBe(201);
    expect(response.headers['location']).toBe(`/v1/grants/${response.body.id}`);
    expect(response.headers['etag']).toBe('"1"');
    expect(response.body).toMatchObject({
      principalName: 'Ann',
      assetName: 'finance.ledger',
      status: 'active',
      grantedBy: { id: 'dev' },
      version: 1,
    });
  });

  it('answers 409 when the same access is granted already', async () => {
    const grant = await make.grant();
    const response = await gateway.http
      .post('/v1/grants')
      .send({ principalId: grant['principalId'], assetId: grant['assetId'], permission: 'SELECT', privilege: 'read' });
    expect(response.status).toBe(409);
    expect(response.body.error.code).toBe('duplicate');
  });

  it('lets a new grant follow one that has expired, although nothing has noticed the expiry', async () => {
    const expired = await make.grant({ grantedAt: '2025-01-01T00:00:00.000Z', expiresAt: '2025-02-01T00:00:00.000Z' });
    const again = await make.grant({ principalId: expired['principalId'] as string, assetId: expired['assetId'] as string });
    expect(again['status']).toBe('active');
  });

  it('names what does not exist by its path', async () => {
    const principal = await post(await valid({ principalId: NOBODY }));
    expect(principal.status).toBe(400);
    expect(principal.body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'principalId' }] });
    const asset = await post(await valid({ assetId: NOBODY }));
    expect(asset.body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'assetId' }] });
  });

  it('answers with every member of a grant, and nothing else', async () => {
    const body = await valid({ expiresAt: '2090-01-01T00:00:00Z', justification: 'Quarterly close' });
    const response = await post(body);
    const [principal, asset] = [
      (await gateway.http.get(`/v1/principals/${String(body['principalId'])}`)).body as Record<string, unknown>,
      (await gateway.http.get(`/v1/assets/${String(body['assetId'])}`)).body as Record<string, unknown>,
    ];
    expect(response.body).toEqual({
      ...body,
      id: expect.any(String),
      principalName: principal['displayName'],
      assetName: asset['name'],
      source: 'manual',
      status: 'active',
      grantedAt: response.body.createdAt,
      grantedBy: { id: 'dev', type: 'user', principalId: null },
      expiresAt: '2090-01-01T00:00:00.000Z',
      lastUsedAt: null,
      revokedAt: null,
      revokedBy: null,
      revokeReason: null,
      restoresGrantId: null,
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: response.body.createdAt,
      version: 1,
    });
  });

  it('has the source of its asset, whatever the source of its principal', async () => {
    const response = await post(
      await valid({ principalId: (await make.principal({ source: 'hr' })).id, assetId: (await make.asset({ source: 'warehouse' })).id }),
    );
    expect(response.body.source).toBe('warehouse');
  });

  it('tells another permission, another asset and another principal from the one that is granted', async () => {
    const first = await valid();
    expect((await post(first)).status).toBe(201);
    expect((await post({ ...first, permission: 'select' })).status).toBe(201);
    expect((await post({ ...first, assetId: (await make.asset()).id })).status).toBe(201);
    expect((await post({ ...first, principalId: (await make.principal()).id })).status).toBe(201);
    expect((await post({ ...first, privilege: 'admin' })).status).toBe(409);
  });

  it('answers one 201 and 409 to the rest when the same access is granted 100 times at once', async () => {
    const body = await valid();
    const statuses = (await Promise.all(Array.from({ length: 100 }, () => post(body)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(99);
  });

  it('lets a new grant follow one that was revoked', async () => {
    const body = await valid();
    const first = await post(body);
    await gateway.http.delete(`/v1/grants/${first.body.id as string}`);
    const second = await post(body);
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
  });

  it('takes a grant that was given in the past, and one that has run out already', async () => {
    const imported = await post(await valid({ grantedAt: '2020-01-01T00:00:00.000Z', expiresAt: '2021-01-01T00:00:00.000Z' }));
    expect([imported.status, imported.body.status]).toEqual([201, 'expired']);
    const { principalId, assetId } = imported.body as Record<string, unknown>;
    expect((await post(await valid({ principalId, assetId }))).status).toBe(201);
  });

  it.each([
    ['grantedAt', { grantedAt: '2090-01-01T00:00:00.000Z' }],
    ['expiresAt', { grantedAt: '2025-01-01T00:00:00.000Z', expiresAt: '2025-01-01T00:00:00.000Z' }],
    ['expiresAt', { expiresAt: '2020-01-01T00:00:00.000Z' }],
  ])('refuses a %s that breaks its rule: %j', async (path, fields) => {
    const response = await post(await valid(fields));
    expect(response.status).toBe(400);
    expect(response.body.error).toMatchObject({ code: 'business_rule', details: [{ path }] });
  });

  it('gives no access to a principal that is deactivated or on an asset that is retired, but to one that is suspended', async () => {
    const ended = await valid();
    await gateway.http.delete(`/v1/principals/${String(ended['principalId'])}`);
    expect((await post(ended)).body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'principalId' }] });
    const retired = await valid();
    await gateway.http.delete(`/v1/assets/${String(retired['assetId'])}`);
    expect((await post(retired)).body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'assetId' }] });
    const suspended = await valid();
    await gateway.http.patch(`/v1/principals/${String(suspended['principalId'])}`).send({ status: 'suspended' });
    expect((await post(suspended)).status).toBe(201);
  });

  it('names everything that is missing, unknown or not of its form', async () => {
    const response = await post({ principalId: 'x', privilege: 'own', permission: '', grantedAt: null, status: 'active', revokedAt: null });
    expect(response.status).toBe(400);
    expect(detailPaths(response)).toEqual(['assetId', 'grantedAt', 'permission', 'principalId', 'privilege', 'revokedAt', 'status']);
  });

  it('tells of the grant in one event with what it gives to whom', async () => {
    const body = await valid({ justification: 'Quarterly close' });
    const { id } = (await post(body)).body as { id: string };
    const [event, ...others] = await outbox.of(id);
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      action: 'grant.created',
      actor: { id: 'dev', type: 'user', principalId: null },
      resource: { type: 'grant', id },
      before: null,
      after: { ...body, source: 'manual', status: 'active' },
    });
  });
});
