import pg from 'pg';
import type { TestRun } from './global-setup.js';

/** After the last spec: our server goes with its folder; on a server of somebody else, what this run left there is dropped. */
export default async function globalTeardown(): Promise<void> {
  const server = (globalThis as TestRun).gatewayTestServer;
  if (server) {
    delete process.env['TEST_POSTGRES_URL'];
    await server.remove();
    return;
  }
  const client = new pg.Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
  await client.connect();
  try {
    const mine = `gateway_test_${process.env['TEST_RUN_ID']}`;
    const found = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [mine]);
    for (const { datname } of found.rows) await client.query(`DROP DATABASE IF EXISTS "${datname}" WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
