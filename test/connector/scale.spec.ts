import { scaled } from '../support/scale.js';
import { ConnectorProcess } from './connector-process.js';
import { Landscape } from './landscape.js';

const ROLES = scaled(2_000);
const TABLES = scaled(5_000);
/** Each with five privileges: a million in all, at full scale. */
const ROLES_A_TABLE = Math.max(1, scaled(40));
const TABLES_TOGETHER = 250;
const TIMEOUT_MS = 1_800_000;

let landscape: Landscape;

beforeAll(async () => {
  landscape = await Landscape.start();
  await landscape.client.query(`DO $$ BEGIN FOR n IN 1..${ROLES} LOOP EXECUTE format('CREATE ROLE role%s LOGIN', n); END LOOP; END $$`);
  for (let from = 1; from <= TABLES; from += TABLES_TOGETHER) {
    await landscape.client.query(
      `DO $$ BEGIN FOR n IN ${from}..${Math.min(from + TABLES_TOGETHER - 1, TABLES)} LOOP
         EXECUTE format('CREATE TABLE table%s (id int)', n);
         EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON table%s TO %s', n, (
           SELECT string_agg('role' || (1 + (n * 37 + k * 53) % ${ROLES}), ', ') FROM generate_series(1, ${ROLES_A_TABLE}) AS k));
       END LOOP; END $$`,
    );
  }
}, TIMEOUT_MS);

afterAll(() => landscape.stop(), TIMEOUT_MS);

async function run(): Promise<{ seconds: number; changes: number; created: number }> {
  const startedAtMs = performance.now();
  const { summaries, stderr } = await ConnectorProcess.start(landscape.variables('large')).end();
  const [summary] = summaries;
  if (summary?.outcome !== 'done') throw new Error(`It did not end well: ${JSON.stringify(summary)} ${stderr}`);
  return {
    seconds: (performance.now() - startedAtMs) / 1000,
    changes: summary.changes,
    created: summary.changed.createGrant ?? 0,
  };
}

describe('a large server', () => {
  it(
    'is read for the first time within 10 minutes, and within one where nothing has changed',
    async () => {
      const first = await run();
      expect(first.created).toBeGreaterThan(TABLES * ROLES_A_TABLE * 4);
      const second = await run();
      expect(second.changes).toBe(0);
      console.info(`first ${first.seconds.toFixed(0)} s, ${first.created} grants; second ${second.seconds.toFixed(0)} s`);
      if (process.env['TEST_SCALE'] !== '1') return;
      expect(first.seconds).toBeLessThan(600);
      expect(second.seconds).toBeLessThan(60);
    },
    TIMEOUT_MS,
  );
});
