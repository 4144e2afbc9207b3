import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import type { GatewayProcess } from '../support/gateway.js';
import { scaled } from '../support/scale.js';
import { bodyOf, Client, tally } from './client.js';
import { openSession, waitForLocks } from '../support/sessions.js';
import { endGateways, startGateway } from './gateway.js';

const TRIES = Math.max(2, scaled(20));
const CLIENTS = 16;
/** Stopping is asked to be quick; the bound leaves room for a machine that is busy with other specs. */
const AT_ONCE_MS = 10_000;

/** What a load balancer does: looks whether it should send requests here, on a connection of its own each time. */
async function watchServing(url: string, red: () => void): Promise<void> {
  for (;;) {
    const probe = new Client(url, false);
    const status = await probe.send('GET', '/v1/health/serving').then(
      (answer) => answer.status,
      () => 0,
    );
    probe.close();
    if (status !== 200) return red();
    await pause(50);
  }
}

interface Load {
  statuses: number[];
  dropped: string[];
  /** Names of the principals whose creation was answered 201. */
  created: string[];
  answeredSinceStop: number;
}

/** Reads and writes, half of the clients on connections that stay open, for as long as `sending()`. */
async function runLoad(url: string, label: string, load: Load, state: { sending: boolean; stopped: boolean }): Promise<void> {
  const clients = Array.from({ length: CLIENTS }, (_, index) => new Client(url, index % 2 === 0));
  const work = async (client: Client, index: number): Promise<void> => {
    for (let round = 0; state.sending; round++) {
      const name = `${label} ${index} ${round}`;
      const write = round % 3 === 0;
      const sent = write
        ? client.send('POST', '/v1/principals', { body: { type: 'user', displayName: name } })
        : client.send('GET', '/v1/principals?limit=20');
      await sent.then(
        ({ status }) => {
          load.statuses.push(status);
          if (write && status === 201) load.created.push(name);
          if (state.stopped) load.answeredSinceStop += 1;
        },
        (error: unknown) => load.dropped.push(String(error)),
      );
    }
  };
  await Promise.all(clients.map(work));
  for (const client of clients) client.close();
}

describe('a gateway that is told to stop', () => {
  let database: TestDatabase;
  let session: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    session = await openSession(database.url);
  });

  afterEach(endGateways);

  afterAll(async () => {
    await session.end();
    await database.drop();
  });

  it(
    `drops no request under load, in ${TRIES} tries`,
    async () => {
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const gateway = await startGateway(database.url, { API_DRAIN_SECONDS: '1' });
        const load: Load = { statuses: [], dropped: [], created: [], answeredSinceStop: 0 };
        const state = { sending: true, stopped: false };
        const watching = watchServing(gateway.url, () => (state.sending = false));
        const label = `try ${attempt}`;
        const loading = runLoad(gateway.url, label, load, state);
        await eventually(() => load.statuses.length > 5 * CLIENTS);
        state.stopped = true;
        const exit = gateway.stop('SIGTERM');
        await Promise.all([watching, loading]);
        expect(load.dropped).toEqual([]);
        expect(Object.keys(tally(load.statuses)).sort()).toEqual(['200', '201']);
        expect(load.answeredSinceStop).toBeGreaterThan(0);
        expect(await exit).toBe(0);
        const { rows } = await session.query('SELECT FROM principals WHERE display_name LIKE $1', [`${label} %`]);
        expect(rows).toHaveLength(load.created.length);
      }
    },
    TRIES * 15_000,
  );

  it('is red to load balancers and to orchestrators while it drains, and answers everybody else', async () => {
    const gateway = await startGateway(database.url, { API_DRAIN_SECONDS: '2' });
    const client = new Client(gateway.url);
    expect((await client.send('GET', '/v1/health/serving')).status).toBe(200);
    const exit = gateway.stop('SIGTERM');
    const red = await eventually(async () => {
      const answer = await client.send('GET', '/v1/health/serving');
      expect(answer.status).toBe(503);
      return answer;
    });
    expect(bodyOf(red)).toMatchObject({ status: 'error', error: { draining: { status: 'down' } } });
    expect((await client.send('GET', '/v1/health')).status).toBe(503);
    expect((await client.send('GET', '/v1/health/live')).status).toBe(200);
    const read = await client.send('GET', '/v1/principals');
    expect([read.status, read.headers.connection]).toEqual([200, 'close']);
    expect((await client.send('POST', '/v1/principals', { body: { type: 'user', displayName: 'Late' } })).status).toBe(201);
    expect(await exit).toBe(0);
    client.close();
  });

  it('drains at once on SIGINT, whatever its drain', async () => {
    const gateway = await startGateway(database.url, { API_DRAIN_SECONDS: '300' });
    const client = new Client(gateway.url);
    await client.send('GET', '/v1/principals');
    const asked = performance.now();
    expect(await gateway.stop('SIGINT')).toBe(0);
    expect(performance.now() - asked).toBeLessThan(AT_ONCE_MS);
    client.close();
  });

  it('finishes what is being answered although it has no drain, and waits for nothing more on that connection', async () => {
    const gateway = await startGateway(database.url);
    const client = new Client(gateway.url);
    const created = await client.send('POST', '/v1/principals', { body: { type: 'user', displayName: 'Ann' } });
    const { id } = bodyOf<{ id: string }>(created);
    await session.query('BEGIN');
    await session.query('SELECT FROM principals WHERE id = $1 FOR UPDATE', [id]);
    const answered = client.send('PATCH', `/v1/principals/${id}`, { body: { department: 'Audit' } });
    await waitForLocks(database.url, 1);
    const exit = gateway.stop('SIGTERM');
    await eventually(() => isRefused(gateway));
    await session.query('COMMIT');
    const released = performance.now();
    const answer = await answered;
    expect([answer.status, answer.headers.connection]).toEqual([200, 'close']);
    expect(await exit).toBe(0);
    expect(performance.now() - released).toBeLessThan(AT_ONCE_MS);
    client.close();
  });

  it('is not kept from stopping by clients that never finish sending', async () => {
    const gateway = await startGateway(database.url);
    const head = 'POST /v1/principals HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: 99\r\n';
    const sockets = await Promise.all(['', head, `${head}\r\n{"type":`].map((text) => sendPart(gateway, text)));
    // What was sent before has been read once a request that was sent after it is answered.
    const client = new Client(gateway.url);
    await client.send('GET', '/v1/health/live');
    const asked = performance.now();
    expect(await gateway.stop('SIGTERM')).toBe(0);
    expect(performance.now() - asked).toBeLessThan(AT_ONCE_MS);
    client.close();
    for (const socket of sockets) socket.destroy();
  });
});

async function isRefused({ url }: GatewayProcess): Promise<boolean> {
  const probe = new Client(url, false);
  const refused = await probe.send('GET', '/v1/health/live').then(
    () => false,
    (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
  );
  probe.close();
  return refused;
}

async function sendPart({ url }: GatewayProcess, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  if (text) socket.write(text);
  return socket;
}
