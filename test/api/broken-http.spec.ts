import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { exchange } from './raw-http.js';

const head = (...lines: string[]): string => [...lines, '', ''].join('\r\n');
const HOST = 'Host: gateway';
const CLOSE = 'Connection: close';
const JSON_TYPE = 'Content-Type: application/json';

/** What never becomes a request, or not a whole one. */
const BROKEN: [what: string, bytes: string | Buffer, status: number, code: string][] = [
  ['no HTTP at all', 'HELO gateway\r\n\r\n', 400, 'malformed_request'],
  ['bytes of another protocol', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]), 400, 'malformed_request'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed_request'],
  ['a method that HTTP does not have', head('GRANT /v1/me HTTP/1.1', HOST), 400, 'malformed_request'],
  ['a version that HTTP does not have', head('GET /v1/me HTTP/9.9', HOST), 400, 'malformed_request'],
  ['a blank in the address', head('GET /v1/me you HTTP/1.1', HOST), 400, 'malformed_request'],
  ['a header without a colon', head('GET /v1/me HTTP/1.1', HOST, 'nonsense'), 400, 'malformed_request'],
  ['a header with NUL in it', head('GET /v1/me HTTP/1.1', HOST, 'X-A: a\0b'), 400, 'malformed_request'],
  ['no Host', head('GET /v1/me HTTP/1.1', CLOSE), 400, 'malformed_request'],
  ['two Hosts', head('GET /v1/me HTTP/1.1', HOST, 'Host: other', CLOSE), 400, 'malformed_request'],
  ['a length that is no number', head('POST /v1/assets HTTP/1.1', HOST, JSON_TYPE, 'Content-Length: two'), 400, 'malformed_request'],
  ['two lengths', head('POST /v1/assets HTTP/1.1', HOST, JSON_TYPE, 'Content-Length: 2', 'Content-Length: 3'), 400, 'malformed_request'],
  [
    'a length and chunks, which lets one request hide in another',
    `${head('POST /v1/assets HTTP/1.1', HOST, JSON_TYPE, 'Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    400,
    'malformed_request',
  ],
  [
    'a chunk of no length',
    `${head('POST /v1/assets HTTP/1.1', HOST, JSON_TYPE, 'Transfer-Encoding: chunked', CLOSE)}xyz\r\n`,
    400,
    'malformed_request',
  ],
  ['headers of 17 KB', head('GET /v1/me HTTP/1.1', HOST, `Authorization: Bearer ${'a'.repeat(17 * 1024)}`), 431, 'headers_too_large'],
  ['an address of 17 KB', head(`GET /v1/me?${'a'.repeat(17 * 1024)} HTTP/1.1`, HOST), 431, 'headers_too_large'],
  ['bytes in an address that no address may hold', head('GET /v1/principals?q=Zo\u00eb HTTP/1.1', HOST, CLOSE), 400, 'malformed_request'],
];

describe('what is not HTTP', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway();
  });

  afterAll(() => gateway.close());

  it.each(BROKEN)('is answered in the envelope, and the connection closed: %s', async (_what, bytes, status, code) => {
    const response = await exchange(gateway.url, bytes);
    expect([response?.status, response?.headers['content-type']]).toEqual([status, 'application/json; charset=utf-8']);
    expect(JSON.parse(response?.body ?? '')).toEqual({
      error: { code, message: expect.any(String), details: [], requestId: response?.headers['x-request-id'] },
    });
    expect(response?.headers['content-length']).toBe(String(Buffer.byteLength(response?.body ?? '')));
  });

  it('does not keep others from being answered', async () => {
    for (const [, bytes] of BROKEN) await exchange(gateway.url, bytes);
    expect((await gateway.http.get('/v1/me')).status).toBe(200);
  });

  it('is not what HTTP/1.0 without a Host is, nor an expectation that nobody has, nor an offer to upgrade', async () => {
    const live = 'GET /v1/health/live HTTP/1.1';
    expect((await exchange(gateway.url, head('GET /v1/health/live HTTP/1.0')))?.status).toBe(200);
    expect((await exchange(gateway.url, head(live, HOST, CLOSE, 'Expect: 200-maybe')))?.status).toBe(200);
    expect((await exchange(gateway.url, head('GET http://gateway/v1/health/live HTTP/1.1', HOST, CLOSE)))?.status).toBe(200);
    const upgrade = head('GET /v1/health/live HTTP/1.0', HOST, 'Connection: Upgrade', 'Upgrade: websocket');
    expect((await exchange(gateway.url, upgrade))?.status).toBe(200);
  });

  it('tells a client to go on that waits for it before it sends its body', async () => {
    const body = '{"type":"table","name":"t"}';
    const request = head('POST /v1/assets HTTP/1.1', HOST, CLOSE, JSON_TYPE, `Content-Length: ${body.length}`, 'Expect: 100-continue');
    const response = await exchange(gateway.url, request + body);
    expect([response?.status, response?.body]).toEqual([100, expect.stringMatching(/^HTTP\/1\.1 201 Created/)]);
  });
});
