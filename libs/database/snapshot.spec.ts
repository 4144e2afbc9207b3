import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import sql, { type Sql } from 'sql-template-tag';
import { createDataSource } from './data-source.js';
import { Database } from './database.js';
import { type Snapshot, Snapshots } from './snapshot.js';

/** More than is under way at once anywhere between PostgreSQL and a reader. */
const MANY = 100_000;
const LONG = 3_000_000;

describe('the texts of a snapshot', () => {
  let test: TestDatabase;
  let database: Database;
  let snapshots: Snapshots;

  beforeAll(async () => {
    test = await createTestDatabase();
    // One for a snapshot, one to cancel it with: a connection that is left in disorder is the next reader's.
    database = new Database(createDataSource({ url: test.url, poolSize: 2 }));
    await database.onModuleInit();
    snapshots = new Snapshots(database);
  });

  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const read = <T>(work: (snapshot: Snapshot) => Promise<T>, signal = new AbortController().signal): Promise<T> =>
    snapshots.read(work, signal);

  async function all(snapshot: Snapshot, query: Sql): Promise<{ text: string; count: number }> {
    const chunks: Uint8Array[] = [];
    let count = 0;
    for await (const texts of snapshot.texts(query)) {
      chunks.push(texts.bytes);
      count += texts.count;
    }
    return { text: Buffer.concat(chunks).toString(), count };
  }

  it('come byte for byte and in their order, however long, and are counted', async () => {
    const texts = ['a\n', '', '\r\n"\'\\', '\\.\n', '\u0001\u0002\t', '漢字 😀', 'x'.repeat(LONG), '\\N', '', 'end'];
    const found = await read((snapshot) =>
      all(snapshot, sql`SELECT t FROM unnest(${texts}::text[]) WITH ORDINALITY AS o (t, place) ORDER BY place`),
    );
    expect(found.count).toBe(texts.length);
    expect(found.text === texts.join('')).toBe(true);
    const many = await read((snapshot) => all(snapshot, sql`SELECT n || E'\n' FROM generate_series(1, ${MANY}) n`));
    expect(many).toEqual({ text: Array.from({ length: MANY }, (_, index) => `${index + 1}\n`).join(''), count: MANY });
  });

  it('are chosen by values of any kind, which are values and nothing else', async () => {
    const hostile = [`'; DROP TABLE grants; --`, `\\'`, '"', '{}', ',', 'NULL', '', '$1', `E'\\n'`];
    const at = new Date('2026-01-02T03:04:05.678Z');
    const query = sql`SELECT concat_ws('|', ${hostile[0]}::text, ${hostile[1]}::text, ${7}::integer + 1, ${null}::text, ${at}::timestamptz,
      ${hostile}::text[] = (SELECT array_agg(t ORDER BY place) FROM jsonb_array_elements_text(${JSON.stringify(hostile)}::jsonb) WITH ORDINALITY o (t, place)))`;
    expect((await read((snapshot) => all(snapshot, query))).text).toBe(
      [hostile[0], hostile[1], 8, '2026-01-02 03:04:05.678+00', 't'].join('|'),
    );
  });

  it('end with what went wrong half-way, and the connection goes on', async () => {
    const query = sql`SELECT (1 / (${MANY} - n))::text FROM generate_series(1, ${2 * MANY}) n`;
    await expect(read((snapshot) => all(snapshot, query))).rejects.toThrow('division by zero');
    await expect(read((snapshot) => all(snapshot, sql`SELECT NULL::text`))).rejects.toThrow('NULL');
    expect(await read((snapshot) => all(snapshot, sql`SELECT 'again'`))).toEqual({ text: 'again', count: 1 });
  });

  it('are no longer made once nobody takes them, and the connection goes on', async () => {
    const endless = sql`SELECT repeat('x', 1000) FROM (SELECT generate_series(1, 1000000000)) n`;
    const left = read(async (snapshot) => {
      for await (const { count } of snapshot.texts(endless)) if (count > 0) throw new Error('The disk is full.');
    });
    await expect(left).rejects.toThrow('The disk is full.');
    const aborting = new AbortController();
    const aborted = read(async (snapshot) => {
      for await (const { count } of snapshot.texts(endless)) if (count > 0) aborting.abort(new Error('No longer wanted.'));
    }, aborting.signal);
    await expect(aborted).rejects.toThrow('No longer wanted.');
    for (let turn = 0; turn < 4; turn += 1) {
      expect(await read((snapshot) => all(snapshot, sql`SELECT 'again'`))).toEqual({ text: 'again', count: 1 });
    }
  });

  it('end where their connection does, and others are opened', async () => {
    const lost = read(async (snapshot) => {
      const [self] = await snapshot.rows<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`);
      let seen = 0;
      for await (const { count } of snapshot.texts(sql`SELECT repeat('x', 1000) FROM (SELECT generate_series(1, 1000000000)) n`)) {
        if (seen === 0) await database.rows(sql`SELECT pg_terminate_backend(${self?.pid})`);
        seen += count;
      }
    });
    await expect(lost).rejects.toThrow();
    expect(await read((snapshot) => all(snapshot, sql`SELECT 'again'`))).toEqual({ text: 'again', count: 1 });
  });
});
