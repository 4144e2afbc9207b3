import pg from 'pg';
import { eventually } from './eventually.js';

/** A session of the database itself, past the API. */
export async function openSession(databaseUrl: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: databaseUrl });
  // A spec that ends the server ends this session too.
  session.on('error', () => undefined);
  await session.connect();
  return session;
}

/** Waits until so many sessions of the database wait for a lock. Asks in a session of its own: a transaction sees one snapshot of the others. */
export async function waitForLocks(databaseUrl: string, count: number, timeoutMs?: number): Promise<void> {
  const session = await openSession(databaseUrl);
  try {
    await eventually(async () => {
      const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      return (await session.query(waiting)).rowCount === count;
    }, timeoutMs);
  } finally {
    await session.end();
  }
}
