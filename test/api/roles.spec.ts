import { readFileSync } from 'node:fs';
import supertest from 'supertest';
import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Method = (typeof METHODS)[number];

interface Operation {
  method: Method;
  path: string;
  id: string;
  tag: string;
}

/** What the document has, whatever roles it declares: those are what is tested. */
function operations(): Operation[] {
  const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as {
    paths: Record<string, Partial<Record<Method, { operationId: string; tags: string[] }>>>;
  };
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method, path, id: operation.operationId, tag: operation.tags[0] ?? '' }] : [];
    }),
  );
}

const ADMIN = 'governance.admin';
const AUDITOR = 'governance.auditor';
const REVIEWER = 'governance.reviewer';
const READER = 'governance.reader';
const CONNECTOR = 'governance.connector:hr';

/** Section 4 of the design, by hand. An operation that it says nothing of yet has to be put here first. */
function allowed({ id, tag, method, path }: Operation): readonly string[] | 'public' | 'any token' {
  if (id === 'getMe') return 'any token';
  // It takes away for ever what the history of a connector's own source holds, too.
  if (id === 'erasePrincipal') return [ADMIN];
  switch (tag) {
    case 'health':
    case 'metrics':
      return 'public';
    case 'principals':
    case 'assets':
    case 'grants':
      return method === 'get' ? [READER, REVIEWER, AUDITOR, CONNECTOR, ADMIN] : [CONNECTOR, ADMIN];
    case 'scores':
      return [READER, REVIEWER, AUDITOR, ADMIN];
    case 'reviews':
      return allowedInReviews(path, method);
    case 'audit':
    case 'reports':
      return [AUDITOR, ADMIN];
    default:
      throw new Error(`Who may call ${id}? Write it into this table, from the design.`);
  }
}

/** Reviewers work in packets, admins run campaigns, auditors read everything, and connectors carry out what was decided. */
function allowedInReviews(path: string, method: Method): readonly string[] {
  if (path.startsWith('/v1/reviews/remediations')) return method === 'get' ? [CONNECTOR, AUDITOR, ADMIN] : [CONNECTOR, ADMIN];
  if (path.startsWith('/v1/reviews/campaigns')) return method === 'get' ? [AUDITOR, ADMIN] : [ADMIN];
  if (method === 'get') return [REVIEWER, AUDITOR, ADMIN];
  // Also where only an admin may do it: to a reviewer a packet is there or not, and theirs is refused by the packet (foreign-packet.spec.ts).
  return path.startsWith('/v1/reviews/{id}') ? [REVIEWER, ADMIN] : [ADMIN];
}

/** Role claims that are none of ours, or not quite. */
const NO_ROLES: [what: string, roles: unknown][] = [
  ['no roles', undefined],
  ['an empty list of roles', []],
  ['a role of somebody else', ['reader']],
  ['the name of connectors without a source', ['governance.connector']],
  ['a connector of no source', ['governance.connector:']],
  ['a role in capitals', ['GOVERNANCE.ADMIN']],
  ['a role with something after it', ['governance.admins', 'governance.admin:hr', 'governance.reader ']],
];

