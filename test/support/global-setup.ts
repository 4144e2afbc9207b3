import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type { PostgresServer } from './postgres-server.js';

/** Between setup and teardown, which jest loads as two modules of one process. */
export interface TestRun {
  gatewayTestServer?: PostgresServer;
}

/**
 * Before the first spec of a run: one PostgreSQL for all of them, unless TEST_POSTGRES_URL names one (its user must be allowed to create
 * databases). Workers inherit the environment. The template database is migrated by the first spec that asks for a database (database.ts),
 * since only there the sources of the libs can be imported.
 */
export default async function globalSetup(): Promise<void> {
  process.env['TEST_RUN_ID'] = randomBytes(5).toString('hex');
  if (process.env['TEST_POSTGRES_URL']) return;
  // jest turns this file into CommonJS with Node's own resolution, which finds postgres-server.ts only by its name without an extension.
  const support = createRequire(import.meta.url)('./postgres-server') as typeof import('./postgres-server.js');
  const server = await support.PostgresServer.start();
  (globalThis as TestRun).gatewayTestServer = server;
  process.env['TEST_POSTGRES_URL'] = server.url();
}
