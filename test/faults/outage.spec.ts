import type pg from 'pg';
import { migrate } from '#libs/database/migrate.js';
import { eventually } from '../support/eventually.js';
import type { GatewayProcess } from '../support/gateway.js';
import { PostgresServer } from '../support/postgres-server.js';
import { scaled } from '../support/scale.js';
import { bodyOf, Client, tally } from './client.js';
import { openSession, waitForLocks } from '../support/sessions.js';
import { endGateways, startGateway } from './gateway.js';
import { differences, Journal } from './journal.js';

const ROUNDS = Math.max(2, scaled(20));
const WRITERS = 8;
const RECOVERY_MS = 5_000;
const REFUSAL_MS = 2_000;
/** For the time-outs of whole tests: a round on a machine that is busy with other specs, in milliseconds. */
const ROUND_MS = 30_000;

let server: PostgresServer;

beforeAll(async () => {
  // What was committed has to outlive a SIGKILL here, as it does in production.
  server = await PostgresServer.start({ settings: { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' } });
  await migrate(server.url());
});

afterEach(endGateways);
afterAll(() => server.remove());

async function withSession<T>(work: (session: pg.Client) => Promise<T>): Promise<T> {
  const session = await openSession(server.url());
  return work(session).finally(() => session.end());
}

async function newJournal(gateway: GatewayProcess, label: string): Promise<Journal> {
  const client = new Client(gateway.url);
  const principal = await client.send('POST', '/v1/principals', { body: { type: 'user', displayName: `Holder of ${label}` } });
  const asset = await client.send('POST', '/v1/assets', { body: { type: 'table', name: label, sensitivity: 'internal' } });
  client.close();
  return new Journal(label, { principalId: bodyOf<{ id: string }>(principal).id, assetId: bodyOf<{ id: string }>(asset).id });
}

/** Waits until every writer was answered 201 after an instant; answers when the last of them was. */
async function everyWriterSucceeds(journal: Journal, since: number): Promise<number> {
  const last = await eventually(() => {
    const first = Array.from({ length: WRITERS }, (_, writer) =>
      journal.answers.find((it) => it.writer === writer && it.status === 201 && it.at > since),
    );
    return first.every((it) => it !== undefined) && Math.max(...first.map((it) => it.at));
  }, 2 * RECOVERY_MS);
  return Number(last);
}

describe('a PostgreSQL that goes away under load', () => {
  it(
    `is answered for with 503 until it is back, and loses and doubles no change, stopped or killed ${ROUNDS} times`,
    async () => {
      const gateway = await startGateway(server.url());
      const journal = await newJournal(gateway, 'outage');
      journal.start(gateway.url, WRITERS);
      const recoveries: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        await everyWriterSucceeds(journal, performance.now());
        await (round % 2 === 0 ? server.stop() : server.kill());
        const away = performance.now();
        await eventually(() => journal.answers.filter((it) => it.at > away && it.status === 503).length > 3 * WRITERS);
        await server.restart();
        const back = performance.now();
        recoveries.push((await everyWriterSucceeds(journal, back)) - back);
      }
      await journal.stop();
      expect(gateway.log.filter(({ msg }) => msg === 'Unhandled failure')).toEqual([]);
      expect(journal.malformed).toEqual([]);
      expect(journal.broken).toEqual([]);
      expect(Object.keys(tally(journal.answers.map(({ status }) => status)))).toEqual(['201', '503']);
      expect(Math.max(...recoveries)).toBeLessThan(RECOVERY_MS);
      expect(await withSession((session) => differences(session, journal))).toEqual([]);
      await journal.repeatUnanswered(gateway.url);
      expect(await withSession((session) => differences(session, journal))).toEqual([]);
    },
    30_000 + ROUNDS * ROUND_MS,
  );
});

describe('a gateway that is killed under load', () => {
  it(
    `leaves nothing half-done, and the next one finishes what is asked again, ${ROUNDS} times`,
    async () => {
      const first = await startGateway(server.url());
      const journal = await newJournal(first, 'killed');
      await first.stop();
      for (let round = 0; round < ROUNDS; round++) {
        const gateway = await startGateway(server.url());
        const part = new Journal(`killed.${round}`, journal.parties);
        part.start(gateway.url, WRITERS);
        await eventually(() => part.answers.length > 5 * WRITERS);
        await gateway.stop('SIGKILL');
        await part.stop();
        expect(part.broken.length).toBeGreaterThan(0);
        const next = await startGateway(server.url());
        expect(await withSession((session) => differences(session, part))).toEqual([]);
        await part.repeatUnanswered(next.url);
        expect(part.changes.filter(({ answered }) => !answered)).toEqual([]);
        expect(await withSession((session) => differences(session, part))).toEqual([]);
        expect(part.malformed).toEqual([]);
        await next.stop();
      }
    },
    30_000 + ROUNDS * ROUND_MS,
  );
});

describe('a pool of connections that is used up', () => {
  it('is answered for with 503 within two seconds, and whoever holds it is answered in the end', async () => {
    const gateway = await startGateway(server.url(), { API_DATABASE_POOL_SIZE: '2' });
    const clients = Array.from({ length: 12 }, () => new Client(gateway.url));
    const [other, ...writers] = clients as [Client, ...Client[]];
    const created = await other.send('POST', '/v1/principals', { body: { type: 'user', displayName: 'Locked' } });
    const path = `/v1/principals/${bodyOf<{ id: string }>(created).id}`;
    await withSession(async (session) => {
      await session.query('BEGIN');
      await session.query('SELECT FROM principals WHERE id = $1 FOR UPDATE', [path.split('/').at(-1)]);
      const patches = writers.map((writer, index) => timed(writer.send('PATCH', path, { body: { department: `Department ${index}` } })));
      await waitForLocks(server.url(), 2);
      for (const address of ['/v1/principals', path, '/v1/health/serving']) {
        const { answer, tookMs } = await timed(other.send('GET', address));
        expect([address, answer.status]).toEqual([address, 503]);
        expect(tookMs).toBeLessThan(REFUSAL_MS);
        if (!address.includes('health')) expect(answer.headers['retry-after']).toBe('5');
      }
      expect((await other.send('GET', '/v1/health/live')).status).toBe(200);
      await session.query('COMMIT');
      const answers = await Promise.all(patches);
      expect(tally(answers.map(({ answer }) => answer.status))).toEqual({ 200: 2, 503: writers.length - 2 });
      for (const { answer, tookMs } of answers) if (answer.status === 503) expect(tookMs).toBeLessThan(REFUSAL_MS);
    });
    expect((await other.send('GET', path)).status).toBe(200);
    for (const client of clients) client.close();
  });
});

async function timed<T>(sent: Promise<T>): Promise<{ answer: T; tookMs: number }> {
  const asked = performance.now();
  const answer = await sent;
  return { answer, tookMs: performance.now() - asked };
}
