import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { GatewayProcess } from '../support/gateway.js';

const started: GatewayProcess[] = [];

/** A gateway on a database that a spec stops, fills or shares between gateways. */
export async function startGateway(databaseUrl: string, environment: Record<string, string> = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start({
    API_DATABASE_URL: databaseUrl,
    API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none',
    API_KAFKA_BOOTSTRAP: 'in-process',
    API_AUTH_MODE: 'dev',
    ...environment,
  });
  started.push(gateway);
  return gateway;
}

/** For `afterEach` or `afterAll`: ends every gateway that still runs, however the test ended. */
export async function endGateways(): Promise<void> {
  await Promise.all(started.splice(0).map((gateway) => gateway.stop('SIGKILL')));
}

/** A session of the database itself, past the API. */
export async function openSession(databaseUrl: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: databaseUrl });
  // A spec that ends the server ends this session too.
  session.on('error', () => undefined);
  await session.connect();
  return session;
}

/** Waits until so many sessions of the database wait for a lock. Asks in a session of its own: a transaction sees one snapshot of the others. */
export async function waitForLocks(databaseUrl: string, count: number): Promise<void> {
  const session = await openSession(databaseUrl);
  try {
    await eventually(async () => {
      const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      return (await session.query(waiting)).rowCount === count;
    });
  } finally {
    await session.end();
  }
}
