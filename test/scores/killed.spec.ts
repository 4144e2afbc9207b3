import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import supertest from 'supertest';
import { migrate } from '#libs/database/migrate.js';
import { cadenceOf, utcDayNumber } from '#libs/decay-model/decay-model.js';
import { eventually } from '../support/eventually.js';
import { GatewayProcess } from '../support/gateway.js';
import { describeWithKafka, KafkaServer } from '../support/kafka-server.js';
import { PostgresServer } from '../support/postgres-server.js';
import { scaled } from '../support/scale.js';
import { EngineProcess } from './engine-process.js';
import { RandomWorld } from './random-world.js';

const EVENTS = scaled(1_000_000);
const GRANTS = 2_000;
const PER_CALL = 1_000;
const PATIENCE_MS = 120_000 + EVENTS;
const RECOVERY_MS = 180_000;

interface Use {
  eventId: string;
  grantId: string;
  usedAt: string;
}

interface Usage {
  grantId: string;
  lastUsedAt: string;
  cadenceDays: number | null;
  cadenceGaps: number;
}

/** What the grants' usage has to be in the end: each event once, from the oldest to the newest. */
function onePass(events: readonly Use[]): Usage[] {
  const once = new Map(events.map((event) => [event.eventId, event]));
  const sorted = [...once.values()].sort((a, b) => (a.usedAt < b.usedAt ? -1 : 1));
  const uses = new Map<string, Date[]>();
  for (const { grantId, usedAt } of sorted) uses.set(grantId, [...(uses.get(grantId) ?? []), new Date(usedAt)]);
  return [...uses].map(([grantId, all]) => {
    const last = all.at(-1) as Date;
    const { days, gaps } = cadenceOf(last, all.map(utcDayNumber));
    return { grantId, lastUsedAt: last.toISOString(), cadenceDays: days, cadenceGaps: gaps };
  });
}

/** The parts of the system, each of which may be killed at any time and comes back. */
class Parts {
  engines: EngineProcess[] = [];
  private environment: Record<string, string> = {};

  private constructor(
    readonly postgres: PostgresServer,
    readonly kafka: KafkaServer | null,
    readonly gateway: GatewayProcess,
  ) {}

