import sql from 'sql-template-tag';
import { AssetsRepository } from '#apps/gateway/src/assets/assets.repository.js';
import { createDataSource } from '#libs/database/data-source.js';
import { Database } from '#libs/database/database.js';
import { Keyset } from '#libs/pagination/keyset.js';
import { ExplainingDatabase } from '../support/explaining-database.js';

describe('a page under two filters', () => {
  const ASSETS = 100_000;
  let filled: ExplainingDatabase;
  let database: Database;

  beforeAll(async () => {
    filled = await ExplainingDatabase.filled((client) =>
      client.query(
        `INSERT INTO assets (id, type, name, source, sensitivity, tags, status, created_at, updated_at, version)
         SELECT gen_random_uuid(), 'table', 'asset ' || n, 'manual', (ARRAY['public', 'internal', 'restricted'])[n % 3 + 1], '{}', 'active', now(), now(), 1
         FROM generate_series(1, ${ASSETS}) n`,
      ),
    );
    // One connection, so that all is asked in the same session and counted there.
    database = new Database(createDataSource({ url: filled.url, poolSize: 1 }));
    await database.onModuleInit();
  }, 120_000);

  afterAll(async () => {
    await database.close();
    await filled.close();
  });

  async function rowsRead(): Promise<number> {
    await database.rows(sql`SELECT pg_stat_force_next_flush()`);
    const [row] = await database.rows<{ read: string }>(
      sql`SELECT seq_tup_read + idx_tup_fetch AS read FROM pg_stat_user_tables WHERE relname = 'assets'`,
    );
    return Number(row?.read);
  }

  it('that no asset passes together reads hardly any, however often it is asked for', async () => {
    const assets = new AssetsRepository(database, new Keyset(database));
    const before = await rowsRead();
    for (let time = 0; time < 20; time++) {
      const page = await assets.page({ status: 'retired', sensitivity: 'public' }, null, { limit: 50 });
      expect(page.json).toBe('{"items":[],"nextCursor":null}');
    }
    expect((await rowsRead()) - before).toBeLessThan(ASSETS / 100);
  });
});
