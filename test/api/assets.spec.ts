import { factories, next, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { detailPaths } from './detail-paths.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('/v1/assets', () => {
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

  const post = (body: object) => gateway.http.post('/v1/assets').send(body);
  const get = (id: string, headers: Record<string, string> = {}) => gateway.http.get(`/v1/assets/${id}`).set(headers);
  const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
    gateway.http.patch(`/v1/assets/${id}`).set(headers).send(body);
  const remove = (id: string) => gateway.http.delete(`/v1/assets/${id}`);

  describe('POST', () => {
    it('answers 201 with every member of the asset, its address and its version', async () => {
      const [owner, parent] = [await make.principal(), await make.asset({ type: 'database' })];
      const sent = {
        type: 'table',
        name: 'finance.ledger',
        externalId: 'warehouse/finance/ledger',
        source: 'warehouse',
        sensitivity: 'restricted',
        ownerId: owner.id,
        parentId: parent.id,
        tags: ['sox', 'pii'],
        usageTrackedSince: '2025-01-01T00:00:00.000Z',
      };
      const response = await post(sent);
      expect(response.status).toBe(201);
      expect(response.body).toEqual({
        ...sent,
        id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        status: 'active',
        createdAt: expect.stringMatching(/Z$/),
        updatedAt: response.body.createdAt,
        version: 1,
      });
      expect(response.headers).toMatchObject({ location: `/v1/assets/${response.body.id}`, etag: '"1"' });
      expect((await get(response.body.id as string)).body).toEqual(response.body);
    });

    it('fills in what is left out, and brings a time into UTC with milliseconds', async () => {
      const { body } = await post({ type: 'bucket', name: 'logs', usageTrackedSince: '2025-06-01t02:00:00.1239+02:00' });
      expect(body).toMatchObject({ source: 'manual', sensitivity: 'internal', externalId: null, ownerId: null, parentId: null, tags: [] });
      expect(body.usageTrackedSince).toBe('2025-06-01T00:00:00.123Z');
    });

    it('names everything that is missing, unknown or not of its form', async () => {
      const response = await post({
        type: 'moon',
        sensitivity: 'secret',
        tags: ['a', 'a'],
        usageTrackedSince: 'today',
        externalId: 'e'.repeat(513),
        parentId: 'x',
        colour: 'red',
      });
      expect(response.status).toBe(400);
      expect(detailPaths(response)).toEqual([
        'colour',
        'externalId',
        'name',
        'parentId',
        'sensitivity',
        'tags',
        'type',
        'usageTrackedSince',
      ]);
    });

    it('takes the longest values that it promises to take, in the widest characters', async () => {
      const wide = (count: number): string => Array.from({ length: count }, () => String.fromCodePoint(0x20000 + next() * 5)).join('');
      const fields = { name: wide(512), externalId: wide(512), source: wide(64), tags: [wide(128)] };
      const response = await post({ type: 'other', ...fields });
      expect([response.status, response.body]).toMatchObject([201, fields]);
    });

    it('names an owner and a parent that do not exist by their paths', async () => {
      const owner = await post({ type: 'table', name: 't', ownerId: NOBODY });
      expect([owner.status, owner.body.error.code, owner.body.error.details[0].path]).toEqual([400, 'business_rule', 'ownerId']);
      const parent = await post({ type: 'table', name: 't', parentId: NOBODY });
      expect([parent.status, parent.body.error.code, parent.body.error.details[0].path]).toEqual([400, 'business_rule', 'parentId']);
    });

    it('answers 409 for an external id that its source has already, and takes it in another source', async () => {
      await make.asset({ source: 'one', externalId: 'e' });
      const response = await post({ type: 'table', name: 't', source: 'one', externalId: 'e' });
      expect([response.status, response.body.error.code, response.body.error.details[0].path]).toEqual([409, 'duplicate', 'externalId']);
      expect((await post({ type: 'table', name: 't', source: 'two', externalId: 'e' })).status).toBe(201);
    });

    it('tells of it in one event, its names by digests', async () => {
      const { body } = await post({ type: 'table', name: 'secret.plans', externalId: 'w/secret', tags: ['sox'] });
      const [event, ...others] = await outbox.of(body.id as string);
      expect(others).toEqual([]);
      const digest = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
      expect(event).toMatchObject({ action: 'asset.created', resource: { type: 'asset', id: body.id }, before: null });
      expect(event?.after).toEqual({
        ...{ type: 'table', source: 'manual', sensitivity: 'internal', status: 'active', tags: ['sox'] },
        ...{ name: digest, externalId: digest },
      });
    });
  });

  describe('GET', () => {
    it('filters by each of its filters', async () => {
      const source = `filters-${next()}`;
      const [owner, parent] = [await make.principal(), await make.asset()];
      const assets: Record<string, Resource> = {
        table: await make.asset({ source, name: 'Ledger_a', externalId: 'x', ownerId: owner.id, sensitivity: 'restricted' }),
        bucket: await make.asset({ source, name: 'LedgerXa', type: 'bucket', parentId: parent.id, tags: ['sox', 'a b'] }),
        retired: await make.asset({ source, name: '100%', tags: ['sox2'] }),
      };
      await remove((assets['retired'] as Resource).id);
      const found = async (query: object): Promise<string[]> => {
        const { body } = await gateway.http.get('/v1/assets').query({ source, ...query });
        return (body.items as Resource[]).map(({ id }) => Object.keys(assets).find((name) => assets[name]?.id === id) ?? id).sort();
      };
      expect(await found({})).toEqual(['bucket', 'retired', 'table']);
      expect(await found({ type: 'bucket' })).toEqual(['bucket']);
      expect(await found({ externalId: 'x' })).toEqual(['table']);
      expect(await found({ sensitivity: 'restricted' })).toEqual(['table']);
      expect(await found({ ownerId: owner.id })).toEqual(['table']);
      expect(await found({ parentId: parent.id })).toEqual(['bucket']);
      expect(await found({ tag: 'sox' })).toEqual(['bucket']);
      expect(await found({ tag: 'a b' })).toEqual(['bucket']);
      expect(await found({ status: 'retired' })).toEqual(['retired']);
      expect(await found({ status: 'active' })).toEqual(['bucket', 'table']);
      expect(await found({ q: 'lEdGeR' })).toEqual(['bucket', 'table']);
      expect(await found({ q: 'ledger_' })).toEqual(['table']);
      expect(await found({ q: '100%' })).toEqual(['retired']);
      expect(await found({ q: '%' })).toEqual([]);
      expect(await found({ type: 'bucket', tag: 'sox', status: 'active', q: 'ledgerx' })).toEqual(['bucket']);
      expect((await gateway.http.get('/v1/assets').query({ tags: 'sox' })).status).toBe(400);
    });

    it('honours If-None-Match, and answers 404 for what does not exist', async () => {
      const { id } = await make.asset();
      expect((await get(id, { 'If-None-Match': 'W/"1"' })).status).toBe(304);
      expect((await get(id, { 'If-None-Match': '"2"' })).status).toBe(200);
      expect((await get(NOBODY)).body.error.code).toBe('not_found');
    });
  });

  describe('PATCH', () => {
    it('changes what it is sent, clears what is null, leaves the rest, and moves the version by one', async () => {
      const before = await make.asset({ externalId: `x${next()}`, tags: ['a'], usageTrackedSince: '2025-01-01T00:00:00.000Z' });
      const response = await patch(before.id, { name: 'renamed', externalId: null, usageTrackedSince: null, tags: ['b'] });
      const changed = {
        name: 'renamed',
        externalId: null,
        usageTrackedSince: null,
        tags: ['b'],
        version: 2,
        updatedAt: response.body.updatedAt,
      };
      expect([response.status, response.body, response.headers['etag']]).toEqual([200, { ...before, ...changed }, '"2"']);
    });

    it('has it found by the tags that it has now, and by those alone', async () => {
      const tag = `tag-${next()}-`;
      const tagged = async (): Promise<string[][]> => {
        const pages = await Promise.all(['a', 'b', 'c'].map((name) => gateway.http.get('/v1/assets').query({ tag: tag + name })));
        return pages.map(({ body }) => (body.items as Resource[]).map(({ id }) => id));
      };
      const { id } = await make.asset({ tags: [`${tag}a`, `${tag}b`] });
      const other = await make.asset({ tags: [`${tag}b`] });
      expect(await tagged()).toEqual([[id], [id, other.id], []]);
      await patch(id, { tags: [`${tag}c`, `${tag}a`] });
      expect(await tagged()).toEqual([[id], [other.id], [id]]);
      await patch(id, { tags: null });
      expect(await tagged()).toEqual([[], [other.id], []]);
    });

    it('moves no version and writes no event when nothing changes', async () => {
      const before = await make.asset({ tags: ['a'], usageTrackedSince: '2025-01-01T00:00:00.000Z' });
      for (const body of [
        {},
        { tags: ['a'] },
        { usageTrackedSince: '2025-01-01T01:00:00+01:00' },
        { sensitivity: 'internal', parentId: null },
      ])
        expect((await patch(before.id, body)).body).toEqual(before);
      expect(await outbox.actions(before.id)).toEqual(['asset.created']);
    });

    it('tells in its event the changed members alone', async () => {
      const { id } = await make.asset({ sensitivity: 'public', tags: ['a'] });
      await patch(id, { sensitivity: 'restricted' });
      const event = (await outbox.of(id)).at(-1);
      expect(event).toMatchObject({ action: 'asset.updated', before: { sensitivity: 'public' }, after: { sensitivity: 'restricted' } });
      expect(Object.keys({ ...event?.before, ...event?.after })).toEqual(['sensitivity']);
    });

    it('refuses what never changes, and a parent that is the asset itself or lies inside it', async () => {
      const outer = await make.asset();
      const inner = await make.asset({ parentId: outer.id });
      for (const body of [{ type: 'bucket' }, { source: 'other' }, { id: NOBODY }, { status: 'gone' }])
        expect((await patch(outer.id, body)).body.error.code).toBe('validation_failed');
      for (const parentId of [outer.id, inner.id]) {
        const response = await patch(outer.id, { parentId });
        expect([response.status, response.body.error.code, response.body.error.details[0].path]).toEqual([
          400,
          'business_rule',
          'parentId',
        ]);
      }
      expect((await get(outer.id)).body).toEqual(outer);
    });

    it('never takes both of two opposite moves that are made at once', async () => {
      for (let round = 0; round < 10; round++) {
        const [a, b] = [await make.asset(), await make.asset()];
        const moves = await Promise.all([patch(a.id, { parentId: b.id }), patch(b.id, { parentId: a.id })]);
        expect(moves.map(({ status }) => status).sort()).toEqual([200, 400]);
      }
    });

    it('obeys If-Match, and answers 404 for what does not exist', async () => {
      const { id } = await make.asset();
      expect((await patch(id, { name: 'a' }, { 'If-Match': '"2"' })).body.error.code).toBe('version_conflict');
      expect((await patch(id, { name: 'a' }, { 'If-Match': '"1"' })).status).toBe(200);
      expect((await patch(NOBODY, { name: 'a' })).status).toBe(404);
    });
  });

  describe('DELETE', () => {
    it('retires with 204, again with 204 that changes nothing, and leaves its grants and its past to be seen', async () => {
      const asset = await make.asset();
      const grant = await make.grant({ assetId: asset.id });
      expect((await remove(asset.id)).status).toBe(204);
      expect((await remove(asset.id)).status).toBe(204);
      expect((await get(asset.id)).body).toMatchObject({ status: 'retired', version: 2 });
      expect((await gateway.http.get(`/v1/grants/${grant.id}`)).body).toMatchObject({ status: 'active', version: 1 });
      expect(await outbox.actions(asset.id)).toEqual(['asset.created', 'asset.retired']);
      expect((await remove(NOBODY)).status).toBe(404);
    });
  });
});
