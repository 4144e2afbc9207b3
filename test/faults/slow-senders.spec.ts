import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Client } from './client.js';

const SLOW_SENDERS = 200;
const REQUESTS = 50;
/** Far above what an answer takes, also on a busy machine, and far below the time-outs of the gateway. */
const PROMPT_MS = 2_000;

const BODY = ['{"type":"user",', '"displayName":"Slow but steady"}'] as const;
const HEAD = `POST /v1/principals HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${BODY.join('').length}\r\n`;
/** Where a slow sender may have come to: nothing yet, in the middle of a line, before the end of its headers, in the middle of its body. */
const PARTS = ['', 'POST /v1/prin', HEAD, `${HEAD}\r\n${BODY[0]}`];

async function sendPart(url: string, text: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  if (text) socket.write(text);
  return socket;
}

describe('clients that send half a request and fall silent', () => {
  let gateway: TestGateway;
  let senders: Socket[];

  beforeAll(async () => {
    gateway = await startTestGateway({ environment: { API_DATABASE_POOL_SIZE: '2' } });
    senders = await Promise.all(Array.from({ length: SLOW_SENDERS }, (_, index) => sendPart(gateway.url, PARTS[index % PARTS.length]!)));
  });

  afterAll(async () => {
    for (const sender of senders) sender.destroy();
    await gateway.close();
  });

  it('keep nobody else from being answered, on connections that stay open or that are new', async () => {
    const open = new Client(gateway.url);
    for (let round = 0; round < REQUESTS; round++) {
      const fresh = new Client(gateway.url, false);
      const asked = performance.now();
      const answers = await Promise.all([
        open.send('POST', '/v1/principals', { body: { type: 'user', displayName: `Prompt ${round}` } }),
        fresh.send('GET', '/v1/principals?limit=10'),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([201, 200]);
      expect(performance.now() - asked).toBeLessThan(PROMPT_MS);
      fresh.close();
    }
    open.close();
  });

  it('hold no connection of the database', async () => {
    const client = new Client(gateway.url);
    const { text } = await client.send('GET', '/v1/metrics');
    expect(text).toMatch(/^database_pool_connections\{state="busy"\} 0$/m);
    expect(text).toMatch(/^database_pool_connections\{state="waiting"\} 0$/m);
    client.close();
  });

  it('are still held, and are answered once they go on', async () => {
    const sender = senders[3]!;
    const answered = once(sender, 'data') as Promise<[Buffer]>;
    sender.write(BODY[1]);
    const [answer] = await answered;
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 201 /);
    expect(senders.filter((it) => it.destroyed)).toEqual([]);
  });
});
