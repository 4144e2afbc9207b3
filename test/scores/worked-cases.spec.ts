import { eventually } from '../support/eventually.js';
import { daysAgo, report, type ScoresGround, startScoresGround } from './scores-ground.js';

const TRACKED = { usageTrackedSince: daysAgo(900) };

interface Score {
  score: number;
  band: string;
  recommendation: string;
  explanation: Record<string, unknown>;
  computedAt: string;
}

describe('scores of grants, from reported use to the API', () => {
  let ground: ScoresGround;

  beforeAll(async () => {
    ground = await startScoresGround();
  }, 60_000);
  afterAll(() => ground.close());

  function scoreOf(grantId: string, fits: (score: Score) => boolean = () => true): Promise<Score> {
    return eventually(async () => {
      const response = await ground.http.get(`/v1/scores/${grantId}`);
      const score = response.body as Score;
      if (response.status !== 200 || !fits(score)) throw new Error(`${response.status} ${response.text}`);
      return score;
    });
  }

  async function grantUsed(days: readonly number[], fields: object = {}, tracked: object = TRACKED): Promise<string> {
    const asset = await ground.make.asset(tracked);
    const { id } = await ground.make.grant({ assetId: asset.id, grantedAt: daysAgo(800), ...fields });
    if (days.length > 0)
      await report(
        ground.http,
        days.map((day) => ({ grantId: id, usedAt: daysAgo(day) })),
      );
    return id;
  }

  const usedFor = (days: number) => (score: Score) => Math.floor(Number(score.explanation['idleDays']) + 0.01) === days;

  it('shows 90 idle days of an ordinary grant as 75, dormant and to be revoked', async () => {
    const id = await grantUsed([90.00001]);
    expect(await scoreOf(id, usedFor(90))).toMatchObject({ score: 75, band: 'dormant', recommendation: 'revoke' });
  });

  it('shows 30 idle days of an admin grant as 75', async () => {
    const id = await grantUsed([30.00001], { privilege: 'admin' });
    expect(await scoreOf(id, usedFor(30))).toMatchObject({ score: 75, band: 'dormant' });
  });

  it('does not call a quarterly job with 4 gaps of 90 days stale after 60 idle days', async () => {
    const id = await grantUsed([60, 150, 240, 330, 420]);
    const score = await scoreOf(id, usedFor(60));
    expect(score).toMatchObject({ score: 37, band: 'aging', recommendation: 'keep' });
    expect(score.explanation).toMatchObject({ cadenceDays: 90, cadenceGaps: 4, effectiveHalfLifeDays: 90, lastUse: 'reported' });
  });

  it('judges no grant that is 10 days old', async () => {
    const id = await grantUsed([], { grantedAt: daysAgo(10) });
    expect(await scoreOf(id)).toMatchObject({ band: 'insufficient_data', recommendation: 'none' });
  });

  it('judges no grant on an asset whose usage is not tracked', async () => {
    const id = await grantUsed([], {}, {});
    expect(await scoreOf(id)).toMatchObject({ band: 'insufficient_data', recommendation: 'none', nextBandAt: null });
  });

  it("resets a group's grant on one use by a member of a group within it, and says that it was inferred", async () => {
    const [outer, inner, member] = [await ground.make.group(), await ground.make.group(), await ground.make.principal()];
    await ground.make.member(outer.id, inner.id);
    await ground.make.member(inner.id, member.id);
    const asset = await ground.make.asset(TRACKED);
    const { id } = await ground.make.grant({ principalId: outer.id, assetId: asset.id, grantedAt: daysAgo(200) });
    expect((await scoreOf(id)).band).toBe('dormant');
    await report(ground.http, [{ principalId: member.id, assetId: asset.id, permission: 'SELECT', usedAt: new Date().toISOString() }]);
    const reset = await scoreOf(id, ({ band }) => band === 'active');
    expect(reset.score).toBe(0);
    expect(reset.explanation['lastUse']).toBe('inferred');
  });

  it('counts use by external ids, and credits only grants of the permission that was used', async () => {
    const principal = await ground.make.principal({ source: 'entra', externalId: 'object-1' });
    const asset = await ground.make.asset({ ...TRACKED, source: 'manual', externalId: 'warehouse/one' });
    const both = { principalId: principal.id, assetId: asset.id, grantedAt: daysAgo(200) };
    const reads = await ground.make.grant(both);
    const writes = await ground.make.grant({ ...both, permission: 'UPDATE', privilege: 'write' });
    const names = { principalSource: 'entra', principalExternalId: 'object-1', assetSource: 'manual', assetExternalId: 'warehouse/one' };
    await report(ground.http, [{ ...names, permission: 'SELECT', usedAt: daysAgo(1) }]);
    await scoreOf(reads.id, ({ band }) => band === 'active');
    expect((await scoreOf(writes.id)).band).toBe('dormant');
  });

  it('never moves the last use back', async () => {
    const id = await grantUsed([3]);
    await scoreOf(id, usedFor(3));
    await report(ground.http, [
      { grantId: id, usedAt: daysAgo(350) },
      { grantId: id, usedAt: daysAgo(5) },
    ]);
    await scoreOf(id, ({ explanation }) => explanation['cadenceGaps'] === 2);
    expect(usedFor(3)(await scoreOf(id))).toBe(true);
  });

  it('takes the score of a revoked grant away at once and keeps its history', async () => {
    const id = await grantUsed([100]);
    await scoreOf(id, usedFor(100));
    await eventually(async () => ((await ground.http.get(`/v1/scores/${id}/history`)).body as { items: unknown[] }).items.length >= 1);
    await ground.http.post(`/v1/grants/${id}/revoke`).send({ reason: 'No longer needed' }).expect(200);
    expect((await ground.http.get(`/v1/scores/${id}`)).status).toBe(404);
    const asset = (await ground.http.get(`/v1/grants/${id}`)).body as { assetId: string };
    expect((await ground.http.get(`/v1/scores?assetId=${asset.assetId}`)).body).toEqual({ items: [], nextCursor: null });
    const history = await ground.http.get(`/v1/scores/${id}/history`);
    expect(history.status).toBe(200);
    expect((history.body as { items: object[] }).items.at(-1)).toMatchObject({ band: 'dormant', modelVersion: '1' });
  });

  it('follows a change of what the asset says of itself within seconds', async () => {
    const asset = await ground.make.asset(TRACKED);
    const { id } = await ground.make.grant({ assetId: asset.id, grantedAt: daysAgo(90.00001) });
    expect(await scoreOf(id)).toMatchObject({ priority: 45.31 });
    await ground.http.patch(`/v1/assets/${asset.id}`).send({ sensitivity: 'restricted' }).expect(200);
    expect(await scoreOf(id, ({ explanation }) => (explanation['weights'] as { sensitivity: number }).sensitivity === 1)).toMatchObject({
      score: 75,
      priority: 60.94,
    });
  });

  it('refuses every write', async () => {
    const id = await grantUsed([]);
    for (const method of ['post', 'put', 'patch', 'delete'] as const) {
      for (const path of ['/v1/scores', `/v1/scores/${id}`, '/v1/scores/summary']) {
        const response = await ground.http[method](path).send({});
        expect({ path, method, status: response.status }).toEqual({ path, method, status: 405 });
      }
    }
  });
});
