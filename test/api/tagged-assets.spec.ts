import pg from 'pg';
import { AssetsRepository } from '#apps/gateway/src/assets/assets.repository.js';
import { createDataSource } from '#libs/database/data-source.js';
import { Keyset } from '#libs/pagination/keyset.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { ExplainingDatabase, nodesOf } from '../support/explaining-database.js';

describe('pages of the assets with a tag', () => {
  let database: TestDatabase;
  let explaining: ExplainingDatabase;
  let assets: AssetsRepository;

  beforeAll(async () => {
    database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      `INSERT INTO assets (id, type, name, source, sensitivity, tags, status, created_at, updated_at, version)
       SELECT gen_random_uuid(), 'table', 'asset ' || n, 'manual', 'internal', ARRAY['tag ' || n % 10], 'active', now(), now(), 1 FROM generate_series(1, 20000) n`,
    );
    await client.query('VACUUM ANALYZE');
    await client.end();
    explaining = new ExplainingDatabase(createDataSource({ url: database.url }));
    await explaining.onModuleInit();
    assets = new AssetsRepository(explaining, new Keyset(explaining));
  }, 120_000);
  afterAll(async () => {
    await explaining.close();
    await database.drop();
  });

  it('begin in the index where the one before ended, and are in its order', async () => {
    const first = await assets.page({ tag: 'tag 7' }, null, { limit: 50 });
    await assets.page({ tag: 'tag 7' }, null, { limit: 50, cursor: first.nextCursor ?? '' });
    const scans = explaining.plans.map((plan) => {
      const nodes = nodesOf(plan);
      expect(nodes.filter((node) => node['Node Type'].includes('Sort'))).toEqual([]);
      return nodes.find((node) => node['Relation Name'] === 'asset_tags');
    });
    expect(scans.map((scan) => scan?.['Index Name'])).toEqual(['asset_tags_pkey', 'asset_tags_pkey']);
    expect(scans[1]?.['Index Cond']).toMatch(/asset_id > /);
  });

  it('that nothing has are empty without a look at any asset', async () => {
    explaining.plans.length = 0;
    expect((await assets.page({ tag: 'nobody' }, null, { limit: 50 })).json).toBe('{"items":[],"nextCursor":null}');
    expect(nodesOf(explaining.plans[0]!).map((node) => node['Node Type'])).not.toContain('Seq Scan');
  });
});
