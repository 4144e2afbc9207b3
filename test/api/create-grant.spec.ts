import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

describe('POST /v1/grants', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;

  beforeAll(async () => {
    gateway = await startTestGateway();
    make = factories(gateway.http);
  });

  afterAll(() => gateway.close());

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
    const nobody = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
    const response = await gateway.http
      .post('/v1/grants')
      .send({ principalId: nobody, assetId: nobody, permission: 'SELECT', privilege: 'read' });
    expect(response.status).toBe(400);
    expect(response.body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'principalId' }] });
  });
});
