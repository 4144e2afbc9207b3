import { factories, next, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

describe('POST /v1/principals/{id}/erase', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;
  let outbox: Outbox;

  beforeAll(async () => {
    gateway = await startTestGateway();
    make = factories(gateway.http);
    outbox = await Outbox.open(gateway.database.url);
  });

  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  const erase = (id: string, headers: Record<string, string> = {}) => gateway.http.post(`/v1/principals/${id}/erase`).set(headers);

  /** Somebody whose every personal field holds the word, now and in the past, in answers that are kept for repeats too. */
  async function person(word: string): Promise<Resource> {
    const personal = {
      displayName: `${word} Smith`,
      email: `${word}@example.com`,
      externalId: `oid-${word}`,
      attributes: { [`${word}Key`]: word },
    };
    const created = await gateway.http
      .post('/v1/principals')
      .set('Idempotency-Key', `create-${next()}`)
      .send({ type: 'user', ...personal });
    const { id } = created.body as Resource;
    await gateway.http.patch(`/v1/principals/${id}`).send({ displayName: `${word} Jones`, attributes: { phone: `${word}-555` } });
    const group = await make.group();
    await make.member(group.id, id);
    const granted = await gateway.http
      .post('/v1/grants')
      .set('Idempotency-Key', `grant-${next()}`)
      .send({ principalId: id, assetId: (await make.asset({ ownerId: id })).id, permission: 'SELECT', privilege: 'read' });
    expect(granted.body.principalName).toBe(`${word} Jones`);
    return created.body as Resource;
  }

  it('leaves nothing personal anywhere in PostgreSQL', async () => {
    const word = `Zyx${next()}wvut`;
    const { id } = await person(word);
    const places = async (): Promise<string[]> =>
      [...(await outbox.dump())].filter(([, text]) => text.toLowerCase().includes(word.toLowerCase())).map(([table]) => table);
    expect((await places()).sort()).toEqual(['public.idempotency_keys', 'public.principals', 'public.principals_history']);
    expect((await erase(id)).status).toBe(200);
    expect(await places()).toEqual([]);
  });

  it('keeps the principal under its id, with what it had and did', async () => {
    const { id } = await person(`Kept${next()}`);
    const response = await erase(id);
    expect(response.body).toMatchObject({ id, displayName: 'Erased principal', email: null, externalId: null, attributes: {}, version: 3 });
    expect(response.headers['etag']).toBe('"3"');
    expect((await gateway.http.get(`/v1/principals/${id}`)).body).toEqual(response.body);
    expect((await gateway.http.get('/v1/grants').query({ principalId: id })).body.items).toMatchObject([
      { principalName: 'Erased principal', status: 'active' },
    ]);
    expect((await gateway.http.get(`/v1/principals/${id}/groups`)).body.items).toHaveLength(1);
  });

  it('drops the key of the digests, and leaves the events that hold them as they are', async () => {
    const { id } = await person(`Digest${next()}`);
    const before = await outbox.of(id);
    await erase(id);
    const keys = await outbox.client.query('SELECT FROM principal_secrets WHERE principal_id = $1', [id]);
    expect(keys.rowCount).toBe(0);
    const after = await outbox.of(id);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after.slice(before.length)).toMatchObject([
      { action: 'principal.erased', resource: { type: 'principal', id }, before: null, after: null },
    ]);
  });

  it('changes nothing a second time', async () => {
    const { id } = await person(`Twice${next()}`);
    const first = await erase(id);
    const second = await erase(id);
    expect([second.status, second.body]).toEqual([200, first.body]);
    expect((await outbox.actions(id)).filter((action) => action === 'principal.erased')).toHaveLength(1);
  });

  it('erases again what was written after the first time', async () => {
    const { id } = await person(`Again${next()}`);
    await erase(id);
    await gateway.http.patch(`/v1/principals/${id}`).send({ displayName: 'Resynced Name' });
    expect((await erase(id)).body).toMatchObject({ displayName: 'Erased principal', version: 5 });
    expect([...(await outbox.dump()).values()].join()).not.toContain('Resynced Name');
  });

  it('frees the external id and the address for somebody else', async () => {
    const word = `Free${next()}`;
    const { id } = await person(word);
    await erase(id);
    await make.principal({ email: `${word}@example.com`, externalId: `oid-${word}` });
  });

  it('obeys If-Match, and answers 404 for a principal that does not exist', async () => {
    const { id } = await make.principal();
    expect((await erase(id, { 'If-Match': '"7"' })).status).toBe(409);
    expect((await erase(id, { 'If-Match': '"1"' })).status).toBe(200);
    expect((await erase('0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10')).status).toBe(404);
  });
});
