import { eventually } from '../support/eventually.js';
import { daysAgo, report, type ScoresGround, startScoresGround } from './scores-ground.js';

interface Item {
  grantId: string;
  score: number;
  priority: number;
  band: string;
  computedAt: string;
}

interface PageBody {
  items: Item[];
  nextCursor: string | null;
}

describe('/v1/scores', () => {
  let ground: ScoresGround;
  const grants: string[] = [];
  let restricted: string;

  beforeAll(async () => {
    ground = await startScoresGround();
    const plain = await ground.make.asset({ usageTrackedSince: daysAgo(900), name: 'plain' });
    restricted = (await ground.make.asset({ usageTrackedSince: daysAgo(900), name: 'restricted', sensitivity: 'restricted' })).id;
    for (let index = 0; index < 12; index++) {
      const assetId = index % 3 === 0 ? restricted : plain.id;
      grants.push((await ground.make.grant({ assetId, grantedAt: daysAgo(20 + 10 * index) })).id);
    }
    await eventually(async () => (await page('')).items.length === grants.length);
  }, 60_000);
  afterAll(() => ground.close());

  async function page(query: string): Promise<PageBody> {
    const response = await ground.http.get(`/v1/scores?${query}`);
    if (response.status !== 200) throw new Error(response.text);
    return response.body as PageBody;
  }

  async function walk(query: string): Promise<Item[]> {
    const all: Item[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const body = await page(`${query}&limit=5${cursor === '' ? '' : `&cursor=${cursor}`}`);
      all.push(...body.items);
      cursor = body.nextCursor;
    }
    return all;
  }

  it.each<[string, (a: Item, b: Item) => boolean]>([
    ['-priority', (a, b) => a.priority >= b.priority],
    ['-score', (a, b) => a.score >= b.score],
    ['score', (a, b) => a.score <= b.score],
    ['computedAt', (a, b) => a.computedAt <= b.computedAt],
  ])('walks all pages sorted by %s, each grant once', async (sort, inOrder) => {
    const all = await walk(`sort=${sort}`);
    expect(new Set(all.map(({ grantId }) => grantId))).toEqual(new Set(grants));
    expect(all).toHaveLength(grants.length);
    for (const [place, item] of all.slice(1).entries()) expect(inOrder(all[place] as Item, item)).toBe(true);
  });

  it('filters by what is shown, bounds included', async () => {
    const all = await walk('sort=score');
    const { score } = all[4] as Item;
    expect((await walk(`minScore=${score}&maxScore=${score}`)).map(({ grantId }) => grantId)).toEqual([(all[4] as Item).grantId]);
    expect(await walk(`minScore=${score}`)).toHaveLength(all.length - 4);
    expect(await walk(`assetId=${restricted}&sensitivity=restricted`)).toHaveLength(4);
    for (const band of ['active', 'aging', 'stale', 'dormant', 'insufficient_data']) {
      expect(await walk(`band=${band}`)).toHaveLength(all.filter((item) => item.band === band).length);
    }
    const kept = all.filter(({ band }) => band === 'active' || band === 'aging').length;
    expect(await walk('recommendation=keep&sort=-priority')).toHaveLength(kept);
    expect(await walk('recommendation=revoke')).toHaveLength(all.filter(({ band }) => band === 'dormant').length);
  });

  it.each(['band=cold', 'sort=band', 'minScore=101', 'maxScore=100.01', 'minScore=x', 'colour=red', 'limit=101'])(
    'answers 400 to %s',
    async (query) => {
      const response = await ground.http.get(`/v1/scores?${query}`);
      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({ error: { code: 'validation_failed' } });
    },
  );

  it('counts every grant in force once in the summary', async () => {
    const all = await walk('');
    const summary = (await ground.http.get('/v1/scores/summary')).body as {
      total: number;
      byBand: Record<string, number>;
      bySensitivity: Record<string, Record<string, number>>;
      topAssets: { assetId: string; dormant: number; total: number }[];
    };
    expect(summary.total).toBe(all.length);
    for (const [band, count] of Object.entries(summary.byBand)) expect(count).toBe(all.filter((item) => item.band === band).length);
    expect(Object.values(summary.bySensitivity['restricted'] ?? {}).reduce((sum, count) => sum + count, 0)).toBe(4);
    expect(summary.topAssets.map(({ total }) => total).sort()).toEqual([4, 8]);
  });

  it('forecasts each entry into a band on the day that nextBandAt names', async () => {
    const all = (await walk('')) as (Item & { nextBandAt: string | null })[];
    const forecast = (await ground.http.get('/v1/scores/forecast?days=400')).body as {
      totals: Record<string, number>;
      days: { date: string }[];
    };
    // In 400 days an unused ordinary grant has become dormant, unless it is already.
    expect(forecast.totals['dormant']).toBe(all.filter(({ band }) => band !== 'dormant').length);
    const dates = new Set(forecast.days.map(({ date }) => date));
    for (const { nextBandAt } of all) if (nextBandAt) expect(dates).toContain(nextBandAt.slice(0, 10));
    expect((await ground.http.get('/v1/scores/forecast?days=0')).status).toBe(400);
  });

  it('answers 404 for a grant that is not there, its history included', async () => {
    for (const path of ['', '/history']) {
      const response = await ground.http.get(`/v1/scores/0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10${path}`);
      expect({ path, status: response.status }).toEqual({ path, status: 404 });
    }
  });

  it('keeps the history in pages, by its bounds, and says when it is away, without losing what came meanwhile', async () => {
    const id = grants[11] as string;
    const history = async (query = ''): Promise<PageBody> =>
      (await ground.http.get(`/v1/scores/${id}/history${query}`).expect(200)).body as PageBody;
    await eventually(async () => (await history()).items.length === 1, 20_000);
    await ground.clickhouse.stop();
    expect((await ground.http.get(`/v1/scores/${id}/history`)).body).toMatchObject({ error: { code: 'unavailable' } });
    await report(ground.http, [{ grantId: id, usedAt: daysAgo(1) }]);
    await eventually(async () => ((await ground.http.get(`/v1/scores/${id}`)).body as Item).band === 'active');
    await ground.clickhouse.restart();
    await eventually(async () => (await history()).items.length === 2, 30_000);
    const [first, second] = (await history()).items as [Item, Item];
    expect([first.band, second.band]).toEqual(['dormant', 'active']);
    const page1 = await history('?limit=1');
    expect(page1.items).toEqual([first]);
    expect((await history(`?limit=1&cursor=${page1.nextCursor}`)).items).toEqual([second]);
    expect((await history(`?from=${second.computedAt}`)).items).toEqual([second]);
    expect((await history(`?to=${second.computedAt}`)).items).toEqual([first]);
  }, 90_000);
});
