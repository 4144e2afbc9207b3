import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('GET /v1/principals', () => {
  let gateway: TestGateway;
  let manager: Resource;
  let ids: Record<string, string>;

  beforeAll(async () => {
    gateway = await startTestGateway();
    const make = factories(gateway.http);
    manager = await make.principal({ displayName: 'Manager' });
    const people = {
      ann: await make.principal({ displayName: 'Ann_Élodie', email: 'First@example.com', department: 'Finance', managerId: manager.id }),
      percent: await make.principal({ displayName: '100% Bob', email: 'zed@example.com', department: 'Legal' }),
      plain: await make.principal({ displayName: '100 Carols', source: 'entra', externalId: 'oid-1' }),
      backslash: await make.principal({ displayName: 'AnnXBack', externalId: 'oid-1' }),
      service: await make.principal({ displayName: 'Ann\\service', type: 'service_account' }),
      group: await make.group({ displayName: 'Group of Ann' }),
      gone: await make.principal({ displayName: 'Gone' }),
      away: await make.principal({ displayName: 'Away' }),
    };
    await gateway.http.delete(`/v1/principals/${people.gone.id}`);
    await gateway.http.patch(`/v1/principals/${people.away.id}`).send({ status: 'suspended' });
    ids = Object.fromEntries(Object.entries(people).map(([name, { id }]) => [name, id]));
  });

  afterAll(() => gateway.close());

  const list = (query: object = {}) => gateway.http.get('/v1/principals').query(query);
  const found = async (query: object): Promise<string[]> => {
    const response = await list(query);
    expect(response.status).toBe(200);
    const names = Object.entries(ids);
    return (response.body.items as Resource[]).map(({ id }) => names.find((entry) => entry[1] === id)?.[0] ?? id).sort();
  };

  it('shows everything without a filter, also what has ended, by id', async () => {
    const shown = ((await list()).body.items as Resource[]).map(({ id }) => id);
    const oldest = [manager.id, ...Object.values(ids)].sort();
    expect(shown.slice(0, oldest.length)).toEqual(oldest);
    expect(shown).toEqual([...shown].sort());
  });

  it('filters by each of its filters, and by all of them together', async () => {
    expect(await found({ type: 'group' })).toEqual(['group']);
    expect(await found({ type: 'service_account' })).toEqual(['service']);
    expect(await found({ status: 'deactivated' })).toEqual(['gone']);
    expect(await found({ status: 'suspended' })).toEqual(['away']);
    expect(await found({ department: 'Finance' })).toEqual(['ann']);
    expect(await found({ department: 'finance' })).toEqual([]);
    expect(await found({ managerId: manager.id.toUpperCase() })).toEqual(['ann']);
    expect(await found({ managerId: NOBODY })).toEqual([]);
    expect(await found({ source: 'entra' })).toEqual(['plain']);
    expect(await found({ externalId: 'oid-1' })).toEqual(['backslash', 'plain']);
    expect(await found({ externalId: 'oid-1', source: 'entra', status: 'active', type: 'user' })).toEqual(['plain']);
    expect(await found({ externalId: 'oid-1', source: 'entra', type: 'group' })).toEqual([]);
  });

  it('finds the beginning of a name or an address, in any case and any alphabet', async () => {
    expect(await found({ q: 'aNN' })).toEqual(['ann', 'backslash', 'service']);
    expect(await found({ q: 'FIRST@' })).toEqual(['ann']);
    expect(await found({ q: 'ann_éLODIE' })).toEqual(['ann']);
    expect(await found({ q: 'Bob' })).toEqual([]);
  });

  it('takes the wildcards of SQL as they stand', async () => {
    expect(await found({ q: 'Ann_' })).toEqual(['ann']);
    expect(await found({ q: '100%' })).toEqual(['percent']);
    expect(await found({ q: '%' })).toEqual([]);
    expect(await found({ q: 'Ann\\' })).toEqual(['service']);
  });

  it('walks pages of one to every principal once, over the links too', async () => {
    const make = factories(gateway.http);
    const walked: string[] = [];
    for (let count = 0; count < 5; count++) walked.push((await make.principal({ department: 'Walk' })).id);
    const seen: string[] = [];
    let address: string | undefined = '/v1/principals?department=Walk&limit=1';
    while (address !== undefined) {
      const response = await gateway.http.get(address);
      const { items, nextCursor } = response.body as { items: Resource[]; nextCursor: string | null };
      expect(items).toHaveLength(1);
      seen.push(...items.map(({ id }) => id));
      address = /^<([!-~]+)>; rel="next"$/.exec(response.headers['link'] ?? '')?.[1];
      expect(address === undefined).toBe(nextCursor === null);
      if (address !== undefined) expect(new URLSearchParams(address.split('?')[1]).get('cursor')).toBe(nextCursor);
    }
    expect(seen).toEqual(walked);
  });

  it.each([['what?'], ['a>b'], ['a"b;c'], ['a&b=c#d'], ['50% Ü']])(
    'keeps a filter that says %s in the link to the next page',
    async (q) => {
      const make = factories(gateway.http);
      await make.principal({ displayName: `${q} 1` });
      await make.principal({ displayName: `${q} 2` });
      const first = await list({ q, limit: 1 });
      const second = await gateway.http.get(/^<([!-~]+)>/.exec(first.headers['link'] as string)?.[1] ?? '');
      expect([second.status, second.body.items?.[0]?.displayName]).toEqual([200, `${q} 2`]);
      for (const { id } of [...first.body.items, ...second.body.items] as Resource[]) await gateway.http.delete(`/v1/principals/${id}`);
    },
  );

  it('refuses a cursor that is not of this list, these filters', async () => {
    const { nextCursor } = (await list({ limit: 1 })).body as { nextCursor: string };
    for (const query of [
      { cursor: nextCursor, type: 'user' },
      { cursor: '' },
      { cursor: 'x' },
      { cursor: nextCursor.slice(0, -1) },
      { cursor: `${nextCursor}x` },
    ]) {
      const response = await list(query);
      expect([response.status, response.body.error.code]).toEqual([400, 'invalid_cursor']);
    }
    const elsewhere = await gateway.http.get('/v1/assets').query({ cursor: nextCursor });
    expect([elsewhere.status, elsewhere.body.error.code]).toEqual([400, 'invalid_cursor']);
    expect((await list({ cursor: nextCursor, limit: 2 })).status).toBe(200);
  });

  it.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', '-1'],
    ['limit', '1.5'],
    ['limit', '1e1'],
    ['limit', ''],
    ['type', 'moon'],
    ['status', 'Active'],
    ['managerId', 'me'],
    ['q', ''],
    ['sort', 'displayName'],
    ['Type', 'user'],
  ])('answers 400 naming the parameter to %s=%s', async (name, value) => {
    const response = await list({ [name]: value });
    expect(response.status).toBe(400);
    expect(response.body.error).toMatchObject({ code: 'validation_failed', details: [{ path: name }] });
  });

  it('gives at most 50 without a limit and 100 with the highest', async () => {
    const make = factories(gateway.http);
    await Promise.all(Array.from({ length: 101 }, () => make.principal({ department: 'Crowd' })));
    expect((await list({ department: 'Crowd' })).body.items).toHaveLength(50);
    expect((await list({ department: 'Crowd', limit: 100 })).body.items).toHaveLength(100);
  });
});
