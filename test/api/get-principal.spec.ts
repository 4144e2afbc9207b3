import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

describe('GET /v1/principals/{id}', () => {
  let gateway: TestGateway;
  let principal: Resource;

  beforeAll(async () => {
    gateway = await startTestGateway();
    principal = await factories(gateway.http).principal();
  });

  afterAll(() => gateway.close());

  const get = (headers: Record<string, string> = {}) => gateway.http.get(`/v1/principals/${principal.id}`).set(headers);

  it('answers the principal as it was created, with its version', async () => {
    const response = await get();
    expect(response.status).toBe(200);
    expect(response.body).toEqual(principal);
    expect(response.headers['etag']).toBe('"1"');
  });

  it('finds it by its id in upper case too', async () => {
    expect((await gateway.http.get(`/v1/principals/${principal.id.toUpperCase()}`)).body).toEqual(principal);
  });

  it('answers 404 for an id that nothing has, and 400 for what is no id', async () => {
    const missing = await gateway.http.get('/v1/principals/0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10');
    expect([missing.status, missing.body.error.code]).toEqual([404, 'not_found']);
    const none = await gateway.http.get('/v1/principals/7');
    expect(none.status).toBe(400);
    expect(none.body.error).toMatchObject({ code: 'validation_failed', details: [{ path: 'id', message: 'must be a UUID' }] });
  });

  it.each([['"1"'], ['W/"1"'], ['"7", "1"'], ['"7" ,W/"1"'], ['*']])('answers 304 without a body to If-None-Match: %s', async (tags) => {
    const response = await get({ 'If-None-Match': tags });
    expect([response.status, response.text, response.headers['etag']]).toEqual([304, '', '"1"']);
  });

  it.each([['"2"'], ['W/"11"'], ['"7", "8"'], ['""']])('answers 200 with the principal to If-None-Match: %s', async (tags) => {
    const response = await get({ 'If-None-Match': tags });
    expect([response.status, response.body]).toEqual([200, principal]);
  });

  it.each([['1'], ['"1'], ['"1" "2"'], ['w/"1"'], ['*, "1"'], [`"${'1'.repeat(300)}"`]])(
    'answers 400 without an ETag to If-None-Match: %s',
    async (tags) => {
      const response = await get({ 'If-None-Match': tags });
      expect(response.status).toBe(400);
      expect(response.body.error).toMatchObject({ code: 'validation_failed', details: [{ path: 'If-None-Match' }] });
      expect(response.headers['etag']).toBeUndefined();
    },
  );

  it('answers HEAD with the headers of GET alone', async () => {
    const response = await gateway.http.head(`/v1/principals/${principal.id}`);
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({ etag: '"1"', 'content-length': String(Buffer.byteLength(JSON.stringify(principal))) });
    expect(response.text).toBeUndefined();
    expect((await gateway.http.head(`/v1/principals/${principal.id}`).set('If-None-Match', '"1"')).status).toBe(304);
  });
});
