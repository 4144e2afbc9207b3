import { randomUUID } from 'node:crypto';
import sql, { raw } from 'sql-template-tag';
import { createDataSource } from '#libs/database/data-source.js';
import { Database } from '#libs/database/database.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { instant, JsonItem, list, orNull, text, value, word } from './json-item.js';
import { byId, Keyset } from './keyset.js';

const ITEM = new JsonItem({
  id: word('t.id'),
  name: text('t.name'),
  note: orNull(text('t.note')),
  parent: orNull(word('t.parent')),
  score: value('t.score'),
  extra: value('t.extra'),
  tags: list('t.tags'),
  at: instant('t.at'),
  until: orNull(instant('t.until')),
});

/** Every character that JSON escapes, but the one that separates values, and some that it does not. */
const ESCAPED = Array.from({ length: 0x1e }, (_, index) => String.fromCharCode(index + 1)).join('');
const NAMES = [
  '',
  ' ',
  'plain',
  '"quoted" \\ back',
  ESCAPED,
  '\x7f\u0080\u2028\u2029',
  'Ünïcödé 名前 😀',
  'null',
  "it's",
  '{"a":1}',
  'a,b',
  'long '.repeat(20_000),
];

interface Thing {
  name: string;
  note: string | null;
}

describe('an item', () => {
  let test: TestDatabase;
  let database: Database;
  let keyset: Keyset;

  beforeAll(async () => {
    test = await createTestDatabase();
    database = new Database(createDataSource({ url: test.url }));
    await database.onModuleInit();
    await database.rows(
      sql`CREATE TABLE things (id uuid, name text, note text, parent uuid, score float8, extra jsonb, tags text[], at timestamptz(3), until timestamptz(3))`,
    );
    keyset = new Keyset(database);
  });

  beforeEach(async () => {
    await database.rows(sql`TRUNCATE things`);
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  async function add(name: string, note: string | null, full = true): Promise<void> {
    await database.rows(
      sql`INSERT INTO things SELECT gen_random_uuid(), ${name}, ${note}, CASE WHEN ${full} THEN gen_random_uuid() END, 1e21 / 3, jsonb_build_object('n', ${name}::text),
        ARRAY[${name}, 'b'], '2026-01-31T09:00:00.120Z', CASE WHEN ${full} THEN '0999-12-31T23:59:59.999Z'::timestamptz END`,
    );
  }

  const page = async (): Promise<string> =>
    (await keyset.page({ list: 'things', item: ITEM, from: sql`things t`, where: [], sort: byId('t'), binding: {} }, { limit: 100 })).json;

  /** What PostgreSQL makes of all of them by itself, and what of their values. */
  async function both(): Promise<{ json: string; fromValues: string | null }> {
    const rows = await database.rows<{ json: string; values: string }>(
      sql`SELECT ${ITEM.json} AS json, ${ITEM.values} AS values FROM things t ORDER BY t.id`,
    );
    const fromValues = ITEM.fromValues(rows.map(({ values }) => values).join('\x1f'), rows.length);
    return { json: rows.map(({ json }) => json).join(','), fromValues };
  }

  it('is the same JSON whether PostgreSQL makes it or it is made of values', async () => {
    for (const name of NAMES) {
      await add(name, name);
      await add(name, null, false);
    }
    const { json, fromValues } = await both();
    expect(fromValues).toBe(json);
    expect(await page()).toBe(`{"items":[${json}],"nextCursor":null}`);
    const items = JSON.parse(`[${json}]`) as Thing[];
    for (const name of NAMES) {
      const notes = items.filter((item) => item.name === name).map(({ note }) => note);
      expect(new Set(notes)).toEqual(new Set([name, null]));
    }
  });

  it('says of what is at hand what PostgreSQL says of its row, whatever the order of its members and whatever else there is', async () => {
    const thing = { note: null, name: NAMES.join('\x1f'), extra: { n: 1 }, tags: ['a"', 'b'], score: 1.5, parent: null };
    const [id, at, until] = [randomUUID(), new Date('2026-01-31T09:00:00.120Z'), new Date('0999-12-31T23:59:59.999Z')];
    await database.rows(
      sql`INSERT INTO things VALUES (${id}, ${thing.name}, NULL, NULL, 1.5, ${thing.extra}, ${thing.tags}, ${at}, ${until})`,
    );
    const { json } = await both();
    const ours = ITEM.of({ ...thing, id, at, until, secret: 'x' } as Parameters<typeof ITEM.of>[0]);
    expect(JSON.parse(ours)).toEqual(JSON.parse(json));
    expect(Object.keys(JSON.parse(ours) as object)).toEqual(Object.keys(JSON.parse(json) as object));
  });

  it.each(['\x1f', 'a\x1fb', '\x1f'.repeat(8), 'x\x1fx\x1fx\x1fx\x1f1\x1f1\x1f[]\x1fx\x1f\x1fx'])(
    'is whole where a name holds what separates values (%j)',
    async (name) => {
      await add('before', null);
      await add(name, 'a note');
      await add('behind', null, false);
      const { json, fromValues } = await both();
      expect(fromValues).toBeNull();
      expect(await page()).toBe(`{"items":[${json}],"nextCursor":null}`);
      expect((JSON.parse(`[${json}]`) as Thing[]).map((thing) => thing.name)).toContain(name);
    },
  );

  it('that has no JSON fails the page', async () => {
    await add('before', null);
    await database.rows(sql`UPDATE things SET until = NULL, at = ${raw('NULL')}`);
    expect((await both()).fromValues).toBeNull();
    await expect(page()).rejects.toThrow('An item of the list things has no JSON.');
  });
});
