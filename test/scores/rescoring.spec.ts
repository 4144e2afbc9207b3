import pg from 'pg';
import { RANGE_SIZE, RANGES_AT_ONCE } from '#apps/decay-engine/src/scoring/rescoring.service.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/postgres-server.js';
import { scaled } from '../support/scale.js';
import { openSession, waitForLocks } from '../support/sessions.js';
import { EngineProcess } from './engine-process.js';
import { loadScores } from './many-scores.js';

const GRANTS = Math.max(scaled(400_000), 3 * RANGES_AT_ONCE * RANGE_SIZE);
const RUN_MS = 60_000 + GRANTS;

interface State {
  begun: boolean;
  over: boolean;
  left: number;
}

describe('the scheduled run', () => {
  let database: TestDatabase;
  let client: pg.Client;
  let engines: { process: EngineProcess; metrics: string }[];

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await loadScores(client, GRANTS);
    await client.query('ANALYZE');
    engines = await Promise.all([start(), start()]);
    await eventually(async () => (await state()).over, RUN_MS);
  }, RUN_MS + 120_000);
  afterAll(async () => {
    for (const { process } of engines) await process.stop();
    await client.end();
    await database.drop();
  });

  async function start(): Promise<{ process: EngineProcess; metrics: string }> {
    const port = await freePort();
    const process = await EngineProcess.start({
      ...{ API_DATABASE_URL: database.url, API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none', API_KAFKA_BOOTSTRAP: 'in-process' },
      ...{ API_HOST: '127.0.0.1', API_METRICS_PORT: String(port), API_RESCORE_INTERVAL_SECONDS: '86400' },
    });
    return { process, metrics: `http://127.0.0.1:${port}/metrics` };
  }

  async function state(): Promise<State> {
    const { rows } = await client.query<State>(
      `SELECT started_at IS NOT NULL AND finished_at IS NULL AS begun, finished_at IS NOT NULL AS over,
         (SELECT count(*)::integer FROM rescoring_ranges) AS left FROM rescoring_run`,
    );
    return rows[0] as State;
  }

  /** Has the next run begin now rather than tomorrow. */
  async function begin(): Promise<Date> {
    const { rows } = await client.query<{ now: Date }>(
      'UPDATE rescoring_run SET started_at = NULL, finished_at = NULL RETURNING now()::timestamptz(3) AS now',
    );
    await eventually(async () => (await state()).begun, RUN_MS);
    return rows[0]?.now as Date;
  }

  /**
   * Has the next run begin, and runs `work` in the middle of it: each engine holds as many ranges as it may, and none can write what it has
   * computed. Answers when the run began.
   */
  async function amidTheRun(work?: () => Promise<void>): Promise<Date> {
    const holder = await openSession(database.url);
    try {
      await holder.query('BEGIN; LOCK TABLE scores IN SHARE MODE');
      const begun = await begin();
      await waitForLocks(database.url, engines.length * RANGES_AT_ONCE, RUN_MS);
      await work?.();
      return begun;
    } finally {
      await holder.end();
    }
  }

  async function scoredBySchedule(): Promise<number[]> {
    return Promise.all(
      engines.map(async ({ metrics }) => {
        const text = await (await fetch(metrics)).text();
        return Number(/^scored_grants_total\{cause="schedule"\} (\d+)/m.exec(text)?.[1] ?? 0);
      }),
    );
  }

  async function olderThan(instant: Date): Promise<number> {
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::integer AS count FROM scores WHERE computed_at < $1', [
      instant,
    ]);
    return rows[0]?.count ?? NaN;
  }

  it(
    'is shared by the engines, and no grant is scored by two of them',
    async () => {
      const before = await scoredBySchedule();
      const begun = await amidTheRun();
      await eventually(async () => (await state()).over, RUN_MS);
      const shares = (await scoredBySchedule()).map((count, place) => count - (before[place] ?? 0));
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(GRANTS);
      for (const share of shares) expect(share).toBeGreaterThan(0);
      expect(await olderThan(begun)).toBe(0);
    },
    2 * RUN_MS,
  );

  it(
    'goes on where it was when an engine is killed in the middle of it',
    async () => {
      const begun = await amidTheRun(async () => {
        await engines.pop()?.process.stop('SIGKILL');
        expect((await state()).left).toBeGreaterThan(0);
      });
      await eventually(async () => (await state()).over, RUN_MS);
      expect(await olderThan(begun)).toBe(0);
    },
    2 * RUN_MS,
  );

  it('tells how far it is and what it costs', async () => {
    const text = await (await fetch(engines[0]?.metrics ?? '')).text();
    for (const name of [
      'rescoring_run_duration_seconds',
      'rescoring_range_duration_seconds_count',
      'usage_lag_events',
      'score_history_waiting',
    ]) {
      expect(text).toMatch(new RegExp(`^${name} `, 'm'));
    }
    expect(text).toMatch(/^scores\{band="dormant"\} [1-9]/m);
  });
});
