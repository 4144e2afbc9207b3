import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** The advisory lock of the one active relay. */
const RELAY_LOCK = 7_263_520;

/** PostgreSQL ends a session that says nothing for so long, and its lock falls: a frozen relay gives way although its process lives. */
const SILENCE_MS = 3_500;
const HEARTBEAT_MS = 1_000;
const WAITING_MS = 500;
const RETRY_MS = 500;

/**
 * Runs `work` while this process, of all of the installation, is the active relay; resolves when `stopping` is aborted. The signal that `work`
 * gets is aborted when the lock is lost; it is asked for again then, for ever.
 */
export async function whileLeading(
  databaseUrl: string,
  stopping: AbortSignal,
  work: (leading: AbortSignal) => Promise<void>,
  onTrouble: (error: Error) => void,
): Promise<void> {
  while (!stopping.aborted) {
    await oneTerm(databaseUrl, stopping, work).catch((error: unknown) => onTrouble(error as Error));
    await pause(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
}

async function oneTerm(databaseUrl: string, stopping: AbortSignal, work: (leading: AbortSignal) => Promise<void>): Promise<void> {
  const lost = new AbortController();
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: 3_000,
    query_timeout: 3_000,
    application_name: 'outbox-relay',
  });
  client.on('error', (error) => lost.abort(error));
  client.on('end', () => lost.abort(new Error('The session of the relay has ended.')));
  try {
    await client.connect();
    await client.query(`SET idle_session_timeout = ${SILENCE_MS}`);
    if (!(await waitForLock(client, stopping))) return;
    const beating = setInterval(() => void client.query('SELECT').catch((error: unknown) => lost.abort(error)), HEARTBEAT_MS);
    try {
      await work(AbortSignal.any([stopping, lost.signal]));
    } finally {
      clearInterval(beating);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function waitForLock(client: pg.Client, stopping: AbortSignal): Promise<boolean> {
  while (!stopping.aborted) {
    const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [RELAY_LOCK]);
    if (rows[0]?.taken) return true;
    await pause(WAITING_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
  return false;
}
