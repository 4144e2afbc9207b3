import { eventually } from '../support/eventually.js';
import type { Resource } from '../support/factories.js';
import { DAY_MS, daysAgo, report, type ScoresGround, startScoresGround } from '../scores/scores-ground.js';
import { startReviewWorker } from './review-worker.js';

interface Score {
  score: number;
  priority: number;
  band: string;
  recommendation: string;
  nextBandAt: string | null;
  computedAt: string;
  explanation: Record<string, unknown>;
}

interface Item {
  id: string;
  grantId: string;
  remediation: { restoredGrantId: string | null } | null;
}

/** What of a score time alone does not move. */
function timeless({ band, recommendation, nextBandAt, explanation }: Score): object {
  const { idleDays: _idle, observedDays: _observed, reason: _reason, ...inputs } = explanation;
  return { band, recommendation, nextBandAt, inputs };
}

describe('scores and what reviews do', () => {
  let ground: ScoresGround;
  let worker: { close: () => Promise<void> };
  let reviewerId: string;
  beforeAll(async () => {
    // Scored anew all the time, so that whatever a review changed would show.
    ground = await startScoresGround({ environment: { API_RESCORE_INTERVAL_SECONDS: '1' } });
    worker = await startReviewWorker(ground.gateway.database.url);
    reviewerId = (await ground.make.principal()).id;
  }, 90_000);
  afterAll(async () => {
    await worker?.close();
    await ground?.close();
  });

  const scoreOf = async (grantId: string): Promise<Score> => {
    const response = await ground.http.get(`/v1/scores/${grantId}`);
    if (response.status !== 200) throw new Error(response.text);
    return response.body as Score;
  };

  /** The score as it is computed for an instant after this one. */
  async function scoreFromNow(grantId: string): Promise<Score> {
    const asked = new Date().toISOString();
    return eventually(async () => {
      const score = await scoreOf(grantId);
      return score.computedAt > asked && score;
    }, 30_000) as Promise<Score>;
  }

  const post = async <Body>(path: string, body: object = {}): Promise<Body> => {
    const response = await ground.http.post(`/v1/reviews${path}`).send(body);
    if (response.status >= 300) throw new Error(response.text);
    return response.body as Body;
  };
  const get = async <Body>(path: string): Promise<Body> => (await ground.http.get(`/v1/reviews${path}`)).body as Body;

  /** Has grants reviewed, each decided alike, and their packet closed. Answers its id. */
  async function reviewed(grants: readonly Resource[], decision: string): Promise<string> {
    const dueAt = new Date(Date.now() + DAY_MS).toISOString();
    const { id } = await post<{ id: string }>('', { name: 'Scores', reviewerId, grantIds: grants.map((grant) => grant.id), dueAt });
    const { items } = await get<{ items: Item[] }>(`/${id}/items`);
    const decisions = items.map((item) => ({ itemId: item.id, decision, justification: 'Asked around' }));
    const { outcomes } = await post<{ outcomes: { outcome: string }[] }>(`/${id}/decisions`, { decisions });
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['recorded']));
    await post(`/${id}/sign-off`);
    await eventually(async () => (await get<{ stage: string }>(`/${id}`)).stage === 'completed');
    return id;
  }

  /** Grants of every kind that the model tells apart: never used, used once, used with a cadence, of an admin. */
  async function differentGrants(): Promise<Resource[]> {
    const asset = await ground.make.asset({ sensitivity: 'restricted', usageTrackedSince: daysAgo(700) });
    // Without another admin the circuit breaker would hold what revokes the only one.
    await ground.make.grant({ assetId: asset.id, privilege: 'admin' });
    const grant = async (fields: object, usedDaysAgo: readonly number[]): Promise<Resource> => {
      const made = await ground.make.grant({ assetId: asset.id, grantedAt: daysAgo(600), ...fields });
      if (usedDaysAgo.length > 0)
        await report(
          ground.http,
          usedDaysAgo.map((days) => ({ grantId: made.id, usedAt: daysAgo(days) })),
        );
      return made;
    };
    const grants = [
      await grant({}, []),
      await grant({}, [70.3]),
      await grant({ privilege: 'write' }, [320, 230, 140, 50]),
      await grant({ privilege: 'admin', permission: 'OWNER' }, [20]),
    ];
    for (const [index, used] of [null, 70.3, 50, 20].entries()) {
      const kind = used === null ? 'granted' : 'last_used';
      await eventually(async () => (await scoreOf(grants[index]!.id)).explanation['anchorKind'] === kind);
    }
    return grants;
  }

  it('an approval changes no score: only use does', async () => {
    const grants = await differentGrants();
    const before = await Promise.all(grants.map(({ id }) => scoreOf(id)));
    await reviewed(grants, 'approve');
    for (const [index, { id }] of grants.entries()) {
      const after = await scoreFromNow(id);
      expect(timeless(after)).toEqual(timeless(before[index]!));
      expect(after.score).toBeGreaterThanOrEqual(before[index]!.score);
    }
    await report(ground.http, [{ grantId: grants[0]!.id, usedAt: daysAgo(0) }]);
    await eventually(async () => (await scoreOf(grants[0]!.id)).score < 1);
  }, 90_000);

  it('a grant that is given back goes on with the score it had, and with what its use was', async () => {
    const grants = await differentGrants();
    const before = await Promise.all(grants.map(({ id }) => scoreOf(id)));
    expect(before[2]!.explanation).toMatchObject({ cadenceGaps: 3, cadenceDays: 90 });
    const packetId = await reviewed(grants, 'revoke');
    for (const { id } of grants) expect((await ground.http.get(`/v1/scores/${id}`)).status).toBe(404);
    await post(`/${packetId}/undo`);
    await eventually(async () => (await get<{ undo: { undoneAt: string | null } | null }>(`/${packetId}`)).undo?.undoneAt != null);
    const { items } = await get<{ items: Item[] }>(`/${packetId}/items`);
    const restored = grants.map(({ id }) => items.find(({ grantId }) => grantId === id)?.remediation?.restoredGrantId ?? '');
    for (const [index, id] of restored.entries()) {
      const after = await scoreFromNow(id);
      expect(timeless(after)).toEqual(timeless(before[index]!));
      // What a minute at most adds to it.
      expect(after.score - before[index]!.score).toBeGreaterThanOrEqual(0);
      expect(after.score - before[index]!.score).toBeLessThanOrEqual(0.02);
    }
    await report(ground.http, [{ grantId: restored[2]!, usedAt: daysAgo(0) }]);
    await eventually(async () => (await scoreOf(restored[2]!)).explanation['cadenceGaps'] === 4);
  }, 90_000);
});
