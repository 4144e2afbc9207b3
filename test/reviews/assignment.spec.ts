import type { Resource } from '../support/factories.js';
import type { Person } from './review-ground.js';
import { ReviewGround } from './review-ground.js';

describe('who is asked to review what', () => {
  let ground: ReviewGround;
  let owner: Person;
  let fallback: Person;

  beforeAll(async () => {
    ground = await ReviewGround.start();
    owner = await ground.person();
    fallback = await ground.person();
  }, 60_000);
  afterAll(() => ground.close());

  const reviewers = (kind: string, fields: object = {}): object => ({ kind, fallbackReviewerId: fallback.id, ...fields });

  /** Of each grant, who was asked and why, as a launch and its preview have it. */
  async function assigned(assetId: string, who: object): Promise<Map<string, string>> {
    const id = await ground.draft([assetId], who);
    const preview = await ground.get(`/campaigns/${id}/preview`);
    await ground.launch(id);
    const found = new Map<string, string>();
    const load: { reviewerId: string; items: number }[] = [];
    for (const { id: packetId, reviewerId } of await ground.packets(id)) {
      const items = await ground.items(packetId);
      load.push({ reviewerId, items: items.length });
      for (const { grantId, reason } of items) found.set(grantId, `${reviewerId} ${reason}`);
    }
    const byLoad = (a: { reviewerId: string }, b: { reviewerId: string }): number => (a.reviewerId < b.reviewerId ? -1 : 1);
    expect((preview.body['byReviewer'] as typeof load).sort(byLoad)).toEqual(load.sort(byLoad));
    return found;
  }

  it('asks the owner of the asset, and the fallback where there is none who can', async () => {
    const asset = await ground.make.asset({ ownerId: owner.id });
    const grant = await ground.make.grant({ assetId: asset.id });
    expect((await assigned(asset.id, reviewers('assetOwner'))).get(grant.id)).toBe(`${owner.id} asset_owner`);
    const ownerless = await ground.make.asset();
    const other = await ground.make.grant({ assetId: ownerless.id });
    expect((await assigned(ownerless.id, reviewers('assetOwner'))).get(other.id)).toBe(`${fallback.id} fallback_none`);
    const team = await ground.make.asset({ ownerId: (await ground.make.group()).id });
    const theirs = await ground.make.grant({ assetId: team.id });
    expect((await assigned(team.id, reviewers('assetOwner'))).get(theirs.id)).toBe(`${fallback.id} fallback_not_a_person`);
  });

  it('asks the manager of the holder', async () => {
    const holder = await ground.make.principal({ managerId: owner.id });
    const grant = await ground.make.grant({ principalId: holder.id });
    expect((await assigned(grant['assetId'] as string, reviewers('manager'))).get(grant.id)).toBe(`${owner.id} manager`);
  });

  it('gives nobody their own access: not what they hold, nor what they own holds, nor what a group around either holds, at any depth', async () => {
    const asset = await ground.make.asset({ ownerId: owner.id });
    const account = await ground.make.principal({ type: 'service_account', ownerId: owner.id });
    const [inner, outer, around, everyone, other] = await Promise.all([
      ground.make.group(),
      ground.make.group(),
      ground.make.group(),
      ground.make.group({ attributes: { everyone: 'true' } }),
      ground.make.group(),
    ]);
    await ground.make.member(inner.id, owner.id);
    await ground.make.member(outer.id, inner.id);
    await ground.make.member(around.id, account.id);
    await ground.make.member(everyone.id, owner.id);
    const held = (principalId: string) => ground.make.grant({ assetId: asset.id, principalId });
    const own = [await held(owner.id), await held(account.id), await held(inner.id), await held(outer.id), await held(around.id)];
    const [forAll, others] = [await held(everyone.id), await held(other.id)];
    const found = await assigned(asset.id, reviewers('assetOwner'));
    expect(own.map(({ id }) => found.get(id))).toEqual(own.map(() => `${fallback.id} fallback_self_review`));
    expect([found.get(forAll.id), found.get(others.id)]).toEqual([`${owner.id} asset_owner`, `${owner.id} asset_owner`]);
  });

  it('excludes what only its subject could review, in the preview and on the campaign', async () => {
    const asset = await ground.make.asset({ ownerId: fallback.id });
    await ground.make.grant({ assetId: asset.id, principalId: fallback.id });
    const id = await ground.draft([asset.id], reviewers('assetOwner'));
    const excluded = [{ reason: 'no_eligible_reviewer', count: 1 }];
    expect((await ground.get(`/campaigns/${id}/preview`)).body).toMatchObject({ population: 1, included: 0, excluded, byReviewer: [] });
    await ground.launch(id);
    expect((await ground.get(`/campaigns/${id}`)).body).toMatchObject({ population: 1, excluded, counts: { packets: 0, items: 0 } });
  });

  it('shares the grants out among those named, and gives none of them their own', async () => {
    const asset = await ground.make.asset();
    const team = [await ground.person(), await ground.person(), await ground.person()];
    const grants: Resource[] = [];
    for (const { id } of team) grants.push(await ground.make.grant({ assetId: asset.id, principalId: id }));
    for (let index = 0; index < 12; index++) grants.push(await ground.make.grant({ assetId: asset.id }));
    const found = await assigned(asset.id, reviewers('named', { principalIds: team.map(({ id }) => id) }));
    expect(found.size).toBe(15);
    team.forEach(({ id }, index) => expect(found.get(grants[index]!.id)).not.toBe(`${id} named`));
    expect(new Set(found.values()).size).toBe(3);
  });

  it('launches once, whoever asks again', async () => {
    const asset = await ground.make.asset();
    await ground.make.grant({ assetId: asset.id });
    const id = await ground.draft([asset.id], reviewers('assetOwner'));
    const answers = await Promise.all(Array.from({ length: 5 }, () => ground.post(`/campaigns/${id}/launch`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
    await ground.reached(id, 'active');
    expect(answers.find(({ status }) => status === 409)?.body.error.code).toBe('campaign_state');
  });

  it('refuses reviewers who cannot review, a due date that has passed, and selectors that are none', async () => {
    const create = (fields: object) =>
      ground.post('/campaigns', {
        ...{ name: 'A', selector: {}, reviewers: reviewers('assetOwner'), dueAt: new Date(Date.now() + 86_400_000).toISOString() },
        ...fields,
      });
    const account = await ground.make.principal({ type: 'service_account' });
    const refused: [object, string, string][] = [
      [{ dueAt: '2020-01-01T00:00:00.000Z' }, 'business_rule', 'dueAt'],
      [{ dueAt: undefined }, 'business_rule', 'dueAt'],
      [{ reviewers: { kind: 'assetOwner', fallbackReviewerId: account.id } }, 'business_rule', 'reviewers.fallbackReviewerId'],
      [{ reviewers: reviewers('named') }, 'business_rule', 'reviewers.principalIds'],
      [{ selector: { bands: ['moon'] } }, 'validation_failed', 'selector.bands'],
      [{ selector: { shoes: [] } }, 'validation_failed', 'selector.shoes'],
      [{ selector: [] }, 'validation_failed', 'selector'],
    ];
    for (const [fields, code, path] of refused) {
      const { status, body } = await create(fields);
      expect([status, body.error.code, body.error.details[0]?.path]).toEqual([400, code, path]);
    }
    expect((await create({ selector: { bands: null, minScore: null, assetIds: null } })).status).toBe(201);
  });

  it('drafts nothing about an asset that there is not, or about scores that none can have', async () => {
    const asset = await ground.make.asset();
    const missing = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
    const draft = async (selector: object) => {
      const dueAt = new Date(Date.now() + 86_400_000).toISOString();
      const { status, body } = await ground.post('/campaigns', { name: 'Refused', selector, reviewers: reviewers('assetOwner'), dueAt });
      return [status, body.error.code, body.error.details[0]?.path];
    };
    expect(await draft({ assetIds: [asset.id, missing] })).toEqual([400, 'business_rule', 'selector.assetIds.1']);
    expect(await draft({ minScore: 80, maxScore: 10 })).toEqual([400, 'business_rule', 'selector.minScore']);
  });
});
