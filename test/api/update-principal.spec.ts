import { factories, next } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitForLocks } from '../support/sessions.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('PATCH and DELETE /v1/principals/{id}', () => {
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

  const get = (id: string) => gateway.http.get(`/v1/principals/${id}`);
  const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
    gateway.http.patch(`/v1/principals/${id}`).set(headers).send(body);
  const remove = (id: string, headers: Record<string, string> = {}) => gateway.http.delete(`/v1/principals/${id}`).set(headers);

  it('changes what it is sent, clears what is null, leaves the rest, and moves the version by one', async () => {
    const manager = await make.principal();
    const before = await make.principal({ email: `p${next()}@example.com`, department: 'Finance', attributes: { a: '1' } });
    const response = await patch(before.id, { displayName: 'Renamed', email: null, managerId: manager.id });
    expect(response.status).toBe(200);
    const expected = {
      ...before,
      displayName: 'Renamed',
      email: null,
      managerId: manager.id,
      version: 2,
      updatedAt: response.body.updatedAt,
    };
    expect(response.body).toEqual(expected);
    expect(response.headers['etag']).toBe('"2"');
    expect((await get(before.id)).body).toEqual(expected);
    expect(new Date(response.body.updatedAt as string).getTime()).toBeGreaterThanOrEqual(new Date(before['updatedAt'] as string).getTime());
  });

  it('merges attributes: sets the ones it is sent, takes away the ones that are null, leaves the others', async () => {
    const { id } = await make.principal({ attributes: { stays: '1', changes: '1', goes: '1' } });
    const merged = await patch(id, { attributes: { changes: '2', goes: null, comes: '1', neverWas: null } });
    expect(merged.body.attributes).toEqual({ stays: '1', changes: '2', comes: '1' });
    expect((await patch(id, { attributes: {} })).body).toMatchObject({ attributes: merged.body.attributes, version: 2 });
    expect((await patch(id, { attributes: null })).body).toMatchObject({ attributes: {}, version: 3 });
  });

  it('moves no version and writes no event when nothing changes', async () => {
    const fields = { displayName: 'Same', email: `p${next()}@example.com`, department: 'Finance', attributes: { b: '1', a: '2' } };
    const before = await make.principal(fields);
    for (const body of [{}, fields, { attributes: { a: '2', b: '1' } }, { status: 'active' }, { managerId: null }]) {
      const response = await patch(before.id, body);
      expect([response.status, response.body, response.headers['etag']]).toEqual([200, before, '"1"']);
    }
    expect(await outbox.actions(before.id)).toEqual(['principal.created']);
  });

  it('takes application/merge-patch+json as well', async () => {
    const { id } = await make.principal();
    const response = await gateway.http
      .patch(`/v1/principals/${id}`)
      .set('Content-Type', 'application/merge-patch+json; charset=UTF-8')
      .send('{"department":"Legal"}');
    expect([response.status, response.body.department]).toEqual([200, 'Legal']);
  });

  it.each([
    ['type', { type: 'group' }],
    ['source', { source: 'entra' }],
    ['id', { id: NOBODY }],
    ['version', { version: 7 }],
    ['createdAt', { createdAt: '2026-01-01T00:00:00.000Z' }],
    ['displayName', { displayName: null }],
    ['status', { status: null }],
    ['status', { status: 'gone' }],
    ['attributes', { attributes: { a: 1 } }],
  ])('refuses to change %s by %j', async (path, body) => {
    const before = await make.principal();
    const response = await patch(before.id, body);
    expect(response.status).toBe(400);
    expect(response.body.error).toMatchObject({ code: 'validation_failed', details: [{ path }] });
    expect((await get(before.id)).body).toEqual(before);
  });

  it('names a manager that does not exist, a taken address and a taken external id by their paths', async () => {
    const other = await make.principal({ email: `p${next()}@example.com`, externalId: `x${next()}` });
    const { id } = await make.principal();
    const manager = await patch(id, { managerId: NOBODY });
    expect([manager.status, manager.body.error.details[0].path]).toEqual([400, 'managerId']);
    const email = await patch(id, { email: String(other['email']).toUpperCase() });
    expect([email.status, email.body.error.code, email.body.error.details[0].path]).toEqual([409, 'duplicate', 'email']);
    const externalId = await patch(id, { externalId: other['externalId'] });
    expect([externalId.status, externalId.body.error.details[0].path]).toEqual([409, 'externalId']);
  });

  it('obeys If-Match: a version that is not the current one is 409 and changes nothing, a weak tag never matches', async () => {
    const { id } = await make.principal();
    expect((await patch(id, { department: 'A' }, { 'If-Match': '"1"' })).status).toBe(200);
    for (const tags of ['"1"', 'W/"2"', '"3", "1"', '""']) {
      const response = await patch(id, { department: 'B' }, { 'If-Match': tags });
      expect([response.status, response.body.error.code]).toEqual([409, 'version_conflict']);
      expect((await remove(id, { 'If-Match': tags })).status).toBe(409);
    }
    expect((await get(id)).body).toMatchObject({ department: 'A', version: 2 });
    expect((await patch(id, { department: 'B' }, { 'If-Match': '"7", "2"' })).status).toBe(200);
    expect((await patch(id, { department: 'C' }, { 'If-Match': '*' })).status).toBe(200);
    expect((await remove(id, { 'If-Match': '"4"' })).status).toBe(204);
  });

  it.each([['4'], ['"4'], ['W/4'], ['"4";"5"']])('answers 400 to If-Match: %s', async (tags) => {
    const { id } = await make.principal();
    const response = await patch(id, { department: 'A' }, { 'If-Match': tags });
    expect(response.status).toBe(400);
    expect(response.body.error.details).toMatchObject([{ path: 'If-Match' }]);
    expect((await get(id)).body.version).toBe(1);
  });

  it('answers 404 to a change of what does not exist, whatever If-Match says', async () => {
    expect((await patch(NOBODY, { department: 'A' })).status).toBe(404);
    expect((await patch(NOBODY, { department: 'A' }, { 'If-Match': '*' })).status).toBe(404);
    expect((await remove(NOBODY)).status).toBe(404);
  });

  it('deactivates with 204, and again with 204 that changes nothing', async () => {
    const { id } = await make.principal();
    const first = await remove(id);
    expect([first.status, first.text]).toEqual([204, '']);
    expect((await get(id)).body).toMatchObject({ status: 'deactivated', version: 2 });
    expect((await remove(id)).status).toBe(204);
    expect((await get(id)).body.version).toBe(2);
    expect(await outbox.actions(id)).toEqual(['principal.created', 'principal.deactivated']);
  });

  it("brings a deactivated principal back by its status, unless its address is another active user's by now", async () => {
    const email = `p${next()}@example.com`;
    const { id } = await make.principal({ email });
    await remove(id);
    const other = await make.principal({ email });
    const taken = await patch(id, { status: 'active' });
    expect([taken.status, taken.body.error.code]).toEqual([409, 'duplicate']);
    await remove(other.id);
    expect((await patch(id, { status: 'active' })).body).toMatchObject({ status: 'active', version: 3 });
    expect(await outbox.actions(id)).toEqual(['principal.created', 'principal.deactivated', 'principal.updated']);
  });

  it('is later than the change that it had to wait for', async () => {
    const { id } = await make.principal();
    await outbox.client.query('BEGIN');
    await outbox.client.query('SELECT FROM principals WHERE id = $1 FOR UPDATE', [id]);
    const waiting = patch(id, { department: 'Second' }).then((response) => response);
    await waitForLocks(gateway.database.url, 1);
    const { rows } = await outbox.client.query<{ at: Date }>(
      `UPDATE principals SET department = 'First', version = 2, updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at AS at`,
      [id],
    );
    await outbox.client.query('COMMIT');
    const { body } = await waiting;
    expect(body).toMatchObject({ department: 'Second', version: 3 });
    expect(Date.parse(body.updatedAt as string)).toBeGreaterThanOrEqual(rows[0]?.at.getTime() ?? Infinity);
  });

  it('tells in its event the changed members alone, personal ones by digests that show a change and a change back', async () => {
    const { id } = await make.principal({ displayName: 'Nora Before', department: 'Finance' });
    await patch(id, { displayName: 'Nora After', department: 'Legal' });
    await patch(id, { displayName: 'Nora Before' });
    const [, there, back] = await outbox.of(id);
    expect(there?.before).toEqual({ displayName: expect.stringMatching(/^hmac-sha256:/), department: 'Finance' });
    expect(there?.after).toEqual({ displayName: expect.stringMatching(/^hmac-sha256:/), department: 'Legal' });
    expect(back?.before).toEqual({ displayName: there?.after?.['displayName'] });
    expect(back?.after).toEqual({ displayName: there?.before?.['displayName'] });
    expect(JSON.stringify([there, back])).not.toMatch(/Nora/);
  });
});
