import { randomUUID } from 'node:crypto';
import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

describe('GET /v1/me', () => {
  let gateway: TestGateway;
  let admin: string;
  let make: ReturnType<typeof factories>;

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    admin = gateway.issuer.tokenFor({ roles: ['governance.admin'] });
    make = factories(gateway.http, admin);
  });

  afterAll(() => gateway.close());

  const me = (token: string) => gateway.http.get('/v1/me').set('Authorization', `Bearer ${token}`);

  it('answers the caller with every role of its token and no principal, where none is known', async () => {
    const oid = randomUUID();
    const roles = ['governance.reader', 'governance.connector:hr', 'somebody.elses.role'];
    const response = await me(gateway.issuer.tokenFor({ roles, oid }));
    expect([response.status, response.body]).toEqual([
      200,
      { actor: { id: oid, type: 'user', principalId: null }, roles, principal: null },
    ]);
  });

  it('lets in a caller without any role, and tells an application from a person', async () => {
    const oid = randomUUID();
    const person = await me(gateway.issuer.token({ claims: { roles: undefined, oid } }));
    expect([person.status, person.body.roles]).toEqual([200, []]);
    const app = await me(gateway.issuer.tokenFor({ roles: ['governance.reader'], oid, app: true }));
    expect(app.body.actor).toMatchObject({ id: oid, type: 'app' });
  });

  it("finds the principal whose external id in entra is the caller's object id", async () => {
    const oid = randomUUID();
    const principal = await make.principal({ source: 'entra', externalId: oid });
    const { body } = await me(gateway.issuer.tokenFor({ roles: [], oid }));
    expect(body).toMatchObject({ actor: { id: oid, principalId: principal.id }, principal });
  });

  it('does not take the principal of another source for the caller, whatever its external id', async () => {
    const oid = randomUUID();
    const connector = gateway.issuer.tokenFor({ roles: ['governance.connector:hr'] });
    const principal = await factories(gateway.http, connector).principal({ source: 'hr', externalId: oid });
    const { body } = await me(gateway.issuer.tokenFor({ roles: [], oid }));
    expect(body).toMatchObject({ actor: { principalId: null }, principal: null });
    expect(principal['externalId']).toBe(oid);
  });

  it('names the caller in its events by its object id, and by its principal as soon as there is one', async () => {
    const oid = randomUUID();
    const token = gateway.issuer.tokenFor({ roles: ['governance.admin'], oid });
    const before = await factories(gateway.http, token).asset();
    const principal = await make.principal({ source: 'entra', externalId: oid });
    const after = await factories(gateway.http, token).grant({ principalId: principal.id });
    expect(after['grantedBy']).toEqual({ id: oid, type: 'user', principalId: principal.id });
    const outbox = await Outbox.open(gateway.database.url);
    expect((await outbox.of(before.id))[0]?.actor).toEqual({ id: oid, type: 'user', principalId: null });
    expect((await outbox.of(after.id))[0]?.actor).toEqual({ id: oid, type: 'user', principalId: principal.id });
    await outbox.close();
  });

  it('answers 401 without a token', async () => {
    const response = await gateway.http.get('/v1/me');
    expect([response.status, response.headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Bearer/)]);
  });
});

describe('GET /v1/me in dev mode', () => {
  it('answers the dev user with every role', async () => {
    const gateway = await startTestGateway();
    const { body } = await gateway.http.get('/v1/me');
    await gateway.close();
    expect(body).toEqual({
      actor: { id: 'dev', type: 'user', principalId: null },
      roles: ['governance.reader', 'governance.reviewer', 'governance.auditor', 'governance.admin'],
      principal: null,
    });
  });
});