describe('roles', () => {
  let gateway: TestGateway;
  const tokens = new Map<string, { role: string; token: string }>();

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    for (const role of [READER, REVIEWER, AUDITOR, CONNECTOR, ADMIN]) {
      tokens.set(`a person with ${role}`, { role, token: gateway.issuer.tokenFor({ roles: [role] }) });
      tokens.set(`an application with ${role}`, { role, token: gateway.issuer.tokenFor({ roles: [role], app: true }) });
    }
    for (const [what, roles] of NO_ROLES) tokens.set(what, { role: 'none', token: gateway.issuer.token({ claims: { roles } }) });
  });

  afterAll(() => gateway.close());

  const call = ({ method, path }: Operation, token?: string) => {
    const request = gateway.http[method](path.replace(/\{\w+\}/g, NOBODY));
    if (token !== undefined) request.set('Authorization', `Bearer ${token}`);
    return method === 'get' || method === 'delete' ? request : request.send({});
  };

  const OPERATIONS = operations();

  it.each(OPERATIONS)('$id asks for a token, or is one of the few that do not', async (operation) => {
    const response = await call(operation);
    if (allowed(operation) === 'public') expect([200, 503]).toContain(response.status);
    else {
      expect([response.status, response.body.error.code]).toEqual([401, 'unauthenticated']);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="api"');
    }
  });

  it.each(OPERATIONS)('$id lets in whom the design names, and nobody else', async (operation) => {
    const expected = allowed(operation);
    if (expected === 'public') return;
    const code = (body: unknown): string | undefined => (body as { error?: { code: string } }).error?.code;
    await Promise.all(
      [...tokens].map(async ([who, { role, token }]) => {
        const { status, body } = await call(operation, token);
        if (expected === 'any token' || expected.includes(role))
          expect([who, status, [401, 403].includes(status)]).toEqual([who, status, false]);
        else expect([who, status, code(body)]).toEqual([who, 403, 'forbidden']);
      }),
    );
  });

  it('are asked for before anything is said of what an operation takes', async () => {
    const reader = gateway.issuer.tokenFor({ roles: [READER] });
    const send = (token?: string) => {
      const request = gateway.http.post('/v1/principals?colour=red').send({ type: 'moon' });
      return token === undefined ? request : request.set('Authorization', `Bearer ${token}`);
    };
    expect((await send(reader)).status).toBe(403);
    expect((await send()).status).toBe(401);
  });

  it('add up: a caller has what each of its roles gives', async () => {
    const both = gateway.issuer.tokenFor({ roles: ['something.else', READER, CONNECTOR] });
    expect((await gateway.http.get('/v1/scores').set('Authorization', `Bearer ${both}`)).status).toBe(200);
    const created = await gateway.http
      .post('/v1/assets')
      .set('Authorization', `Bearer ${both}`)
      .send({ type: 'table', name: 't', source: 'hr' });
    expect(created.status).toBe(201);
  });
});

