import { Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import copyStreams from 'pg-copy-streams';
import sql, { type Sql } from 'sql-template-tag';
import { copiedTexts, type Texts, withLiterals } from './copied-texts.js';
import { Database } from './database.js';
import { asFailure } from './failures.js';

/** How many rows are fetched at once: enough for a round trip to be nothing, few enough for memory not to notice. */
const BATCH = 2_000;
/** How far PostgreSQL may be ahead of whoever takes what is copied. */
const AHEAD_BYTES = 256 * 1024;

/** A snapshot may wait as long as this for whoever writes its rows somewhere, in milliseconds. */
const IDLE_LIMIT_MS = 15 * 60_000;
const SETTLE_POLL_MS = 100;
const SETTLE_LIMIT_MS = 60_000;
/**
 * How much later than the time of its rows a transaction may begin by PostgreSQL's clock, in milliseconds: `admit_request` holds it to that. And how
 * far that clock and that of whoever writes may differ.
 */
const BEGUN_WITHIN_MS = 1_000;

/** The connections of snapshots bear a name of their own, since nothing of what they do is awaited by others. */
const WRITERS = 'access-governance';
const READER = 'access-governance-snapshot';

/** One view of the whole database, for as long as it is read. Temporary tables that are made in it go with it. */
export class Snapshot {
  private cursors = 0;

  constructor(
    private readonly client: PoolClient,
    private readonly cancel: () => Promise<void>,
  ) {}

  async rows<Row extends object>(query: Sql): Promise<Row[]> {
    return (await this.client.query<Row>(query.text, query.values)).rows;
  }

  /**
   * The rows of a query in batches, each row an array of its columns. The next batch is on its way while one is looked at; other queries of the
   * snapshot may be run meanwhile.
   */
  async *batches<Row extends readonly unknown[]>(query: Sql, size = BATCH): AsyncGenerator<Row[]> {
    const cursor = `snapshot_${(this.cursors += 1)}`;
    await this.client.query(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${query.text}`, query.values);
    const fetch = (): Promise<Row[]> => {
      const rows = this.client
        .query({ text: `FETCH ${size} FROM ${cursor}`, rowMode: 'array' })
        .then(({ rows: found }) => found as unknown[] as Row[]);
      // Whoever stops reading half-way never asks what became of it.
      rows.catch(() => undefined);
      return rows;
    };
    for (let next = fetch(); ;) {
      const rows = await next;
      if (rows.length === 0) break;
      next = fetch();
      yield rows;
    }
    await this.client.query(`CLOSE ${cursor}`);
  }

  /**
   * The rows of a query that answers one text each, never NULL, as their bytes: in half the time of a cursor, since no row becomes anything here.
   * Until the last has been taken nothing else can be asked of the snapshot; who stops before ends the statement.
   */
  async *texts(query: Sql): AsyncGenerator<Texts> {
    const text = withLiterals(query, (value) => this.client.escapeLiteral(value));
    const stream = this.client.query(copyStreams.to(`COPY (${text}) TO STDOUT (FORMAT binary)`, { highWaterMark: AHEAD_BYTES }));
    const over = new Promise<void>((resolve) => void stream.once('end', resolve).once('error', () => resolve()));
    try {
      yield* copiedTexts(stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>);
    } finally {
      if (!stream.readableEnded && !stream.destroyed) {
        // What is on its way has to be taken for PostgreSQL to notice.
        await this.cancel();
        stream.resume();
        await over;
      }
    }
  }
}

/** Long reading: what takes minutes, and has to see all of it as at one instant. */
@Injectable()
export class Snapshots {
  constructor(private readonly database: Database) {}

  /**
   * Runs `work` on a snapshot. Aborting the signal ends also a statement that is under way.
   *
   * @throws UnavailableError where the database is away; the reason of the signal
   */
  async read<T>(work: (snapshot: Snapshot) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const runner = this.database.source.createQueryRunner();
    let interrupt: (() => void) | undefined;
    try {
      const client = (await runner.connect()) as PoolClient;
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      // Every row is read, so the plan that ends first is the best one, and none is worth compiling. Of a table that is read once nothing is in
      // the cache yet: to go through it by an index in no order of its own takes several times as long as to sort it.
      await client.query(
        `SET LOCAL application_name = '${READER}'; SET LOCAL statement_timeout = 0; SET LOCAL jit = off; SET LOCAL cursor_tuple_fraction = 1;
         SET LOCAL idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS}; SET LOCAL work_mem = '128MB'; SET LOCAL effective_cache_size = '64MB';
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'`,
      );
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const cancel = (): Promise<void> => this.cancel(rows[0]?.pid ?? 0);
      interrupt = () => void cancel();
      signal.addEventListener('abort', interrupt);
      const result = await work(new Snapshot(client, cancel));
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await runner.query('ROLLBACK').catch(() => undefined);
      signal.throwIfAborted();
      throw asFailure(error);
    } finally {
      if (interrupt) signal.removeEventListener('abort', interrupt);
      await runner.release();
    }
  }

  /**
   * Resolves once everything that was written at or before an instant can be seen: a transaction takes the time of its rows before it commits, and
   * it may be before it begins, so one that begins within a second may still be about to add rows of that time.
   *
   * @throws Error where one of them is still open after a minute
   */
  async settled(instant: Date, signal: AbortSignal): Promise<void> {
    const until = new Date(instant.getTime() + BEGUN_WITHIN_MS);
    for (const deadline = Date.now() + SETTLE_LIMIT_MS; ;) {
      const open = await this.database.rows(
        sql`SELECT WHERE clock_timestamp() <= ${until}
          UNION ALL (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = ${WRITERS} AND xact_start <= ${until}
            AND pid <> pg_backend_pid() LIMIT 1)`,
      );
      if (open.length === 0) return;
      if (Date.now() > deadline) throw new Error('A transaction that began before the instant of the report does not end.');
      await pause(SETTLE_POLL_MS, undefined, { signal });
    }
  }

  private async cancel(pid: number): Promise<void> {
    await this.database.rows(sql`SELECT pg_cancel_backend(${pid})`).catch(() => undefined);
  }
}
