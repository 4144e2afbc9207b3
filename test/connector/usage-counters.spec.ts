import pg from 'pg';
import { callsSince, known, type KnownCounters } from '#apps/connector-postgres/src/usage/counters.js';
import { readStatistics, readTexts, textKey } from '#apps/connector-postgres/src/usage/statistics.js';
import { PostgresServer } from '../support/postgres-server.js';
import { scaled } from '../support/scale.js';
import { Random } from './role-graph.js';

/** More than PostgreSQL has room for here, so that some give way to others all the time. */
const SHAPES = 160;
const ROOM = 100;
const ROUNDS = scaled(200);

let server: PostgresServer;
let client: pg.Client;

beforeAll(async () => {
  server = await PostgresServer.start({
    binaries: process.env['TEST_TARGET_POSTGRES_BIN'],
    settings: { 'pg_stat_statements.max': String(ROOM) },
  });
  client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  await client.query('CREATE EXTENSION pg_stat_statements; CREATE ROLE busy');
}, 60_000);

afterAll(async () => {
  await client.end();
  await server.remove();
});

/** A statement of a shape of its own: the number of its columns. */
const shaped = (columns: number): string => `SELECT ${Array.from({ length: columns }, (_, index) => index).join(', ')}`;

async function runAsBusy(shapes: readonly number[]): Promise<void> {
  await client.query('SET ROLE busy');
  for (const shape of shapes) await client.query(shaped(shape));
  await client.query('RESET ROLE');
}

/** The calls since the last observation by shape, and what is known from now on. */
async function observe(before: KnownCounters | null): Promise<{ calls: Map<number, number>; known: KnownCounters }> {
  const statistics = await readStatistics(server.url());
  if ('reason' in statistics) throw new Error(statistics.reason);
  const moved = before ? callsSince(before, statistics.observation) : [];
  const texts = await readTexts(
    server.url(),
    moved.map(({ statement }) => statement),
  );
  const calls = new Map<number, number>();
  for (const counter of moved) {
    const text = texts.get(textKey(counter)) ?? '';
    if (/^SELECT \$1(, \$\d+)*$/.test(text)) calls.set(text.split(',').length, counter.calls);
  }
  return { calls, known: known(statistics.observation) };
}

describe('the counters of a server that evicts and resets them', () => {
  it('never tell of more calls than there were between two observations, and of all where none gave way', async () => {
    const random = new Random(18);
    let { known: before } = await observe(null);
    let [told, gaps] = [0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      const shapes = Array.from({ length: random.integer(0, 60) }, () => random.integer(1, SHAPES));
      const half = Math.floor(shapes.length / 2);
      await runAsBusy(shapes.slice(0, half));
      const isReset = random.chance(0.2);
      if (isReset) await client.query('SELECT pg_stat_statements_reset()');
      await runAsBusy(shapes.slice(half));
      const { calls, known: now } = await observe(before);
      const isWhole = !isReset && now.evicted === before.evicted;
      if (!isWhole) gaps += 1;
      for (const shape of new Set([...shapes, ...calls.keys()])) {
        const run = shapes.filter((one) => one === shape).length;
        const seen = calls.get(shape) ?? 0;
        expect([round, shape, seen <= run]).toEqual([round, shape, true]);
        if (isWhole) expect([round, shape, seen]).toEqual([round, shape, run]);
        told += seen;
      }
      before = now;
    }
    expect(told).toBeGreaterThan(0);
    expect(gaps).toBeGreaterThan(0);
  }, 120_000);
});