describe('a connector', () => {
  let gateway: TestGateway;
  let own: Record<'user' | 'group' | 'asset' | 'grant', Resource>;
  let foreign: typeof own;

  const as = (...roles: string[]) => supertest.agent(gateway.url).set('Authorization', `Bearer ${gateway.issuer.tokenFor({ roles })}`);

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    const make = factories(as(ADMIN));
    const world = async (source: string): Promise<typeof own> => {
      const [user, group, asset] = [await make.principal({ source }), await make.group({ source }), await make.asset({ source })];
      await make.member(group.id, user.id);
      return { user, group, asset, grant: await make.grant({ principalId: group.id, assetId: asset.id }) };
    };
    own = await world('hr');
    foreign = await world('crm');
    await make.grant({ principalId: own.user.id, assetId: foreign.asset.id });
  });

  afterAll(() => gateway.close());

  const ids = async (http: ReturnType<typeof as>, path: string, query: object = {}): Promise<string[]> =>
    ((await http.get(path).query(query)).body.items as Resource[]).map(({ id }) => id);

  it('sees its own source in every list, and nothing of another by any filter', async () => {
    const http = as('governance.connector:hr');
    expect(await ids(http, '/v1/principals')).toEqual([own.user.id, own.group.id].sort());
    expect(await ids(http, '/v1/assets')).toEqual([own.asset.id]);
    expect(await ids(http, '/v1/grants')).toEqual([own.grant.id]);
    for (const path of ['/v1/principals', '/v1/assets', '/v1/grants']) expect(await ids(http, path, { source: 'crm' })).toEqual([]);
    expect(await ids(http, '/v1/grants', { assetId: foreign.asset.id })).toEqual([]);
  });

  it('finds nothing of another source, as if it did not exist', async () => {
    const http = as('governance.connector:hr');
    const { user, group, asset, grant } = foreign;
    const requests = [
      http.get(`/v1/principals/${user.id}`),
      http.get(`/v1/principals/${user.id}/access`),
      http.get(`/v1/principals/${user.id}/groups`),
      http.get(`/v1/principals/${group.id}/members`),
      http.get(`/v1/assets/${asset.id}`),
      http.get(`/v1/assets/${asset.id}/access`),
      http.get(`/v1/grants/${grant.id}`),
      http.patch(`/v1/principals/${user.id}`).send({ department: 'Mine' }),
      http.patch(`/v1/assets/${asset.id}`).send({ name: 'mine' }),
      http.patch(`/v1/grants/${grant.id}`).send({ justification: 'Mine' }),
      http.delete(`/v1/principals/${user.id}`),
      http.delete(`/v1/assets/${asset.id}`),
      http.delete(`/v1/grants/${grant.id}`),
      http.post(`/v1/grants/${grant.id}/revoke`).send({ reason: 'Mine' }),
      http.put(`/v1/principals/${group.id}/members/${own.user.id}`),
      http.delete(`/v1/principals/${group.id}/members/${user.id}`),
    ];
    for (const request of requests) {
      const { status, body } = await request;
      expect([request.method, request.url.replace(gateway.url, ''), status, body.error?.code]).toEqual([
        ...[request.method, request.url.replace(gateway.url, ''), 404, 'not_found'],
      ]);
    }
    const after = as(ADMIN);
    for (const [path, before] of [
      ['principals', user],
      ['assets', asset],
      ['grants', grant],
    ] as const)
      expect((await after.get(`/v1/${path}/${before.id}`)).body).toEqual(before);
  });

  it('may not create anything in another source, nor without naming its own', async () => {
    const http = as('governance.connector:hr');
    const bodies: [string, object][] = [
      ['/v1/principals', { type: 'user', displayName: 'Mine', source: 'crm' }],
      ['/v1/principals', { type: 'user', displayName: 'Mine', source: 'HR' }],
      ['/v1/principals', { type: 'user', displayName: 'Mine' }],
      ['/v1/principals', { type: 'user', displayName: 'Me', source: 'entra', externalId: 'somebody' }],
      ['/v1/assets', { type: 'table', name: 'mine', source: 'crm' }],
      ['/v1/assets', { type: 'table', name: 'mine' }],
      ['/v1/grants', { principalId: own.user.id, assetId: foreign.asset.id, permission: 'INSERT', privilege: 'write' }],
    ];
    for (const [path, body] of bodies) {
      const response = await http.post(path).send(body);
      expect([path, response.status, response.body.error?.code]).toEqual([path, 403, 'forbidden']);
    }
  });

  it('reads and writes its own source', async () => {
    const http = as('governance.connector:ops');
    const make = factories(http);
    const [user, group, asset] = [
      await make.principal({ source: 'ops' }),
      await make.group({ source: 'ops' }),
      await make.asset({ source: 'ops' }),
    ];
    await make.member(group.id, user.id);
    const grant = await make.grant({ principalId: group.id, assetId: asset.id });
    expect((await http.patch(`/v1/principals/${user.id}`).send({ department: 'Ops' })).status).toBe(200);
    expect((await http.patch(`/v1/assets/${asset.id}`).send({ name: 'renamed' })).status).toBe(200);
    expect((await http.get(`/v1/principals/${user.id}/access`)).body.items).toMatchObject([{ grantId: grant.id }]);
    expect((await http.get(`/v1/assets/${asset.id}/access`)).body.items).toHaveLength(2);
    expect((await http.post(`/v1/grants/${grant.id}/revoke`).send({ reason: 'Gone' })).status).toBe(200);
    expect((await http.delete(`/v1/principals/${group.id}/members/${user.id}`)).status).toBe(204);
    for (const path of [`/v1/assets/${asset.id}`, `/v1/principals/${group.id}`, `/v1/principals/${user.id}`])
      expect((await http.delete(path)).status).toBe(204);
  });

  it('sees of what its principals reach the grants of its own source alone', async () => {
    const mine = (await as('governance.connector:hr').get(`/v1/principals/${own.user.id}/access`)).body.items as { grantId: string }[];
    expect(mine.map(({ grantId }) => grantId)).toEqual([own.grant.id]);
    expect((await as(ADMIN).get(`/v1/principals/${own.user.id}/access`)).body.items).toHaveLength(2);
  });

  it('of two sources has both; one that is a reader too reads everything and writes its own', async () => {
    expect(await ids(as('governance.connector:hr', 'governance.connector:crm'), '/v1/assets')).toEqual(
      [own.asset.id, foreign.asset.id].sort(),
    );
    const reader = as('governance.connector:hr', READER);
    expect(await ids(reader, '/v1/assets')).toEqual(expect.arrayContaining([own.asset.id, foreign.asset.id]));
    expect((await reader.get(`/v1/grants/${foreign.grant.id}`)).status).toBe(200);
    expect((await reader.patch(`/v1/grants/${foreign.grant.id}`).send({ justification: 'Mine' })).status).toBe(404);
    expect((await reader.post('/v1/assets').send({ type: 'table', name: 't', source: 'crm' })).status).toBe(403);
  });

  it('takes a source by its very name, whatever characters it has', async () => {
    const http = as('governance.connector:a:b%_*');
    const asset = await factories(http).asset({ source: 'a:b%_*' });
    expect(await ids(http, '/v1/assets')).toEqual([asset.id]);
    expect((await http.post('/v1/assets').send({ type: 'table', name: 't', source: 'a:bXYZ' })).status).toBe(403);
    expect(await ids(as('governance.connector:a'), '/v1/assets')).toEqual([]);
  });
});
