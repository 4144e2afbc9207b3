import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { AccessToken } from './access-token.js';
import { GatewayError } from './gateway.errors.js';
import { resilientFetch } from './resilient-fetch.js';

const POLICY = { attempts: 4, firstDelayMs: 1, maxDelayMs: 4, timeoutMs: 200 };
const NEVER = new AbortController().signal;

let server: Server;
let url: string;
let answer: RequestListener;
const received: { key: string | undefined; body: string; atMs: number }[] = [];

beforeAll(async () => {
  const receive = async (request: IncomingMessage): Promise<void> => {
    received.push({ key: request.headers['idempotency-key'] as string | undefined, body: await text(request), atMs: performance.now() });
  };
  server = createServer((request, response) => void receive(request).then(() => answer(request, response))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

beforeEach(() => received.splice(0));

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Answers the statuses one after the other, and then the last of them for ever. */
function answering(...answers: { status: number; headers?: Record<string, string>; body?: string }[]): void {
  answer = (_request, response) => {
    const { status, headers, body } = answers[Math.min(received.length, answers.length) - 1]!;
    response.writeHead(status, headers).end(body);
  };
}

const post = (signal = NEVER) =>
  resilientFetch(new Request(url, { method: 'POST', body: '{"a":1}', headers: { 'Idempotency-Key': 'k1' } }), signal, POLICY);

describe('a request that has to arrive', () => {
  it.each([429, 502, 503, 504])('is sent again after %i, with the same key and body', async (status) => {
    answering({ status }, { status }, { status: 201 });
    expect((await post()).status).toBe(201);
    expect(received.map(({ key, body }) => [key, body])).toEqual(Array(3).fill(['k1', '{"a":1}']));
  });

  it('is sent again when the connection breaks, and when no answer comes in time', async () => {
    answer = (request, response) => {
      if (received.length === 1) request.socket.destroy();
      else if (received.length > 2) response.writeHead(200).end();
    };
    expect((await post()).status).toBe(200);
    expect(received).toHaveLength(3);
  });

  it('is sent again while the first one of its key is still being answered', async () => {
    answering({ status: 409, body: '{"error":{"code":"idempotency_in_flight"}}' }, { status: 201 });
    expect((await post()).status).toBe(201);
  });

  it.each([400, 401, 403, 404, 409, 422, 500])('is sent once when the answer is %i', async (status) => {
    answering({ status, body: '{"error":{"code":"duplicate"}}' });
    const response = await post();
    expect([response.status, received.length]).toEqual([status, 1]);
    expect(await response.text()).toContain('duplicate');
  });

  it('waits as long as Retry-After asks', async () => {
    answering({ status: 503, headers: { 'Retry-After': '1' } }, { status: 200 });
    await post();
    expect(received[1]!.atMs - received[0]!.atMs).toBeGreaterThanOrEqual(990);
  });

  it('is given up after the last attempt, in one line that says where and why', async () => {
    answering({ status: 503 });
    await expect(post()).rejects.toThrow(new GatewayError(`${new URL(url).origin} answered 503, 4 times in a row.`));
    await expect(resilientFetch(new Request('http://127.0.0.1:1/'), NEVER, POLICY)).rejects.toThrow(GatewayError);
  });

  it('is not sent again once the run is interrupted', async () => {
    const interruption = new AbortController();
    answer = (_request, response) => {
      interruption.abort();
      response.writeHead(503, { 'Retry-After': '60' }).end();
    };
    await expect(post(interruption.signal)).rejects.toThrow();
    expect(received).toHaveLength(1);
  });
});

describe('the token of client credentials', () => {
  const credentials = () => ({
    kind: 'client_credentials' as const,
    tokenUrl: url,
    clientId: 'c',
    clientSecret: 's&?',
    scope: 'api/.default',
  });
  const token = () => new AccessToken(credentials(), (request) => resilientFetch(request, NEVER, POLICY));

  it('is asked for once by all that need it, and kept', async () => {
    answering({ status: 200, body: '{"access_token":"t1","expires_in":3600}' });
    const one = token();
    expect(await Promise.all([one.current(), one.current(), one.current()])).toEqual(['t1', 't1', 't1']);
    expect(await one.current()).toBe('t1');
    expect(received.map(({ body }) => body)).toEqual([
      'grant_type=client_credentials&client_id=c&client_secret=s%26%3F&scope=api%2F.default',
    ]);
  });

  it('is asked for again when it was refused', async () => {
    answering(
      { status: 200, body: '{"access_token":"t1","expires_in":3600}' },
      { status: 200, body: '{"access_token":"t2","expires_in":3600}' },
    );
    const one = token();
    expect(one.discard(await one.current())).toBe(true);
    expect(await one.current()).toBe('t2');
    expect(one.discard('t1')).toBe(true);
    expect(await one.current()).toBe('t2');
  });

  it.each([
    { status: 401, body: '{"error":"invalid_client"}' },
    { status: 200, body: '<html>' },
    { status: 200, body: '{"expires_in":1}' },
  ])('is an error in one line without the secret when the endpoint answers $status $body', async (refusal) => {
    answering(refusal);
    const error = await token()
      .current()
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(GatewayError);
    expect((error as GatewayError).message).not.toContain('s&?');
  });
});
