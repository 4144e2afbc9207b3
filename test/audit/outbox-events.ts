/** Events as they stand in the outbox before the relay comes, made by the database itself: to write them over HTTP would show nothing more. */
const OUTBOX = `
  INSERT INTO events (id, time, payload)
  SELECT e.id, e.time, jsonb_build_object('id', e.id, 'time', to_char(e.time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'action', 'asset.created', 'outcome', 'success', 'actor', jsonb_build_object('id', 'dev', 'type', 'user', 'principalId', NULL),
    'resource', jsonb_build_object('type', 'asset', 'id', coalesce($3::text, uuidv7()::text)), 'before', NULL, 'after', jsonb_build_object('number', e.n),
    'reason', 'Réorg “№ ' || e.n || '”' || repeat(' and more', $4::int), 'requestId', 'r-' || e.n, 'traceId', NULL, 'clientIp', '127.0.0.1')
  FROM (
    SELECT n, uuidv7() AS id, date_trunc('milliseconds', now()) - $2 * interval '1 day' + n * interval '1 millisecond' AS time
    FROM generate_series(1, $1::int) n
  ) e`;

/** What runs a statement: a system of the tests, or one connection. */
export interface SqlRunner {
  sql(text: string, values: unknown[]): Promise<unknown>;
}

export interface EventOptions {
  daysAgo?: number;
  /** The one resource that all are about; each about its own where it is left out. */
  resourceId?: string;
  /** How often their reason says ` and more`. */
  verbosity?: number;
}

/** Writes events into the outbox. */
export async function writeEvents(database: SqlRunner, count: number, options: EventOptions = {}): Promise<void> {
  const { daysAgo = 0, resourceId = null, verbosity = 0 } = options;
  await database.sql(OUTBOX, [count, daysAgo, resourceId, verbosity]);
}
