import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { System } from '../support/system.js';
import { ClickHouseProxy } from './clickhouse-proxy.js';
import { type Item, verify, walk } from './export.js';
import { type Change, discrepancies, Writers } from './writers.js';

const IS_FULL = process.env['TEST_SCALE'] === '1';
/** How long a part is away: ten minutes in full, else 20 s. */
const AWAY_MS = IS_FULL ? 600_000 : 20_000;
const FROZEN_MS = IS_FULL ? 60_000 : 12_000;
const WRITERS = 20;
const TIMEOUT_MS = 3 * AWAY_MS + 240_000;

interface Health {
  status: string;
  details: Record<string, { status: string }>;
}

async function health(url: string, path = ''): Promise<{ code: number; parts: Record<string, string> }> {
  const response = await fetch(`${url}/v1/health${path}`);
  const { details } = (await response.json()) as Health;
  return { code: response.status, parts: Object.fromEntries(Object.entries(details).map(([name, { status }]) => [name, status])) };
}

/** Nothing lost, nothing doubled, one chain. */
async function expectEveryChangeOnce(system: System, journal: readonly Change[]): Promise<void> {
  const last = await system.settled(180_000);
  expect(discrepancies(journal, await walk<Item>(system.url, '/v1/audit'))).toEqual([]);
  expect(await verify(system.url, `?to=${last}`)).toMatchObject({ intact: true, events: last });
}

describeWithKafka(
  'While a part is away',
  () => {
    let system: System;
    let proxy: ClickHouseProxy;
    let writers: Writers | undefined;
    /** Of all the tests: they share a log. */
    const journal: Change[] = [];
    beforeAll(async () => {
      const clickhouseForWorkers = async (url: string): Promise<string> => (proxy = await ClickHouseProxy.start(url)).url;
      system = await System.start({ kafka: true, clickhouseForWorkers });
      await system.settled();
    }, 180_000);
    afterAll(async () => {
      await system?.close();
      await proxy?.close();
    }, 60_000);
    beforeEach(() => {
      writers = new Writers(() => system.url, WRITERS, 200);
    });
    afterEach(() => writers?.giveUp());

    it(
      'Kafka: every write succeeds, readiness stays green and says so, and the backlog drains by itself',
      async () => {
        await system.kafka!.kill();
        await eventually(async () => (await health(system.url)).parts['kafka'] === 'down', 20_000);
        expect(await health(system.url)).toMatchObject({ code: 200, parts: { postgresql: 'up', clickhouse: 'up', kafka: 'down' } });
        await pause(AWAY_MS);
        expect((await system.progress()).sequence).toBeGreaterThan((await system.progress()).published);
        await system.kafka!.restart();
        journal.push(...(await writers!.stop()));
        expect(writers!.failures).toEqual([]);
        await expectEveryChangeOnce(system, journal);
      },
      TIMEOUT_MS,
    );

    it(
      'ClickHouse: every write succeeds, readiness is red and serving green, audit reads are 503, and the backlog drains by itself',
      async () => {
        await system.clickhouse.kill();
        await eventually(async () => (await health(system.url)).code === 503, 20_000);
        expect((await health(system.url)).parts).toMatchObject({ postgresql: 'up', clickhouse: 'down', kafka: 'up' });
        expect((await health(system.url, '/serving')).code).toBe(200);
        expect((await fetch(`${system.url}/v1/audit`)).status).toBe(503);
        await pause(AWAY_MS);
        await system.clickhouse.restart();
        journal.push(...(await writers!.stop()));
        expect(writers!.failures).toEqual([]);
        await eventually(async () => (await health(system.url)).code === 200, 20_000);
        await expectEveryChangeOnce(system, journal);
      },
      TIMEOUT_MS,
    );

    it(
      'the answers of ClickHouse that it has a batch: no event is doubled',
      async () => {
        proxy.loseAnswers(3);
        await eventually(() => !proxy.losing, 60_000);
        journal.push(...(await writers!.stop()));
        await expectEveryChangeOnce(system, journal);
        await system.clickhouseCommand('OPTIMIZE TABLE audit_events FINAL');
        const [row] = await system.clickhouseRows<Record<'rows' | 'sequences', string>>(
          'SELECT count() AS rows, uniqExact(sequence) AS sequences FROM audit_events',
        );
        expect(row!.rows).toBe(row!.sequences);
      },
      TIMEOUT_MS,
    );
  },
  { own: true },
);

describe('Two workers', () => {
  let system: System;
  let writers: Writers | undefined;
  beforeAll(async () => {
    system = await System.start({ workers: 2 });
    await system.settled();
  }, 120_000);
  afterAll(async () => {
    writers?.giveUp();
    await system?.close();
  }, 60_000);

  const isSequencing = async (): Promise<boolean> => {
    const before = (await system.progress()).sequence;
    return eventually(async () => (await system.progress()).sequence > before, 30_000);
  };

  it(
    'make one chain, also when the active one is frozen and wakes up again',
    async () => {
      writers = new Writers(() => system.url, WRITERS, 200);
      await isSequencing();
      const active = await system.activeWorker();
      const other = system.workers.find((worker) => worker !== active)!;
      active.freeze();
      const frozenAt = Date.now();
      await eventually(async () => (await other.metric('outbox_relay_active')) === 1, 30_000);
      process.stderr.write(`The other relay took over from a frozen one after ${Date.now() - frozenAt} ms\n`);
      await isSequencing();
      await pause(Math.max(0, FROZEN_MS - (Date.now() - frozenAt)));
      active.resume();
      await eventually(async () => (await active.metric('outbox_relay_active')) === 0, 30_000);
      await isSequencing();
      await expectEveryChangeOnce(system, await writers.stop());
      expect(writers.failures).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it('go on with one when the active one is killed, within seconds', async () => {
    const active = await system.activeWorker();
    const other = system.workers.find((worker) => worker !== active)!;
    await active.kill();
    const killedAt = Date.now();
    await eventually(async () => (await other.metric('outbox_relay_active')) === 1, 15_000);
    process.stderr.write(`The other relay took over from a killed one after ${Date.now() - killedAt} ms\n`);
    await active.start();
  }, 60_000);
});
