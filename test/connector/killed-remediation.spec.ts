import pg from 'pg';
import { scaled } from '../support/scale.js';
import { ConnectorProcess } from './connector-process.js';
import { Decisions } from './decisions.js';
import { GatewayProxy } from './gateway-proxy.js';
import { Landscape } from './landscape.js';
import { differences } from './oracle.js';
import { right, rights } from './rights.js';
import { Random } from './role-graph.js';

const ROLES = 8;
const TABLES = 3;

let landscape: Landscape;
let decisions: Decisions;
let client: pg.Client;

beforeAll(async () => {
  landscape = await Landscape.start();
  decisions = await Decisions.begin(landscape);
  ({ client } = landscape);
}, 60_000);

afterAll(() => landscape.stop());

const roles = Array.from({ length: ROLES }, (_, index) => `role${index}`);
const tables = Array.from({ length: TABLES }, (_, index) => `table${index}`);

describe('a connector that is killed while it applies revocations', () => {
  it.each(Array.from({ length: scaled(50) }, (_, index) => 30_001 + index))(
    'loses none, doubles none and reports none wrongly, whenever that is: %i',
    async (seed) => {
      const random = new Random(seed);
      const source = `killed-${seed}`;
      await client.query(`${roles.map((role) => `CREATE ROLE ${role} LOGIN`).join(';')}; CREATE ROLE staff`);
      await client.query(
        tables.map((table) => `CREATE TABLE ${table} (id int); GRANT SELECT, UPDATE ON ${table} TO ${roles.join(', ')}`).join(';'),
      );
      const proxy = await GatewayProxy.start(landscape.gateway.url);
      try {
        // Two of the roles reach one table by another path as well.
        await client.query('GRANT SELECT ON table0 TO staff; GRANT staff TO role0, role1');
        await landscape.synchronise(source);
        const principals = await landscape.list(source, `/v1/principals?source=${source}`);
        const assets = await landscape.list(source, `/v1/assets?source=${source}`);
        const name = (id: string): string => [...principals, ...assets].find((each) => each.id === id)!.displayName;
        const grants = (await landscape.list(source, `/v1/grants?source=${source}&status=active&permission=SELECT`)).filter((grant) =>
          roles.includes(name(grant.principalId)),
        );
        const chosen = random.some(grants, grants.length);
        // Some are gone before anybody begins.
        const before = await rights(client);
        const tableOf = (id: string): string => assets.find((asset) => asset.id === id)!.name;
        const made = await decisions.revoke(chosen.map(({ id }) => id));
        const gone = chosen.filter(() => random.chance(0.2));
        for (const { principalId, assetId } of gone) await client.query(`REVOKE SELECT ON ${tableOf(assetId)} FROM ${name(principalId)}`);

        const variables = landscape.variables(source, { CONNECTOR_GATEWAY_URL: proxy.url, CONNECTOR_APPLY: 'on' });
        for (let kills = 0; kills < 3; kills += 1) {
          const connector = ConnectorProcess.start(variables);
          proxy.cutAt(random.integer(1, 1 + 2 * chosen.length), random.chance(0.5), () => connector.kill('SIGKILL'));
          await connector.end();
        }
        expect(await landscape.synchronise(source, { CONNECTOR_APPLY: 'on' })).toMatchObject({ remediations: { open: 0 } });

        const told = await decisions.remediations(made.map(({ id }) => id));
        for (const one of chosen) {
          const [role, table] = [name(one.principalId), tableOf(one.assetId)];
          const otherPath = ['role0', 'role1'].includes(role) && table === 'public.table0';
          const expected = otherPath ? 'failed' : gone.includes(one) ? 'not_needed' : 'applied';
          const { status, reason } = told.find(({ grantId }) => grantId === one.id)!;
          expect([role, table, status, reason]).toEqual([
            role,
            table,
            expected,
            otherPath ? 'SELECT on public.table0 is still reached: as a member of staff.' : null,
          ]);
        }
        const meant = new Set(before);
        for (const { principalId, assetId } of chosen) meant.delete(right(name(principalId), tableOf(assetId), 'SELECT'));
        expect(differences(meant, await rights(client))).toEqual({ missing: [], tooMuch: [] });
        await expectOneEventEach(made.map(({ id }) => id));
        await landscape.expectTruth(source);
        expect((await landscape.synchronise(source, { CONNECTOR_APPLY: 'on' })).changes).toBe(0);
      } finally {
        await proxy.close();
        await client.query(`DROP TABLE ${tables.join(', ')}; DROP ROLE ${[...roles, 'staff'].join(', ')}`);
      }
    },
    120_000,
  );

  /** The log tells of the end of each remediation, and of each grant, once. */
  async function expectOneEventEach(ids: readonly string[]): Promise<void> {
    const gateway = new pg.Client({ connectionString: landscape.database.url });
    await gateway.connect();
    const { rows } = await gateway
      .query(
        `SELECT payload->'resource'->>'id' AS id, count(*)::int AS times FROM events
         WHERE payload->>'action' IN ('grant.revoked', 'remediation.applied', 'remediation.failed', 'remediation.not_needed') GROUP BY 1 HAVING count(*) > 1`,
      )
      .finally(() => gateway.end());
    expect(rows).toEqual([]);
    expect(ids.length).toBeGreaterThan(0);
  }
});