  static async start(withKafka: boolean): Promise<Parts> {
    const postgres = await PostgresServer.start({ settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' } });
    await migrate(postgres.url());
    const kafka = withKafka ? await KafkaServer.start({ own: true }) : null;
    const environment = {
      ...{ API_DATABASE_URL: postgres.url(), API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none', API_AUTH_MODE: 'dev' },
      ...{ API_KAFKA_BOOTSTRAP: kafka?.bootstrap ?? 'in-process', API_RESCORE_INTERVAL_SECONDS: '10', API_DATABASE_POOL_SIZE: '8' },
    };
    const parts = new Parts(postgres, kafka, await GatewayProcess.start(environment));
    parts.environment = environment;
    parts.engines = [await EngineProcess.start(environment), await EngineProcess.start(environment)];
    return parts;
  }

  async killEngine(which: number): Promise<void> {
    await this.engines[which]?.stop('SIGKILL');
    this.engines[which] = await EngineProcess.start(this.environment);
  }

  async killPostgres(): Promise<void> {
    await this.postgres.kill();
    // The kernel may take a moment to let go of what the killed processes shared.
    await eventually(() => this.postgres.restart(), RECOVERY_MS);
  }

  async killKafka(): Promise<void> {
    await this.kafka?.kill();
    await this.kafka?.restart();
  }

  async close(): Promise<void> {
    for (const engine of this.engines) await engine.stop('SIGKILL');
    await this.gateway.stop();
    await this.kafka?.remove();
    await this.postgres.remove();
  }

  /** Asks the database, which may just be coming back. */
  async query<Row>(text: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.postgres.url(), connectionTimeoutMillis: 3_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row & object>(text)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

/** Sends everything, each call again until it is taken: a client that got no answer cannot know what became of it. */
async function sendAll(url: string, events: readonly Use[]): Promise<number> {
  const http = supertest(url);
  let repeated = 0;
  for (let start = 0; start < events.length; start += PER_CALL) {
    const body = { events: events.slice(start, start + PER_CALL) };
    for (;;) {
      const response = await http.post('/v1/grants/usage').send(body);
      if (response.status === 202) {
        expect(response.body).toMatchObject({ rejected: 0 });
        break;
      }
      expect(response.status).toBe(503);
      repeated++;
      await pause(100);
    }
  }
  return repeated;
}

function survives(withKafka: boolean): void {
  let parts: Parts;
  let world: RandomWorld;

  beforeAll(async () => {
    parts = await Parts.start(withKafka);
    world = new RandomWorld(GRANTS, 99);
    await world.load(parts.postgres.url());
  }, 240_000);
  afterAll(() => parts.close());

  const taken = async (): Promise<number> => {
    const [seen] = await parts.query<{ count: number }>('SELECT count(*)::integer AS count FROM usage_events_seen');
    return seen?.count ?? 0;
  };

  /**
   * Each of them at least once, and then by chance until three quarters of the events are taken in: the rest may settle. Something has to come
   * in between two kills, for Kafka gives a dead engine's share to another only when it has been silent for a while.
   */
  async function killAtRandom(): Promise<number> {
    const kills = [
      () => parts.killEngine(0),
      () => parts.killPostgres(),
      () => parts.killEngine(1),
      ...(withKafka ? [() => parts.killKafka()] : []),
    ];
    for (let count = 0; ; count++) {
      const before = await eventually(taken, RECOVERY_MS);
      if (count >= kills.length && before > 0.75 * EVENTS) return count;
      await (kills[count] ?? world.one(kills))();
      await eventually(async () => before === EVENTS || (await taken()) > before, RECOVERY_MS);
      await pause(world.random() * 2_000);
    }
  }

  it(
    `ends in the state of one pass over the sorted events once each, after ${EVENTS} came in among kills`,
    async () => {
      const now = Date.now();
      const uses = Array.from({ length: EVENTS }, (_, place): Use => {
        const usedAt = new Date(now - Math.floor(world.random() * 399 * 86_400_000)).toISOString();
        return { eventId: `use-${place}`, grantId: world.one(world.grants).id, usedAt };
      });
      const events = world.shuffled([...uses, ...uses.filter(() => world.random() < 0.1)]);
      const [repeated, kills] = await Promise.all([sendAll(parts.gateway.url, events), killAtRandom()]);
      await eventually(async () => (await taken()) === EVENTS, PATIENCE_MS);
      process.stdout.write(`${kills} kills, ${repeated} calls sent again\n`);
      const stored = await parts.query<Usage>(
        `SELECT grant_id AS "grantId", instant(last_used_at) AS "lastUsedAt", cadence_days AS "cadenceDays", cadence_gaps AS "cadenceGaps" FROM grant_usage`,
      );
      const byGrant = (a: Usage, b: Usage): number => (a.grantId < b.grantId ? -1 : 1);
      expect(stored.sort(byGrant)).toEqual(onePass(uses).sort(byGrant));
      const [scores] = await parts.query<{ stale: number; missing: number }>(
        `SELECT (SELECT count(*)::integer FROM scores s JOIN grant_usage u USING (grant_id)
            WHERE (s.last_used_at, s.cadence_gaps, s.usage_revision) IS DISTINCT FROM (u.last_used_at, u.cadence_gaps, u.revision)) AS stale,
          (SELECT count(*)::integer FROM grants g WHERE g.status = 'active' AND (g.expires_at IS NULL OR g.expires_at > now())
            AND NOT EXISTS (SELECT FROM scores s WHERE s.grant_id = g.id)) AS missing`,
      );
      expect(scores).toEqual({ stale: 0, missing: 0 });
    },
    10 * PATIENCE_MS,
  );
}

describe('usage while the engines and PostgreSQL are killed, in process', () => survives(false));

describeWithKafka('usage while the engines, PostgreSQL and Kafka are killed', () => survives(true), { own: true });
