import type { Caller } from '#libs/auth/request-caller.js';
import { randomUUID } from 'node:crypto';
import sql from 'sql-template-tag';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { Closing } from './closing.js';
import { createDataSource } from './data-source.js';
import { Database } from './database.js';
import { type Transaction, Transactions } from './transaction.js';

const ID = randomUUID();
const EVENT = { type: 'principal.created', resource: { type: 'principal', id: ID } } as const;

describe('Transactions.write', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  let transactions: Transactions;

  beforeEach(async () => {
    testDatabase = await createTestDatabase();
    database = new Database(createDataSource({ url: testDatabase.url, poolSize: 1 }));
    await database.onModuleInit();
    transactions = new Transactions(database);
    // By now the caller is known, and a transaction opens with its first statement.
    await transactions.write(caller(), (tx) => Promise.resolve(tx.leaveUnchanged()));
    await database.rows(sql`CREATE TABLE things (word text PRIMARY KEY, at timestamptz(3))`);
  });

  afterEach(async () => {
    await database.close();
    await testDatabase.drop();
  });

  function caller(key?: string): Caller {
    return {
      identity: { id: 'somebody', type: 'user', roles: [] },
      ...{ requestId: 'request', traceId: 'trace', clientIp: null, replayed: false, ifMatch: null },
      idempotency: key === undefined ? null : { key, method: 'POST', path: '/things', bodyHash: Buffer.alloc(32) },
    };
  }

  const insertion = (word: string) => sql`INSERT INTO things (word) VALUES (${word}) RETURNING word`;
  const shown = sql`SELECT ${ID}::uuid AS id, 1 AS version, json_build_object('word', t.word)::text AS json FROM t`;
  const words = async (): Promise<string[]> =>
    (await database.rows<{ word: string }>(sql`SELECT word FROM things ORDER BY word`)).map(({ word }) => word);

  it('answers what a closing shows, keeps it for repeats, and runs nothing again', async () => {
    let runs = 0;
    const work = (tx: Transaction): Closing => {
      runs++;
      tx.record(EVENT);
      return new Closing(shown, { t: insertion('"one"\\') });
    };
    const [first, again] = [caller('k'), caller('k')];
    const answers = [await transactions.write(first, work), await transactions.write(again, work)];
    expect(answers[0]?.parse()).toEqual({ word: '"one"\\' });
    expect(answers[1]).toEqual(answers[0]);
    expect([first.replayed, again.replayed]).toEqual([false, true]);
    // Asked for once more, it is refused together with its opening; what it would do is not done.
    expect([runs, await words()]).toEqual([2, ['"one"\\']]);
  });

  it('leaves nothing of a change whose closing fails, nor of one whose event cannot be written', async () => {
    await transactions.write(caller(), (tx) => {
      tx.record(EVENT);
      return new Closing(shown, { t: insertion('taken') });
    });
    const refused = transactions.write(caller('k'), async (tx) => {
      await tx.rows(insertion('other'));
      tx.record(EVENT);
      return new Closing(shown, { t: insertion('taken') }, () => {
        throw new Error('It is taken.');
      });
    });
    await expect(refused).rejects.toThrow('It is taken.');
    const unsaid = transactions.write(caller(), (tx) => {
      tx.record({ ...EVENT, reason: '\0' });
      return new Closing(shown, { t: insertion('more') });
    });
    await expect(unsaid).rejects.toThrow();
    expect(await words()).toEqual(['taken']);
    expect(await database.rows(sql`SELECT FROM events`)).toHaveLength(1);
  });

  it('answers nothing where PostgreSQL refuses what has gone through when it is to commit it', async () => {
    await database.rows(sql`CREATE TABLE late (word text UNIQUE DEFERRABLE INITIALLY DEFERRED)`);
    await database.rows(sql`INSERT INTO late VALUES ('one')`);
    const write = (): Promise<unknown> =>
      transactions.write(caller('k'), (tx) => {
        tx.record(EVENT);
        return new Closing(shown, { t: sql`INSERT INTO late VALUES ('one') RETURNING word` });
      });
    await expect(write()).rejects.toThrow('duplicate key');
    await expect(write()).rejects.toThrow('duplicate key');
    expect(await database.rows(sql`SELECT FROM late`)).toHaveLength(1);
    expect(await database.rows(sql`SELECT FROM events`)).toEqual([]);
  });

  it('looks for an earlier answer by its index, although nobody has an answer when PostgreSQL counts them', async () => {
    await database.rows(sql`ANALYZE idempotency_keys`);
    for (let index = 0; index < 20; index++) {
      await transactions.write(caller(`k${index}`), (tx) => {
        tx.record(EVENT);
        return new Closing(shown, { t: insertion(`word ${index}`) });
      });
    }
    await database.rows(sql`SELECT pg_stat_force_next_flush()`);
    const [scans] = await database.rows(
      sql`SELECT seq_scan::integer AS whole, idx_scan >= 20 AS "byIndex" FROM pg_stat_user_tables WHERE relname = 'idempotency_keys'`,
    );
    expect(scans).toEqual({ whole: 0, byIndex: true });
  });

  it('tells each statement of a packet what became of it, and goes on with the connection', async () => {
    const givenUp = transactions.write(caller(), async (tx) => {
      const statements = [sql`SELECT 1 AS one`, sql`SELECT FROM nowhere`, sql`SELECT 2 AS two`];
      const outcomes = await Promise.allSettled(statements.map((statement) => tx.rows(statement)));
      expect(outcomes).toMatchObject([
        { value: [{ one: 1 }] },
        { reason: { message: expect.stringContaining('"nowhere" does not exist') } },
        { reason: { message: expect.stringContaining('"nowhere" does not exist') } },
      ]);
      throw new Error('Given up.');
    });
    await expect(givenUp).rejects.toThrow('Given up.');
    await transactions.write(caller(), async (tx) => {
      expect(await tx.rows(sql`SELECT 2 AS two`)).toEqual([{ two: 2 }]);
      tx.leaveUnchanged();
    });
  });

  it('begins no later than a second after the time of its rows, so that a report knows for whom to wait', async () => {
    let runs = 0;
    await transactions.write(caller(), (tx) => {
      const at = tx.now;
      // A process that is stopped between taking the time and beginning.
      if (++runs === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100);
      tx.record(EVENT);
      return new Closing(shown, { t: sql`INSERT INTO things (word, at) VALUES (transaction_timestamp()::text, ${at}) RETURNING word` });
    });
    expect(runs).toBe(2);
    const [row] = await database.rows<{ late: boolean }>(sql`SELECT word::timestamptz - at > interval '1 second' AS late FROM things`);
    expect(row).toEqual({ late: false });
  });

  it('names the caller as the principal that it is by now', async () => {
    const principal = async (): Promise<string | null> => {
      const id = randomUUID();
      await transactions.write(caller(), (tx) => {
        tx.record({ ...EVENT, resource: { type: 'principal', id } });
        return new Closing(shown, { t: insertion(id) });
      });
      const [row] = await database.rows<{ id: string | null }>(
        sql`SELECT payload->'actor'->>'principalId' AS id FROM events WHERE payload->'resource'->>'id' = ${id}`,
      );
      return row?.id ?? null;
    };
    expect(await principal()).toBeNull();
    await database.rows(
      sql`INSERT INTO principals (id, type, display_name, external_id, source, status, created_at, updated_at, version)
        VALUES (${ID}, 'user', 'Ann', 'somebody', 'entra', 'active', now(), now(), 1)`,
    );
    expect(await principal()).toBe(ID);
    await database.rows(sql`UPDATE principals SET external_id = NULL WHERE id = ${ID}`);
    expect(await principal()).toBeNull();
  });

  it('fails where work neither tells of a change nor says that there was none', async () => {
    await expect(transactions.write(caller(), () => new Closing(shown, { t: insertion('silent') }))).rejects.toThrow('recorded no event');
    expect(await words()).toEqual([]);
  });
});
