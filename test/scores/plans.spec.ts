import sql from 'sql-template-tag';
import { ScoresRepository, SCORE_SORTS } from '#apps/gateway/src/scores/scores.repository.js';
import { createDataSource } from '#libs/database/data-source.js';
import { Database } from '#libs/database/database.js';
import { Keyset } from '#libs/pagination/keyset.js';
import { loadScores } from './many-scores.js';
import { ExplainingDatabase, nodesOf } from '../support/explaining-database.js';

const SCORES = 60_000;

describe('pages of scores', () => {
  let explaining: ExplainingDatabase;
  let scores: ScoresRepository;
  let someone: string;
  let something: string;

  beforeAll(async () => {
    explaining = await ExplainingDatabase.filled(async (client) => {
      await loadScores(client, SCORES);
      const { rows } = await client.query<{ someone: string; something: string }>(
        'SELECT principal_id AS someone, asset_id AS something FROM scores LIMIT 1',
      );
      ({ someone, something } = rows[0] ?? { someone: '', something: '' });
    });
    scores = new ScoresRepository(explaining, new Keyset(explaining));
  }, 120_000);
  afterAll(() => explaining.close());

  const filters = (): [string, object][] => [
    ['no filter', {}],
    ['a band', { band: 'dormant' }],
    ['a recommendation of one band', { recommendation: 'review' }],
    ['the recommendation of two bands', { recommendation: 'keep' }],
    ['a sensitivity', { sensitivity: 'internal' }],
    ['a principal', { principalId: someone }],
    ['an asset', { assetId: something }],
  ];

  it.each(SCORE_SORTS)('by %s are read from an index alone, the first one and those after it, under each filter', async (sort) => {
    for (const [name, filter] of filters()) {
      explaining.plans.length = 0;
      const first = await scores.page({ ...filter, sort }, { limit: 5 });
      expect({ name, items: (JSON.parse(first.json) as { items: object[] }).items.length }).toEqual({ name, items: 5 });
      await scores.page({ ...filter, sort }, { limit: 5, cursor: first.nextCursor ?? '' });
      expect(explaining.plans).toHaveLength(2);
      for (const [place, plan] of explaining.plans.entries()) {
        const nodes = nodesOf(plan);
        const scan = nodes.find((node) => node['Relation Name'] === 'scores');
        const sorts = nodes.filter((node) => node['Node Type'].includes('Sort')).length;
        expect({ name, place, sorts, scan: scan?.['Node Type'] }).toEqual({ name, place, sorts: 0, scan: 'Index Scan' });
        if (place === 1) expect(scan?.['Index Cond']).toContain('ROW(');
      }
    }
  });

  it('near the end of a list are read by a plan that is made once, as those at its beginning are', async () => {
    const one = new Database(createDataSource({ url: explaining.url, poolSize: 1 }));
    await one.onModuleInit();
    try {
      const pages = new ScoresRepository(one, new Keyset(one));
      const list = { band: 'dormant', sort: 'score' } as const;
      let page = await pages.page(list, { limit: 100 });
      let cursor = '';
      while (page.nextCursor !== null) {
        cursor = page.nextCursor;
        page = await pages.page(list, { limit: 100, cursor });
      }
      for (let time = 0; time < 10; time++) await pages.page(list, { limit: 50, cursor });
      const plans = await one.rows<{ generic: number }>(
        sql`SELECT generic_plans::integer AS generic FROM pg_prepared_statements WHERE statement LIKE ${'%s.grant_id) > (%LIMIT 51%'}`,
      );
      expect(plans).toEqual([{ generic: 5 }]);
    } finally {
      await one.close();
    }
  });
});
