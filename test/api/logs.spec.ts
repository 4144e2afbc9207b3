import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import supertest from 'supertest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { TestIssuer } from '../support/test-issuer.js';
import { Outbox } from './outbox.js';
import { exchange } from './raw-http.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
/** Stands in everything that must not be logged. */
const MARK = 'Xyzzyplugh';

interface RequestLine {
  level: string;
  time: string;
  msg: string;
  requestId: string;
  traceId: string;
  caller: string | null;
  method: string;
  route: string;
  status: number;
  durationMs: number;
}

describe('the log', () => {
  let database: TestDatabase;
  let issuer: TestIssuer;
  let child: ChildProcess;
  let url = '';
  let output = '';
  const oid = '4c8a2b60-7a53-4d55-9d7e-0f3f4c0b8a11';

  beforeAll(async () => {
    [database, issuer] = [await createTestDatabase(), await TestIssuer.start()];
    child = spawn(process.execPath, ['--enable-source-maps', 'dist/apps/gateway/src/main.js'], {
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        ...{ API_HOST: '127.0.0.1', API_PORT: '0', API_DRAIN_SECONDS: '0', API_LOG_LEVEL: 'DEBUG' },
        ...{
          API_DATABASE_URL: database.url,
          API_CLICKHOUSE_URL: `http://reader:${MARK}@127.0.0.1:9/none`,
          API_KAFKA_BOOTSTRAP: 'in-process',
        },
        ...issuer.environment,
      },
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    url = await eventually(() => {
      const [, address] = /"url":"(http:[^"]+)"/.exec(output) ?? [];
      if (child.exitCode !== null || address === undefined) throw new Error(`The gateway does not listen: ${output}`);
      return address;
    }, 20_000);
  });

  afterAll(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
    await issuer.close();
    await database.drop();
  });

  const lines = (): Record<string, unknown>[] =>
    output
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const requestLines = (requestId: string): RequestLine[] =>
    lines().filter((line) => line['msg'] === 'request' && line['requestId'] === requestId) as unknown as RequestLine[];
  const admin = (): string => issuer.tokenFor({ roles: ['governance.admin'], oid });
  const logged = (requestId: string): Promise<RequestLine[]> =>
    eventually(() => {
      const found = requestLines(requestId);
      return found.length > 0 && found;
    }) as Promise<RequestLine[]>;

  it('has one JSON line for each request, with everything that an operator asks for', async () => {
    const traceId = 'a'.repeat(31) + 'b';
    const http = supertest(url);
    await http
      .get(`/v1/principals/${NOBODY}?`)
      .set({ Authorization: `Bearer ${admin()}`, 'X-Request-Id': 'one-line', traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    const found = await logged('one-line');
    expect(found).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        msg: 'request',
        requestId: 'one-line',
        traceId,
        caller: oid,
        method: 'GET',
        route: '/v1/principals/{id}',
        status: 404,
        durationMs: expect.any(Number),
      },
    ]);
    await http.get('/v1/health/live').set('X-Request-Id', 'no-caller');
    expect(await logged('no-caller')).toMatchObject([{ caller: null, route: '/v1/health/live', status: 200 }]);
    await http.get('/v1/nothing').set('X-Request-Id', 'no-route');
    expect(await logged('no-route')).toMatchObject([{ caller: null, route: 'unmatched', status: 404 }]);
    await http.get('/v1/grants').set('X-Request-Id', 'no-token');
    expect(await logged('no-token')).toMatchObject([{ caller: null, route: '/v1/grants', status: 401 }]);
    await http
      .get('/v1/audit')
      .set({ 'X-Request-Id': 'no-role', Authorization: `Bearer ${issuer.tokenFor({ roles: ['governance.reader'], oid })}` });
    expect(await logged('no-role')).toMatchObject([{ caller: oid, route: '/v1/audit', status: 403 }]);
  });

  it('holds no token, secret, name, address or anything else that a request carried, whatever became of it', async () => {
    const token = admin();
    const http = supertest
      .agent(url)
      .set({ Authorization: `Bearer ${token}`, 'User-Agent': MARK, Cookie: `session=${MARK}`, 'X-Custom': MARK });
    const personal = {
      displayName: `${MARK} Smith`,
      email: `${MARK}@example.com`,
      externalId: MARK,
      attributes: { [MARK]: MARK },
      department: MARK,
    };
    const created = await http
      .post('/v1/principals')
      .set('Idempotency-Key', MARK)
      .send({ type: 'user', ...personal });
    const { id } = created.body as { id: string };
    const asset = (await http.post('/v1/assets').send({ type: 'table', name: MARK, externalId: MARK, tags: [MARK] })).body as {
      id: string;
    };
    const grant = (
      await http.post('/v1/grants').send({ principalId: id, assetId: asset.id, permission: MARK, privilege: 'read', justification: MARK })
    ).body as { id: string };
    const statuses = [created.status];
    const requests = [
      () => http.post('/v1/principals').send({ type: 'user', ...personal }),
      () => http.post('/v1/principals').set('Idempotency-Key', MARK).send({ type: 'group', displayName: MARK }),
      () => http.post('/v1/principals').send({ type: MARK, [MARK]: MARK, managerId: MARK }),
      () => http.post('/v1/principals').set('Content-Type', 'application/json').send(`{"displayName": "${MARK}" oops`),
      () => http.post('/v1/principals').set('Content-Type', MARK).send(MARK),
      () =>
        http
          .patch(`/v1/principals/${id}`)
          .set('If-Match', `"${MARK}"`)
          .send({ email: `${MARK}2@example.com` }),
      () => http.patch(`/v1/principals/${id}`).set('If-Match', MARK).send({}),
      () => http.get('/v1/principals').query({ q: MARK, externalId: MARK }),
      () => http.get('/v1/principals').query({ cursor: MARK }),
      () => http.get('/v1/principals').query({ [MARK]: MARK, access_token: token }),
      () => http.get(`/v1/principals/${MARK}`),
      () => http.get(`/v1/${MARK}?${MARK}=${MARK}`),
      () => http.get('/v1/me').set({ 'X-Request-Id': `${MARK} unfit`, traceparent: MARK }),
      () => http.get('/v1/me').set('Authorization', `Bearer ${MARK}`),
      () => http.get('/v1/me').set('Authorization', `Bearer ${issuer.token({ claims: { name: MARK, aud: MARK } })}`),
      () => http.get('/v1/me').set('Authorization', `Bearer ${token.slice(0, -4)}AAAA`),
      () =>
        http
          .get('/v1/me')
          .set(
            'Authorization',
            `Bearer ${issuer.sign(Buffer.from('{"alg":"RS256"').toString('base64url'), Buffer.from(`{"sub":"${MARK}`).toString('base64url'))}`,
          ),
      () => http.get('/v1/me').set('Authorization', `Basic ${Buffer.from(`${MARK}:${MARK}`).toString('base64')}`),
      () => http.post(`/v1/grants/${grant.id}/revoke`).send({ reason: MARK }),
      () => http.get('/v1/health'),
      () => http.get('/v1/audit').query({ actorId: MARK }),
      () => http.post(`/v1/principals/${id}/erase`),
    ];
    for (const request of requests) statuses.push((await request()).status);
    await exchange(url, `GET /v1/me?${MARK} HTTP/1.1\r\nHost: ${MARK}\r\n${MARK}\r\n\r\n`);

    const outbox = await Outbox.open(database.url);
    for (const change of [
      `ADD CONSTRAINT crash CHECK (display_name <> '${MARK} Crash')`,
      `DROP CONSTRAINT crash, ALTER email TYPE varchar(9)`,
    ]) {
      await outbox.client
        .query(`ALTER TABLE principals ${change}`)
        .catch(() => outbox.client.query('ALTER TABLE principals DROP CONSTRAINT crash'));
      const crashed = await http.post('/v1/principals').send({ type: 'user', displayName: `${MARK} Crash`, email: `${MARK}@example.com` });
      statuses.push(crashed.status);
    }
    await outbox.close();
    await http.get('/v1/me').set('X-Request-Id', 'last-of-all');
    await logged('last-of-all');

    expect(new Set(statuses)).toEqual(new Set([200, 201, 400, 401, 404, 409, 415, 422, 500, 503]));
    expect(output.split('\n').filter((line) => line.toLowerCase().includes(MARK.toLowerCase()))).toEqual([]);
    const secrets = [token, token.split('.')[2] ?? '', Buffer.from(MARK).toString('base64').slice(0, 12), new URL(database.url).password];
    for (const secret of secrets) expect(output.includes(secret)).toBe(false);
  });

  it('is JSON in every line, of what goes wrong too, and says of a crash where it happened', () => {
    for (const line of lines())
      expect(line).toMatchObject({ level: expect.stringMatching(/^(debug|info|warn|error)$/), time: expect.any(String) });
  });
});
