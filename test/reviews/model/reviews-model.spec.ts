import type { Config } from '#libs/config/config.js';
import { DatabaseModule } from '#libs/database/database.module.js';
import { ReviewJobs } from '#libs/reviews/review-jobs.js';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import fc from 'fast-check';
import { randomInt } from 'node:crypto';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import { scaled } from '../../support/scale.js';
import { aftermaths, batches, type Intent, told } from './review-wishes.js';
import { brokenRules } from './review-invariants.js';
import { type Ground, ReviewRun } from './review-run.js';
import { type Recipe, recipes } from './review-world.js';

const SEQUENCES = scaled(2_000);
const LANES = Math.min(4, SEQUENCES);
const LIMIT_MS = 60_000 + SEQUENCES * 2_000;

/** REVIEW_MODEL_SEED and REVIEW_MODEL_PATH repeat what a failure names; the path alone is one sequence. */
const SEED = Number(process.env['REVIEW_MODEL_SEED'] ?? randomInt(2 ** 31));
const PATH = process.env['REVIEW_MODEL_PATH'];

/** What a hundred sequences never do without; where one of these no longer happens, they no longer show anything about it. */
const ALWAYS_SEEN = [
  ...[
    'campaign launch ok',
    'campaign close ok',
    'campaign cancel ok',
    'campaign confirm ok',
    'campaign undo ok',
    'packet sign-off ok',
    'reassign ok',
  ],
  ...[
    'decide word recorded',
    'decide word self_review',
    'decide word justification_required',
    'decide word decision_conflict',
    'decide packet_closed',
  ],
  ...[
    'createPacket self_review',
    'packet confirm ok',
    'packet undo ok',
    'report ok',
    'undone restored',
    'undone skipped',
    'undone withdrawn',
  ],
];

/** What every sequence begins with, so that there is something to decide about. */
const opening = fc.tuple(
  ...(['createCampaign', 'launch', 'createPacket'] as const).map((wish) =>
    fc.record({ wish: fc.constant(wish), picks: fc.array(fc.nat({ max: 999 }), { minLength: 9, maxLength: 9 }) }),
  ),
);
const random = fc.record({
  happenings: fc.array(batches, { minLength: 2, maxLength: 12 }),
  aftermath: fc.array(aftermaths, { maxLength: 6 }),
});
const sequences = fc
  .record({ recipe: recipes, opening, rest: fc.oneof({ weight: 5, arbitrary: random }, { weight: 1, arbitrary: told }) })
  .map(({ rest, ...known }) => ({ ...known, ...rest }));

describe(`reviews beside a plain model of their rules, in ${SEQUENCES} random sequences`, () => {
  let gateway: TestGateway;
  let app: INestApplicationContext;
  let ground: Ground;
  const tally: Record<string, number> = {};

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad', environment: { API_DATABASE_POOL_SIZE: '12' } });
    const config: Partial<Config> = { databaseUrl: gateway.database.url, databasePoolSize: 6, databasePoolTimeoutMs: 10_000 };
    @Module({
      imports: [ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }), DatabaseModule],
      providers: [ReviewJobs],
    })
    class Jobs {}
    app = await NestFactory.createApplicationContext(Jobs, { logger: ['error'], abortOnError: false });
    const pool = new pg.Pool({ connectionString: gateway.database.url, max: 8 });
    ground = { url: gateway.url, pool, issuer: gateway.issuer, jobs: app.get(ReviewJobs) };
  }, 60_000);
  afterAll(async () => {
    await ground.pool.end();
    await app.close();
    await gateway.close();
  });

  async function play(recipe: Recipe, happenings: readonly Intent[][], aftermath: readonly Intent[][]): Promise<void> {
    const since = uuidv7({ msecs: Date.now() - 1_000 });
    const run = await ReviewRun.start(ground, recipe);
    try {
      for (const intents of happenings) await run.together(intents);
      await run.finish();
      for (const intents of aftermath) await run.together(intents);
      if (aftermath.length > 0) await run.finish();
      run.countUndone();
      const groups = [...run.model.principals.values()].filter(({ type }) => type === 'group').map(({ id }) => id);
      expect(await brokenRules(ground.pool, { made: run.made, since, groups })).toEqual([]);
    } catch (error) {
      throw new Error(`${(error as Error).message}\nafter\n${run.told.join('\n')}`, { cause: error });
    } finally {
      for (const [kind, count] of Object.entries(run.tally)) tally[kind] = (tally[kind] ?? 0) + count;
    }
  }

  it(
    'answers and ends up as the model does, whoever does what at once',
    async () => {
      const property = fc.asyncProperty(sequences, ({ recipe, opening: first, happenings, aftermath }) =>
        play(recipe, [...first.map((intent) => [intent]), ...happenings], aftermath),
      );
      const lanes = PATH === undefined ? LANES : 1;
      const from = performance.now();
      // A failure is told at once; it is cut down to what matters where it is repeated, which may take long.
      const how = PATH === undefined ? { numRuns: Math.ceil(SEQUENCES / lanes), endOnFailure: true } : { path: PATH };
      await Promise.all(Array.from({ length: lanes }, (_, lane) => fc.assert(property, { seed: SEED + lane, ...how })));
      const operations = Object.values(tally).reduce((sum, count) => sum + count, 0);
      if (SEQUENCES >= 100 && PATH === undefined) expect(ALWAYS_SEEN.filter((kind) => tally[kind] === undefined)).toEqual([]);
      const seconds = Math.round((performance.now() - from) / 1000);
      process.stderr.write(
        `${SEQUENCES} sequences of reviews, ${operations} operations, ${Object.keys(tally).length} kinds of answers, in ${seconds} s, seed ${SEED}\n`,
      );
    },
    LIMIT_MS,
  );
});
