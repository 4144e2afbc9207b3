import { setTimeout as pause } from 'node:timers/promises';
import { LocalFolder, type LocalProcess } from '../local/local-process.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { scaled } from '../support/scale.js';
import { System } from '../support/system.js';
import { exportLog, getJson, offlineOpinions, verify } from './export.js';
import { discrepancies, Writers } from './writers.js';

const KILLS = scaled(200);
/** Of the local app: each takes gateway, worker, engine, PostgreSQL and ClickHouse at once, and several seconds to come back. */
const KILLS_OF_ALL = scaled(100);
const WRITERS = 50;
/** On a machine that is busy with other tests a process takes its time to come back. */
const TIMEOUT_MS = 180_000 + KILLS * 30_000;

/** Lets a random number of changes be answered, so that a kill meets the system at work, at no instant in particular. */
async function someChanges({ journal }: Writers): Promise<void> {
  const target = journal.length + Math.random() * 6 * WRITERS;
  await eventually(() => journal.length >= target, 60_000);
  await pause(Math.random() * 50);
}

/** What must hold of a log at rest: exactly the journal, without a gap, intact in the eyes of the API, the offline verifier and its twin. */
async function expectExactLedger(url: string, journal: Awaited<ReturnType<Writers['stop']>>): Promise<void> {
  const { items, ...rest } = await exportLog(url);
  expect(discrepancies(journal, items)).toEqual([]);
  expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_, index) => index + 1));
  const to = items.length;
  expect(await verify(url, `?to=${to}`)).toMatchObject({ from: 1, to, events: to, intact: true, firstBreak: null });
  const { verifier, twin } = await offlineOpinions({ items, ...rest });
  expect({ verifier, twin }).toMatchObject({ verifier: { intact: true }, twin: { intact: true } });
}

describeWithKafka(
  'The ledger on Kafka and ClickHouse over HTTP',
  () => {
    let system: System;
    let writers: Writers | undefined;
    beforeAll(async () => {
      system = await System.start({ kafka: true });
    }, 120_000);
    afterAll(async () => {
      writers?.giveUp();
      await system?.close();
    }, 60_000);

    it(
      'has exactly one row for every answered change and none without, whatever was killed with kill -9 meanwhile',
      async () => {
        writers = new Writers(() => system.url, WRITERS, 200);
        const victims = [
          { kill: () => system.gateway.kill(), comeBack: () => system.startGateway() },
          { kill: () => system.workers[0]!.kill(), comeBack: () => system.workers[0]!.start() },
          { kill: () => system.kafka!.kill(), comeBack: () => system.kafka!.restart() },
          { kill: () => system.clickhouse.kill(), comeBack: () => system.clickhouse.restart() },
        ];
        for (let kill = 0; kill < KILLS; kill++) {
          const victim = victims[kill % victims.length]!;
          await someChanges(writers);
          await victim.kill();
          await pause(Math.random() * 500);
          await victim.comeBack();
        }
        const journal = await writers.stop();
        await system.settled(120_000);
        process.stderr.write(`Ledger on Kafka: ${KILLS} kills, ${journal.length} changes, ${writers.failures.length} attempts in vain\n`);
        await expectExactLedger(system.url, journal);
      },
      TIMEOUT_MS,
    );
  },
  { own: true },
);

describe('The ledger of the local app, on the in-process pair', () => {
  let folder: LocalFolder;
  let writers: Writers | undefined;
  beforeAll(async () => {
    folder = await LocalFolder.create();
  });
  afterAll(async () => {
    writers?.giveUp();
    await folder?.remove();
  }, 60_000);

  it(
    'has exactly one row for every answered change and none without, whenever the whole app was killed with kill -9',
    async () => {
      let url = '';
      const start = async (): Promise<LocalProcess> => {
        const app = folder.start({ API_LOG_LEVEL: 'WARNING' });
        url = await app.ready();
        return app;
      };
      let app = await start();
      writers = new Writers(() => url, WRITERS, 200);
      for (let kill = 0; kill < KILLS_OF_ALL; kill++) {
        await someChanges(writers);
        await app.kill();
        app = await start();
      }
      const journal = await writers.stop();
      process.stderr.write(
        `Ledger of the local app: ${KILLS_OF_ALL} kills, ${journal.length} changes, ${writers.failures.length} attempts in vain\n`,
      );
      await eventually(async () => {
        const metrics = await (await fetch(`${url}/v1/metrics`)).text();
        const [depth, lag] = ['outbox_depth', 'audit_sink_lag_events'].map(
          (name) => new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1],
        );
        return depth === '0' && lag === '0';
      }, 120_000);
      expect((await getJson<{ items: unknown[] }>(`${url}/v1/principals?limit=1`)).items).toHaveLength(1);
      await expectExactLedger(url, journal);
    },
    TIMEOUT_MS,
  );
});
