import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { runRecompute, secondOpinionIsThere } from '../decay/second-opinion.js';
import { eventually } from '../support/eventually.js';
import { scaled } from '../support/scale.js';
import { dumpList } from './dump.js';
import { RandomWorld, type UsageEventBody } from './random-world.js';
import { type ScoresGround, startScoresGround } from './scores-ground.js';

const GRANTS = scaled(50_000);
const USES_PER_GRANT = 4;
const PATIENCE_MS = 60_000 + GRANTS * 20;

describe('scores that somebody else recomputes', () => {
  let ground: ScoresGround;

  beforeAll(async () => {
    ground = await startScoresGround({ environment: { API_RESCORE_INTERVAL_SECONDS: '5' } });
  }, 60_000);
  afterAll(() => ground.close());

  async function reportAll(events: readonly UsageEventBody[]): Promise<void> {
    for (let start = 0; start < events.length; start += 1_000) {
      const response = await ground.http.post('/v1/grants/usage').send({ events: events.slice(start, start + 1_000) });
      expect(response.body).toMatchObject({ rejected: 0 });
    }
  }

  /** Until every event is taken in, and after that every grant has been rescored. */
  async function settled(): Promise<void> {
    const client = new pg.Client({ connectionString: ground.gateway.database.url });
    await client.connect();
    try {
      await eventually(async () => {
        const { rows } = await client.query<{ waiting: boolean }>(
          `SELECT max(id) > (SELECT position FROM consumer_offsets WHERE consumer = 'decay-engine') AS waiting FROM messages`,
        );
        return rows[0]?.waiting === false;
      }, PATIENCE_MS);
      const since = new Date().toISOString();
      await eventually(async () => {
        const oldest = (await ground.http.get('/v1/scores?sort=computedAt&limit=1')).body as { items: { computedAt: string }[] };
        return (oldest.items[0]?.computedAt ?? '') > since;
      }, PATIENCE_MS);
    } finally {
      await client.end();
    }
  }

  it(
    `shows for ${GRANTS} random grants with their uses what a program knows that has only the model and the API`,
    async () => {
      if (!secondOpinionIsThere()) return;
      const world = new RandomWorld(GRANTS, 20_261_123);
      await world.load(ground.gateway.database.url);
      const events = world.usage(USES_PER_GRANT);
      await reportAll(events);
      await settled();
      const folder = mkdtempSync(join(tmpdir(), 'scores-'));
      try {
        const lines = (name: string, items: readonly object[]): void =>
          writeFileSync(join(folder, `${name}.jsonl`), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
        lines('usage', events);
        lines('memberships', world.memberships);
        for (const list of ['principals', 'assets', 'scores', 'grants']) await dumpList(ground.http, list, folder);
        const run = runRecompute(['--api', folder]);
        const found = JSON.parse(run.stdout || JSON.stringify({ error: run.stderr })) as { compared: number };
        expect(found).toMatchObject({ differences: 0, first: [] });
        expect(found.compared).toBeGreaterThan(GRANTS * 0.85);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    10 * PATIENCE_MS,
  );
});
