import sql from 'sql-template-tag';
import { createDataSource } from '#libs/database/data-source.js';
import { Database } from '#libs/database/database.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { Keyset, type Sort } from './keyset.js';
import type { Page } from './page.js';

// Many rows share a place in every column but the last, at every edge of a page.
const ROWS = 240;
const SORTS: Record<string, Sort> = {
  id: { columns: [{ expression: 't.id', type: 'uuid' }] },
  '-id': { columns: [{ expression: 't.id', type: 'uuid' }], descending: true },
  at: {
    columns: [
      { expression: 't.at', type: 'timestamptz' },
      { expression: 't.id', type: 'uuid' },
    ],
  },
  '-at': {
    columns: [
      { expression: 't.at', type: 'timestamptz' },
      { expression: 't.id', type: 'uuid' },
    ],
    descending: true,
  },
  score: {
    columns: [
      { expression: 't.score', type: 'float8' },
      { expression: 't.id', type: 'uuid' },
    ],
  },
  '-score': {
    columns: [
      { expression: 't.score', type: 'float8' },
      { expression: 't.id', type: 'uuid' },
    ],
    descending: true,
  },
  sequence: { columns: [{ expression: 't.sequence', type: 'int8' }] },
  name: {
    columns: [
      { expression: 't.name', type: 'text' },
      { expression: 't.id', type: 'uuid' },
    ],
  },
};

interface Item {
  id: string;
}

const itemsOf = (page: Page): Item[] => (JSON.parse(page.json) as { items: Item[] }).items;

describe('keyset pages', () => {
  let test: TestDatabase;
  let database: Database;
  let keyset: Keyset;

  beforeAll(async () => {
    test = await createTestDatabase();
    database = new Database(createDataSource({ url: test.url }));
    await database.onModuleInit();
    await database.rows(sql`CREATE TABLE things AS SELECT gen_random_uuid() AS id, n AS sequence, (n / 7) / 3.0::float8 AS score,
      'na"me \\ ' || n / 11 AS name, '2026-01-31T09:00:00.123Z'::timestamptz(3) + (n / 13) * interval '1 millisecond' AS at FROM generate_series(1, ${ROWS}) AS n`);
    keyset = new Keyset(database);
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const query = (sort: Sort, binding: object = {}, list = 'things') => ({
    list,
    item: sql`SELECT row_to_json(r) FROM (SELECT t.id) AS r`,
    from: sql`things t`,
    where: [],
    sort,
    binding,
  });

  async function walk(sort: Sort, limit: number): Promise<{ ids: string[]; pages: number }> {
    const ids: string[] = [];
    for (let cursor: string | undefined, pages = 1; ; pages++) {
      const page = await keyset.page(query(sort), { cursor, limit });
      ids.push(...itemsOf(page).map(({ id }) => id));
      if (page.nextCursor === null) return { ids, pages };
      cursor = page.nextCursor;
    }
  }

  it.each(Object.keys(SORTS))('meet every row once, in the order of the sort %s', async (name) => {
    const sort = SORTS[name]!;
    const direction = sort.descending ? 'DESC' : 'ASC';
    const order = sort.columns.map(({ expression }) => `${expression} ${direction}`).join(', ');
    const expected = (await database.source.query<Item[]>(`SELECT id FROM things t ORDER BY ${order}`)).map(({ id }) => id);
    for (const limit of [7, 10, 100]) expect((await walk(sort, limit)).ids).toEqual(expected);
  });

  it('end with a page that says so, also where the rows fill the last one', async () => {
    expect((await walk(SORTS['id']!, ROWS)).pages).toBe(1);
    expect((await walk(SORTS['id']!, ROWS / 2)).pages).toBe(2);
    expect((await walk(SORTS['id']!, ROWS - 1)).pages).toBe(2);
  });

  it('are empty and the last where there is no row', async () => {
    const page = await keyset.page({ ...query(SORTS['id']!), where: [sql`false`] }, { limit: 10 });
    expect(page.json).toBe('{"items":[],"nextCursor":null}');
  });

  it('take a cursor with the same list, filters and sort alone, in whichever order the filters are named', async () => {
    const sort = SORTS['id']!;
    const { nextCursor } = await keyset.page(query(sort, { a: '1', b: '2', sort: 'id' }), { limit: 1 });
    const cursor = nextCursor!;
    const page = await keyset.page(query(sort, { sort: 'id', c: undefined, b: '2', a: '1' }), { cursor, limit: 1 });
    expect(itemsOf(page)).toHaveLength(1);
    const others = [
      query(sort, { a: '1', b: '2', sort: '-id' }),
      query(sort, { a: '1', b: '2' }),
      query(sort, { a: '1', b: '2', sort: 'id', c: '3' }),
      query(sort, { a: '2', b: '1', sort: 'id' }),
      query(sort, { a: '1', b: '2', sort: 'id' }, 'others'),
    ];
    for (const other of others) {
      await expect(keyset.page(other, { cursor, limit: 1 })).rejects.toMatchObject({ code: 'invalid_cursor' });
    }
  });
});
