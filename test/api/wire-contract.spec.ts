import { readFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { gzipSync } from 'node:zlib';
import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';
import { exchange } from './raw-http.js';
import { json, LIMIT, nested, NOBODY, padded, person, REFUSALS } from './refusals.js';

/** Every name that an object has from its birth. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype);

describe('the wire contract', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;

  beforeAll(async () => {
    gateway = await startTestGateway();
    make = factories(gateway.http);
  });

  afterAll(() => gateway.close());

  it.each(REFUSALS)('answers $status $code in the envelope, or as problem details, to $what', async ({ status, code, send }) => {
    const plain = await send(gateway.http);
    expect([plain.status, plain.body]).toEqual([
      status,
      { error: { code, message: expect.any(String), details: expect.any(Array), requestId: plain.headers['x-request-id'] } },
    ]);
    expect(plain.headers['content-type']).toBe('application/json; charset=utf-8');
    const { message, details } = (plain.body as { error: { message: string; details: { path: string; message: string }[] } }).error;
    for (const detail of details) expect(detail).toEqual({ path: expect.any(String), message: expect.any(String) });

    const problem = await send(gateway.http).set('Accept', 'application/problem+json');
    expect(problem.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([problem.status, problem.body]).toEqual([
      status,
      {
        type: 'about:blank',
        title: STATUS_CODES[status],
        status,
        detail: message,
        code,
        errors: details,
        requestId: problem.headers['x-request-id'],
      },
    ]);
  });

  it('answers a crash with 500 that says nothing of the inside', async () => {
    const outbox = await Outbox.open(gateway.database.url);
    await outbox.client.query('ALTER TABLE principal_secrets RENAME TO principal_secrets_hidden');
    const response = await gateway.http.post('/v1/principals').send({ type: 'user', displayName: 'Ann' });
    await outbox.client.query('ALTER TABLE principal_secrets_hidden RENAME TO principal_secrets');
    await outbox.close();
    expect([response.status, response.body]).toEqual([
      500,
      {
        error: { code: 'internal', message: 'Something went wrong on our side.', details: [], requestId: response.headers['x-request-id'] },
      },
    ]);
    expect((await gateway.http.post('/v1/principals').send({ type: 'user', displayName: 'Ann' })).status).toBe(201);
  });

  it('answers 405 with what a path does take to every method that it does not, on every path of the document', async () => {
    const { paths } = JSON.parse(readFileSync('openapi.json', 'utf8')) as { paths: Record<string, Record<string, unknown>> };
    for (const [template, operations] of Object.entries(paths)) {
      const path = template.replace(/\{\w+\}/g, NOBODY);
      const taken = Object.keys(operations).filter((name) => ['get', 'post', 'put', 'patch', 'delete'].includes(name));
      const allow = [...taken.map((name) => name.toUpperCase()), ...(taken.includes('get') ? ['HEAD'] : [])].sort().join(', ');
      for (const method of ['get', 'post', 'put', 'patch', 'delete', 'trace', 'propfind'] as const) {
        if (taken.includes(method)) continue;
        const response = await gateway.http[method](path);
        expect([method, path, response.status, response.body.error?.code, response.headers['allow']]).toEqual([
          method,
          path,
          405,
          'method_not_allowed',
          allow,
        ]);
      }
    }
  });

  describe('what is not known', () => {
    it.each(['colour', 'Type', 'id', '', ...INHERITED])('refuses the member %j of a body, naming it', async (name) => {
      const text = `{"type":"user","displayName":"Ann",${JSON.stringify(name)}:"x"}`;
      const created = await json(gateway.http, text);
      expect([created.status, created.body.error?.details]).toEqual([400, [{ path: name, message: 'is not known here' }]]);
      const { id } = await make.principal();
      const patched = await gateway.http
        .patch(`/v1/principals/${id}`)
        .set('Content-Type', 'application/json')
        .send(`{${JSON.stringify(name)}:{"x":1}}`);
      expect([patched.status, patched.body.error?.details[0].path]).toEqual([400, name]);
    });

    it.each(['colour', 'Type', 'limit[]', 'limit.x', ...INHERITED])('refuses the parameter %j of a query, naming it', async (name) => {
      for (const path of ['/v1/principals', `/v1/assets/${NOBODY}`, '/v1/me', '/v1/health', `/v1/principals/${NOBODY}/members`]) {
        const response = await gateway.http.get(`${path}?${encodeURIComponent(name)}=x`);
        expect([response.status, response.body.error?.details]).toEqual([400, [{ path: name, message: 'is not known here' }]]);
      }
    });

    it('refuses parameters on routes that change something, too', async () => {
      for (const request of [
        gateway.http.post('/v1/principals?dryRun=true').send({ type: 'user', displayName: 'Ann' }),
        gateway.http.delete(`/v1/principals/${NOBODY}?force=true`),
        gateway.http.put(`/v1/principals/${NOBODY}/members/${NOBODY}?x=1`),
      ])
        expect((await request).body.error.code).toBe('validation_failed');
    });

    it('refuses attributes that could not be given back', async () => {
      for (const name of INHERITED) {
        const response = await json(gateway.http, `{"type":"user","displayName":"Ann","attributes":{${JSON.stringify(name)}:"x"}}`);
        expect([response.status, response.body.error?.details[0].path]).toEqual([400, `attributes.${name}`]);
      }
    });

    it('refuses a repeated parameter, the 1,001st of a query too', async () => {
      for (const query of ['limit=1&limit=1', 'q=a&q=b', 'limit=1&limit=']) {
        const response = await gateway.http.get(`/v1/principals?${query}`);
        expect([response.status, response.body.error.details[0].message]).toEqual([400, 'must be given once']);
      }
      const many = Array.from({ length: 1000 }, () => 'limit=1').join('&');
      const response = await gateway.http.get(`/v1/principals?${many}&colour=red`);
      expect(response.body.error.details).toContainEqual(expect.objectContaining({ path: 'limit' }));
      const alone = await gateway.http.get(`/v1/principals?${'&'.repeat(1000)}colour=red`);
      expect(alone.body.error.details).toEqual([{ path: 'colour', message: 'is not known here' }]);
    });

    it('refuses a body where none is taken, and takes an empty one', async () => {
      const { id } = await make.principal();
      for (const request of [
        gateway.http.get('/v1/principals').send({ a: 1 }),
        gateway.http.delete(`/v1/principals/${id}`).send({ a: 1 }),
      ]) {
        const response = await request;
        expect([response.status, response.body.error.details]).toEqual([400, [{ path: 'a', message: 'is not known here' }]]);
      }
      expect((await gateway.http.get('/v1/principals').send({})).status).toBe(200);
      expect((await gateway.http.get(`/v1/principals/${id}`)).body.status).toBe('active');
      expect((await gateway.http.delete(`/v1/principals/${id}`).send({})).status).toBe(204);
    });
  });

  describe('text', () => {
    it.each([
      ['NUL', '\\u0000'],
      ['the first half of a pair', '\\ud83d'],
      ['the second half of a pair', '\\ude00'],
      ['halves in the wrong order', '\\ude00\\ud83d'],
    ])('is refused with %s in it, wherever it stands', async (_what, escape) => {
      const bodies: [string, string][] = [
        ['displayName', `{"type":"user","displayName":"a${escape}b"}`],
        ['type', `{"type":"${escape}","displayName":"Ann"}`],
        ['attributes.a', `{"type":"user","displayName":"Ann","attributes":{"a":"${escape}"}}`],
      ];
      for (const [path, text] of bodies) {
        const response = await json(gateway.http, text);
        expect([response.status, response.body.error.code, response.body.error.details[0].path]).toEqual([400, 'validation_failed', path]);
      }
      expect((await json(gateway.http, `{"type":"user","displayName":"Ann","attributes":{"${escape}":"a"}}`)).status).toBe(400);
      expect((await json(gateway.http, `{"type":"user","displayName":"Ann","${escape}":"a"}`)).status).toBe(400);
      expect((await gateway.http.get('/v1/principals?q=%00')).status).toBe(400);
    });

    it('comes back as it was sent, in every alphabet', async () => {
      const name = 'Zoë 👩‍👩‍👧 العربية 漢字 \u2028 "\\/ e\u0301';
      const { body } = await gateway.http.post('/v1/principals').send({ type: 'user', displayName: name, attributes: { [name]: name } });
      expect((await gateway.http.get(`/v1/principals/${(body as Resource).id}`)).body).toMatchObject({
        displayName: name,
        attributes: { [name]: name },
      });
      expect((await gateway.http.get('/v1/principals').query({ q: name })).body.items).toMatchObject([{ displayName: name }]);
    });
  });

  describe('bodies', () => {
    const inChunks = (text: string) => {
      const chunks = [text.slice(0, 1_000), text.slice(1_000)].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
      const lines = [
        'POST /v1/principals HTTP/1.1',
        'Host: a',
        'Connection: close',
        'Content-Type: application/json',
        'Transfer-Encoding: chunked',
      ];
      return exchange(gateway.url, `${lines.join('\r\n')}\r\n\r\n${chunks.join('')}0\r\n\r\n`);
    };

    it('are taken up to 100 KB to the byte, also packed, and in chunks', async () => {
      expect((await json(gateway.http, padded(LIMIT))).status).toBe(201);
      expect((await json(gateway.http, gzipSync(padded(LIMIT)), undefined, { 'Content-Encoding': 'gzip' })).status).toBe(201);
      expect(await inChunks(padded(LIMIT))).toMatchObject({ status: 201 });
    });

    it('are refused in chunks too when they are one byte too long', async () => {
      const response = await inChunks(padded(LIMIT + 1));
      expect([response?.status, JSON.parse(response?.body ?? '')]).toMatchObject([413, { error: { code: 'payload_too_large' } }]);
    });

    it.each(['application/json', 'application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
      'are taken as %s',
      async (type) => {
        expect((await json(gateway.http, person, type)).status).toBe(201);
      },
    );

    it('are taken nested as deep as any of ours can be', async () => {
      const response = await json(gateway.http, nested(10));
      expect(response.body.error.details).toMatchObject([{ path: 'attributes' }]);
    });
  });

  describe('X-Request-Id', () => {
    it.each(['a', 'b7f0c7d0-64a8-4a52-b1ff-0d63a2f2a9b1', 'x'.repeat(128), 'A.b_c:d+e/f=-'])(
      '%s is given back, in the headers and in errors',
      async (id) => {
        expect((await gateway.http.get('/v1/me').set('X-Request-Id', id)).headers['x-request-id']).toBe(id);
        const refused = await gateway.http.get('/v1/nothing').set('X-Request-Id', id);
        expect([refused.headers['x-request-id'], refused.body.error.requestId]).toEqual([id, id]);
      },
    );

    it.each(['', 'x'.repeat(129), 'two words', 'a"b', 'a{b}', 'é'])('%j is replaced by one of ours', async (id) => {
      const { headers } = await gateway.http.get('/v1/me').set('X-Request-Id', id);
      expect(headers['x-request-id']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    });
  });

  describe('headers', () => {
    it('protect every answer, and say nothing of what runs here', async () => {
      for (const path of ['/v1/me', '/v1/nothing', '/v1/health/live', '/v1/metrics', '/v1/openapi.json']) {
        const { headers } = await gateway.http.get(path);
        expect(headers).toMatchObject({
          'content-security-policy': "default-src 'none';frame-ancestors 'none'",
          'cache-control': 'private, no-cache',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'SAMEORIGIN',
          'referrer-policy': 'no-referrer',
          'strict-transport-security': expect.stringMatching(/^max-age=\d{8}/),
        });
        expect(Object.keys(headers)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(x-powered-by|server)$/)]));
      }
    });

    it('leave the documentation usable over plain HTTP, where nothing would answer what a browser was told to ask over TLS', async () => {
      const policy = String((await gateway.http.get('/v1/docs')).headers['content-security-policy']);
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toContain('upgrade-insecure-requests');
    });

    it('answer HEAD as GET without a body on every kind of route, failures too', async () => {
      for (const path of ['/v1/me', '/v1/principals', '/v1/nothing', `/v1/grants/${NOBODY}`, '/v1/health/live', '/v1/openapi.json']) {
        const [get, head] = [await gateway.http.get(path), await gateway.http.head(path)];
        expect([path, head.status, head.headers['content-type'], head.headers['content-length']]).toEqual([
          ...[path, get.status, get.headers['content-type'], get.headers['content-length']],
        ]);
        expect(head.text).toBeUndefined();
      }
    });

    it('let every origin read by default, and none with credentials', async () => {
      const simple = await gateway.http.get('/v1/me').set('Origin', 'https://anywhere.example');
      expect(simple.headers['access-control-allow-origin']).toBe('*');
      expect(simple.headers['access-control-expose-headers']).toMatch(
        /ETag.*Link.*Location.*X-Request-Id.*Retry-After.*Idempotent-Replayed/,
      );
      const preflight = await gateway.http.options('/v1/grants').set({
        Origin: 'https://anywhere.example',
        'Access-Control-Request-Method': 'PATCH',
        'Access-Control-Request-Headers': 'authorization,if-match',
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-headers': 'authorization,if-match',
      });
      expect(preflight.headers['access-control-allow-methods']).toContain('PATCH');
      for (const { headers } of [simple, preflight]) expect(headers['access-control-allow-credentials']).toBeUndefined();
    });

    it('let the origins that are configured read, and no other', async () => {
      const origins = ['https://app.example.com', 'https://other.example.com'];
      const strict = await startTestGateway({ environment: { API_CORS_ORIGINS: origins.join(', ') } });
      const seenBy = async (origin: string, path = '/v1/me'): Promise<string | undefined> => {
        const { headers } = await strict.http.get(path).set('Origin', origin);
        expect(headers['vary']).toMatch(/Origin/);
        return headers['access-control-allow-origin'];
      };
      try {
        for (const origin of origins) expect([await seenBy(origin), await seenBy(origin, '/v1/nothing')]).toEqual([origin, origin]);
        for (const origin of ['https://evil.example', 'http://app.example.com', 'https://app.example.com.evil.example', 'null'])
          expect(await seenBy(origin)).toBeUndefined();
      } finally {
        await strict.close();
      }
    });
  });
});
