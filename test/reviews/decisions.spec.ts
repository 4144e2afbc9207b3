import type { Resource } from '../support/factories.js';
import { type Person, ReviewGround, type ShownItem } from './review-ground.js';

describe('deciding in a packet', () => {
  let ground: ReviewGround;
  let reviewer: Person;
  let fallback: Person;

  beforeAll(async () => {
    ground = await ReviewGround.start();
    reviewer = await ground.person();
    fallback = await ground.person();
  }, 60_000);
  afterAll(() => ground.close());

  /** A launched packet of the reviewer with so many items. */
  async function packet(bands: readonly string[]): Promise<{ id: string; campaignId: string; grants: Resource[]; items: ShownItem[] }> {
    const asset = await ground.make.asset({ ownerId: reviewer.id });
    const grants: Resource[] = [];
    for (const band of bands) {
      const grant = await ground.make.grant({ assetId: asset.id });
      await ground.score(grant, band);
      grants.push(grant);
    }
    const campaignId = await ground.draft([asset.id], { kind: 'assetOwner', fallbackReviewerId: fallback.id });
    await ground.launch(campaignId);
    const id = await ground.packetOf(campaignId, reviewer);
    const items = await ground.items(id, reviewer);
    const inOrder = grants.map((grant) => items.find(({ grantId }) => grantId === grant.id)!);
    return { id, campaignId, grants, items: inOrder };
  }

  const decide = (id: string, decisions: readonly object[], who: Person = reviewer) => ground.post(`/${id}/decisions`, { decisions }, who);

  it('answers 400 to a forged cursor of its items, and is there for the next request', async () => {
    const { id } = await packet(['dormant']);
    for (const who of [reviewer, ground.admin]) {
      const forged = await ground.get(`/${id}/items?cursor=0.0000000000000000000000`, who);
      expect([forged.status, forged.body.error.code]).toEqual([400, 'invalid_cursor']);
    }
    expect((await ground.get(`/${id}/items`, reviewer)).status).toBe(200);
  });

  it('shows what the reviewer needs, frozen, with the live score beside it', async () => {
    const { id, grants, items } = await packet(['dormant']);
    expect(items[0]).toMatchObject({
      ...{
        packetId: id,
        grantId: grants[0]!.id,
        status: 'pending',
        reason: 'asset_owner',
        grantStatus: 'active',
        decision: null,
        remediation: null,
      },
      snapshot: {
        principal: { id: grants[0]!['principalId'] },
        score: { band: 'dormant', recommendation: 'revoke', explanation: { halfLifeDays: 45 } },
      },
      liveScore: { band: 'dormant' },
    });
    await ground.score(grants[0]!, 'active');
    const [later] = await ground.items(id, reviewer);
    expect(later).toMatchObject({ snapshot: { score: { band: 'dormant' } }, liveScore: { band: 'active' } });
  });

  it('records what it can and says of the rest why not, each on its own', async () => {
    const { id, items } = await packet(['dormant', 'active', 'active', 'dormant']);
    const [dormant, kept, revoked, forgotten] = items.map((item) => item.id);
    const stranger = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
    const { status, body } = await decide(id, [
      { itemId: dormant, decision: 'approve' },
      { itemId: kept, decision: 'approve' },
      { itemId: revoked, decision: 'revoke', justification: '  ' },
      { itemId: stranger, decision: 'abstain' },
      { itemId: kept, decision: 'abstain' },
      { itemId: forgotten, decision: 'revoke', justification: 'Left' },
    ]);
    const outcomes = body['outcomes'] as { outcome: string; code: string | null }[];
    expect(status).toBe(200);
    expect(outcomes.map(({ outcome, code }) => code ?? outcome)).toEqual([
      ...['justification_required', 'recorded', 'justification_required', 'not_found', 'duplicate', 'recorded'],
    ]);
    expect(body['counts']).toEqual({ items: 4, pending: 2, approved: 1, revoked: 1, abstained: 0 });
    expect((await decide(id, [{ itemId: dormant, decision: 'approve', justification: 'Year end' }])).body['counts']).toMatchObject({
      approved: 2,
    });
  });

  it('keeps every decision, lets a later one take the place of an earlier one and names that, and refuses one that looked at another', async () => {
    const { id, items } = await packet(['active']);
    const itemId = items[0]!.id;
    const first = (await decide(id, [{ itemId, decision: 'approve', replaces: null }])).body['outcomes'] as { decisionId: string }[];
    const second = await decide(id, [{ itemId, decision: 'revoke', justification: 'No', replaces: first[0]!.decisionId }], ground.admin);
    expect((second.body['outcomes'] as object[])[0]).toMatchObject({ outcome: 'recorded', replaced: first[0]!.decisionId });
    const blind = await decide(id, [{ itemId, decision: 'abstain', replaces: first[0]!.decisionId }]);
    expect((blind.body['outcomes'] as object[])[0]).toMatchObject({ outcome: 'rejected', code: 'decision_conflict' });
    const { body } = await ground.get(`/${id}/items/${itemId}`, reviewer);
    expect((body['decisions'] as { decision: string }[]).map(({ decision }) => decision)).toEqual(['approve', 'revoke']);
    expect(await ground.outbox.actions(itemId)).toEqual(['review.decided', 'review.decided']);
  });

  it('loses none of many decisions made at once', async () => {
    const { id, items } = await packet(['active', 'active']);
    const all = items.flatMap(({ id: itemId }) =>
      Array.from({ length: 8 }, (_, index) => ({ itemId, decision: 'revoke', justification: `Reason ${index}` })),
    );
    const answers = await Promise.all(all.map((decision) => decide(id, [decision])));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    for (const { id: itemId } of items) {
      const { body } = await ground.get(`/${id}/items/${itemId}`, reviewer);
      expect(body['decisions']).toHaveLength(8);
    }
    expect((await ground.get(`/${id}`)).body['counts']).toEqual({ items: 2, pending: 0, approved: 0, revoked: 2, abstained: 0 });
  });

  it('refuses a decision about access that has become their own since the launch, to the reviewer and to an admin alike', async () => {
    const { id, items, grants } = await packet(['active', 'active']);
    const admin = await ground.person({}, ['governance.admin']);
    const own = async (place: number, who: Person): Promise<void> => {
      const holder = grants[place]!['principalId'] as string;
      const answer = await ground.gateway.http
        .patch(`/v1/principals/${holder}`)
        .set('Authorization', `Bearer ${ground.admin.token}`)
        .send({ ownerId: who.id });
      expect(answer.status).toBe(200);
    };
    await own(0, admin);
    await own(1, reviewer);
    const codes = async (who: Person): Promise<(string | null)[]> => {
      const answer = await decide(
        id,
        items.map((item) => ({ itemId: item.id, decision: 'approve' })),
        who,
      );
      return (answer.body['outcomes'] as { code: string | null }[]).map(({ code }) => code);
    };
    expect([await codes(admin), await codes(reviewer)]).toEqual([
      ['self_review', null],
      [null, 'self_review'],
    ]);
  });

  it('shows no name of somebody who has been erased', async () => {
    const { id, items } = await packet(['active']);
    const holder = items[0]!.snapshot.principal.id;
    const name = (items[0]!.snapshot.principal as unknown as { displayName: string }).displayName;
    await ground.gateway.http.post(`/v1/principals/${holder}/erase`).set('Authorization', `Bearer ${ground.admin.token}`).send({});
    const after = JSON.stringify(await ground.items(id, reviewer));
    expect([after.includes(`"${name}"`), after.includes('Erased principal')]).toEqual([false, true]);
  });

  it("answers every route of somebody else's packet as it answers for one that does not exist, by every route and method of the document", async () => {
    const { id, items } = await packet(['active']);
    const other = await ground.person();
    const itemId = items[0]!.id;
    const bodies: Record<string, object> = {
      decide: { decisions: [{ itemId, decision: 'approve' }] },
      reassign: { itemIds: [itemId], reviewerId: other.id, reason: 'Mine now' },
    };
    const document = (await ground.gateway.http.get('/v1/openapi.json')).body as {
      paths: Record<string, Record<string, { operationId: string; 'x-required-roles': string[] }>>;
    };
    const routes = Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/reviews/{id}'));
    expect(routes.length).toBeGreaterThan(8);
    for (const [path, methods] of routes) {
      for (const [method, operation] of Object.entries(methods)) {
        const ask = async (packetId: string): Promise<number> => {
          const address = path.replace('{id}', packetId).replace('{itemId}', itemId);
          const request = method === 'get' ? ground.gateway.http.get(address) : ground.gateway.http.post(address);
          const answer = await request
            .set('Authorization', `Bearer ${other.token}`)
            .send(method === 'get' ? undefined : (bodies[operation.operationId] ?? {}));
          return answer.status;
        };
        const expected = operation['x-required-roles'].includes('governance.reviewer') ? 404 : 403;
        expect([operation.operationId, await ask(id), await ask(itemId)]).toEqual([operation.operationId, expected, expected]);
      }
    }
    expect((await ground.get('?reviewer=me', other)).body['items']).toEqual([]);
    expect((await ground.get('', other)).body['items']).toEqual([]);
    expect((await ground.get(`?reviewer=${reviewer.id}`, other)).body['items']).toEqual([]);
    expect((await ground.get(`/${id}`)).body['counts']).toMatchObject({ pending: 1 });
  });

  it('signs off once nothing is pending, and changes nothing after', async () => {
    const { id, items } = await packet(['active']);
    const early = await ground.post(`/${id}/sign-off`, {}, reviewer);
    expect([early.status, early.body.error.code]).toEqual([409, 'items_pending']);
    await ground.decideAll(id, 'approve', reviewer);
    const done = await ground.post(`/${id}/sign-off`, {}, reviewer);
    expect(done.body).toMatchObject({ status: 'signed_off', stage: 'active', signedOffBy: { principalId: reviewer.id } });
    for (const [path, body] of [
      ['decisions', { decisions: [{ itemId: items[0]!.id, decision: 'abstain' }] }],
      ['reassign', { itemIds: [items[0]!.id], reviewerId: fallback.id, reason: 'Late' }],
      ['sign-off', {}],
    ] as const) {
      const answer = await ground.post(`/${id}/${path}`, body, reviewer);
      expect([answer.status, answer.body.error.code]).toEqual([409, 'packet_closed']);
    }
  });

  it('moves undecided items to another reviewer with the reason kept, never to their own subject, and never decided ones', async () => {
    const { id, campaignId, items } = await packet(['active', 'active', 'active']);
    const other = await ground.person();
    const [moved, decided, kept] = items.map((item) => item.id);
    await decide(id, [{ itemId: decided, decision: 'approve' }]);
    const move = (itemIds: readonly (string | undefined)[], reviewerId: string) =>
      ground.post(`/${id}/reassign`, { itemIds, reviewerId, reason: 'Knows it' }, reviewer);
    const taken = await move([kept, decided], other.id);
    expect([taken.status, taken.body.error.code]).toEqual([409, 'already_decided']);
    const unsaid = await ground.post(`/${id}/reassign`, { itemIds: [kept], reviewerId: other.id, reason: ' \n' }, reviewer);
    expect([unsaid.status, unsaid.body.error.details]).toEqual([400, [{ path: 'reason', message: 'must say why' }]]);
    const subject = items[2]!.snapshot.principal.id;
    const own = await move([kept], subject);
    expect([own.status, own.body.error.code]).toEqual([400, 'self_review']);
    expect((await move([moved], other.id)).body['counts']).toMatchObject({ items: 2, pending: 1 });
    const target = await ground.packetOf(campaignId, other);
    expect(await ground.items(target, other)).toMatchObject([{ id: moved, status: 'pending', reason: 'reassigned' }]);
    expect(await ground.outbox.actions(target)).toEqual(['review.opened', 'review.reminder']);
    const { body } = await ground.get(`/${target}/items/${String(moved)}`, other);
    expect(body['reassignments']).toMatchObject([{ fromPacketId: id, toPacketId: target, reason: 'Knows it' }]);
  });

  it('says before a decision whom it takes access from, and who keeps it by which other path', async () => {
    const asset = await ground.make.asset({ ownerId: reviewer.id });
    const [group, inner, second] = [await ground.make.group(), await ground.make.group(), await ground.make.group()];
    const [ann, bob, cid] = [await ground.make.principal(), await ground.make.principal(), await ground.make.principal()];
    await ground.make.member(group.id, inner.id);
    for (const [of, who] of [
      [group, ann],
      [inner, bob],
      [inner, cid],
      [second, cid],
    ] as const)
      await ground.make.member(of.id, who.id);
    const granted = await ground.make.grant({ assetId: asset.id, principalId: group.id });
    const other = await ground.make.grant({ assetId: asset.id, principalId: second.id });
    const campaignId = await ground.draft([asset.id], { kind: 'assetOwner', fallbackReviewerId: fallback.id });
    await ground.launch(campaignId);
    const id = await ground.packetOf(campaignId, reviewer);
    const item = (await ground.items(id, reviewer)).find(({ grantId }) => grantId === granted.id)!;
    const { body } = await ground.get(`/${id}/items/${item.id}/effect`, reviewer);
    expect(body).toMatchObject({ grantId: granted.id, affected: 3, loses: 2, keeps: 1 });
    expect((body['principals'] as object[])[0]).toMatchObject({
      ...{ principalId: cid.id, loses: false, path: [{ id: inner.id }, { id: group.id }] },
      otherPaths: [{ grantId: other.id, path: [{ id: second.id }] }],
    });
  });

  it('flags a packet decided faster than a person can read, to admins and to nobody else', async () => {
    const { id } = await packet(Array.from({ length: 6 }, () => 'dormant'));
    await ground.decideAll(id, 'approve', reviewer);
    const { body } = await ground.get(`/${id}`);
    expect(body['honesty']).toMatchObject({ decisions: 6, approvedShare: 1, bulkShare: 1, approvedAgainstRevoke: 6, tooFast: true });
    expect((await ground.get(`/${id}`, reviewer)).body).not.toHaveProperty('honesty');
  });
});
