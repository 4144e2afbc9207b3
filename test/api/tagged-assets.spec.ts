import { AssetsRepository } from '#apps/gateway/src/assets/assets.repository.js';
import { Keyset } from '#libs/pagination/keyset.js';
import { ExplainingDatabase, nodesOf } from '../support/explaining-database.js';

describe('pages of the assets with a tag', () => {
  let explaining: ExplainingDatabase;
  let assets: AssetsRepository;

  beforeAll(async () => {
    explaining = await ExplainingDatabase.filled((client) =>
      client.query(
        `INSERT INTO assets (id, type, name, source, sensitivity, tags, status, created_at, updated_at, version)
         SELECT gen_random_uuid(), 'table', 'asset ' || n, 'manual', 'internal', ARRAY['tag ' || n % 10], 'active', now(), now(), 1 FROM generate_series(1, 20000) n`,
      ),
    );
    assets = new AssetsRepository(explaining, new Keyset(explaining));
  }, 120_000);
  afterAll(() => explaining.close());

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
