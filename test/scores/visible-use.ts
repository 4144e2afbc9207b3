import { setTimeout as pause } from 'node:timers/promises';
import { scaled } from '../support/scale.js';
import { RandomWorld } from './random-world.js';
import { nextEventId, type ScoresGround } from './scores-ground.js';

const PER_SECOND = 500;
const PER_CALL = 25;
const SECONDS = Math.max(6, scaled(60));
const LIMIT_MS = 5_000;
/** One event of each call is watched. */
const WATCHED_SHARE = PER_CALL;

/** What the scores promise of an event that was accepted, whatever carries it. */
export function visibleUseContract(start: () => Promise<{ ground: ScoresGround; close(): Promise<void> }>): void {
  let ground: ScoresGround;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ ground, close } = await start());
  }, 240_000);
  afterAll(() => close());

  /** How long after the answer the score showed the use, in milliseconds. */
  async function delayOf(grantId: string, usedAt: string): Promise<number> {
    const accepted = performance.now();
    for (;;) {
      const response = await ground.http.get(`/v1/scores/${grantId}`);
      const shown = response.body as { explanation?: { anchorAt: string } };
      const delay = performance.now() - accepted;
      if ((shown.explanation?.anchorAt ?? '') >= usedAt || delay > 6 * LIMIT_MS) return delay;
      await pause(50);
    }
  }

  it(
    `shows a use within ${LIMIT_MS / 1000} s of its acceptance at p99 under ${PER_SECOND} events a second`,
    async () => {
      const world = new RandomWorld(2_000, 7);
      await world.load(ground.gateway.database.url);
      const tracked = new Set(world.assets.filter(({ trackedSince }) => trackedSince).map(({ id }) => id));
      const grants = world.grants.filter(({ row, assetId }) => row[7] === null && row[8] === null && tracked.has(assetId));
      const delays: Promise<number>[] = [];
      const calls: Promise<void>[] = [];
      const begun = performance.now();
      const total = (SECONDS * PER_SECOND) / PER_CALL;
      for (let call = 0; call < total; call++) {
        const due = begun + (call * PER_CALL * 1000) / PER_SECOND;
        await pause(Math.max(0, due - performance.now()));
        const usedAt = new Date().toISOString();
        const events = Array.from({ length: PER_CALL }, (_, place) => ({
          ...{ eventId: nextEventId(), grantId: grants[(call * PER_CALL + place) % grants.length]?.id, usedAt },
        }));
        calls.push(
          (async () => {
            const response = await ground.http.post('/v1/grants/usage').send({ events });
            expect(response.body).toMatchObject({ accepted: PER_CALL });
            for (const { grantId } of events.filter((_, place) => place % WATCHED_SHARE === 0))
              delays.push(delayOf(grantId as string, usedAt));
          })(),
        );
      }
      await Promise.all(calls);
      const sorted = (await Promise.all(delays)).sort((a, b) => a - b);
      const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Infinity;
      process.stdout.write(
        `visible after ${Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0)} ms (median), ${Math.round(p99)} ms (p99) of ${sorted.length} watched\n`,
      );
      expect(p99).toBeLessThan(LIMIT_MS);
    },
    SECONDS * 1000 + 120_000,
  );
}
