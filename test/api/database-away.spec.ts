import pg from 'pg';
import supertest from 'supertest';
import { migrate, migrateDown } from '#libs/database/migrate.js';
import { eventually } from '../support/eventually.js';
import { factories } from '../support/factories.js';
import { GatewayProcess } from '../support/gateway.js';
import { PostgresServer } from '../support/postgres-server.js';
import { TestIssuer } from '../support/test-issuer.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const RECOVERY_MS = 5_000;

describe('a gateway whose PostgreSQL is away', () => {
  let server: PostgresServer;
  let issuer: TestIssuer;
  let token: string;
  const running: GatewayProcess[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
    issuer = await TestIssuer.start();
    token = issuer.tokenFor({ roles: ['governance.admin'] });
    await migrate(server.url());
  });

  afterAll(async () => {
    for (const gateway of running) await gateway.stop();
    await issuer.close();
    await server.remove();
  });

  async function start(database = 'postgres'): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.start({
      API_DATABASE_URL: server.url(database),
      API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none',
      API_KAFKA_BOOTSTRAP: 'in-process',
      ...issuer.environment,
    });
    running.push(gateway);
    return gateway;
  }

  const as = (gateway: GatewayProcess) => supertest.agent(gateway.url).set('Authorization', `Bearer ${token}`);

  async function expectAway(gateway: GatewayProcess): Promise<void> {
    const http = as(gateway);
    const answers = await Promise.all([
      http.get('/v1/me'),
      http.get('/v1/principals'),
      http.get(`/v1/principals/${NOBODY}`),
      http.get(`/v1/principals/${NOBODY}/access`),
      http.get(`/v1/assets/${NOBODY}/access`),
      http.post('/v1/principals').send({ type: 'user', displayName: 'Ann' }),
      http.post('/v1/assets').set('Idempotency-Key', 'away').send({ type: 'table', name: 't' }),
      http.patch(`/v1/grants/${NOBODY}`).send({ justification: 'x' }),
      http.put(`/v1/principals/${NOBODY}/members/${NOBODY}`),
      http.delete(`/v1/grants/${NOBODY}`),
    ]);
    for (const { status, headers, body } of answers) {
      expect([status, body.error.code, headers['retry-after']]).toEqual([503, 'unavailable', '5']);
      expect(JSON.stringify(body)).not.toMatch(/postgres|127\.0\.0\.1|ECONN|terminat/i);
    }
    for (const path of ['/v1/health', '/v1/health/serving']) {
      const { status, body } = await http.get(path);
      expect([status, body.status, body.details.postgresql.status]).toEqual([503, 'error', 'down']);
    }
    expect((await http.get('/v1/health/live')).status).toBe(200);
    expect((await http.get('/v1/metrics')).status).toBe(200);
    expect((await http.get('/v1/nothing')).status).toBe(404);
  }

  const serves = (gateway: GatewayProcess): Promise<boolean> =>
    eventually(async () => (await as(gateway).get('/v1/health/serving')).status === 200, RECOVERY_MS);

  it('starts, says that it is not ready, answers 503, and serves within 5 s once it is there, without a restart', async () => {
    await server.stop();
    const gateway = await start();
    await expectAway(gateway);
    await server.restart();
    await serves(gateway);
    await factories(as(gateway)).grant();
    expect((await as(gateway).get('/v1/me')).status).toBe(200);
  });

  it('answers 503 while it is stopped under it, and serves again within 5 s of its return', async () => {
    const gateway = await start();
    await serves(gateway);
    const { id } = await factories(as(gateway)).principal();
    await server.stop();
    await expectAway(gateway);
    await server.restart();
    await serves(gateway);
    expect((await as(gateway).get(`/v1/principals/${id}`)).status).toBe(200);
    await factories(as(gateway)).grant();
  });

  it('is not ready and says why while the schema is behind, and is as soon as it is migrated', async () => {
    const client = new pg.Client({ connectionString: server.url() });
    await client.connect();
    await client.query('CREATE DATABASE behind');
    await client.end();
    const gateway = await start('behind');
    const why = async (path: string): Promise<[number, string]> => {
      const { status, body } = await as(gateway).get(path);
      return [status, (body as { details: { postgresql: { message: string } } }).details.postgresql.message];
    };
    for (const path of ['/v1/health', '/v1/health/serving']) {
      expect(await why(path)).toEqual([
        503,
        expect.stringMatching(/schema is behind by \d+ migration\(s\), from Principals1764000000001 on/),
      ]);
    }
    await migrate(server.url('behind'));
    await serves(gateway);
    await migrateDown(server.url('behind'));
    expect(await why('/v1/health/serving')).toEqual([503, expect.stringContaining('behind by 1 migration(s)')]);
    expect((await as(gateway).get('/v1/health/live')).status).toBe(200);
  });
});
