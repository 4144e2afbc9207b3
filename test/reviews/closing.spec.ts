import { register } from 'prom-client';
import { eventually } from '../support/eventually.js';
import type { Resource } from '../support/factories.js';
import { type Person, ReviewGround, type ShownItem } from './review-ground.js';
import { startReviewWorker } from './review-worker.js';

const DAY_MS = 86_400_000;

describe('what becomes of a campaign', () => {
  let ground: ReviewGround;
  let owner: Person;
  let fallback: Person;
  let worker: { close: () => Promise<void> };

  beforeAll(async () => {
    ground = await ReviewGround.start();
    owner = await ground.person();
    fallback = await ground.person();
    worker = await startReviewWorker(ground.gateway.database.url);
  }, 60_000);
  afterAll(async () => {
    await worker.close();
    await ground.close();
  });

  interface Launched {
    id: string;
    assetId: string;
    packetId: string;
    grants: Resource[];
  }

  /** A launched campaign about one asset of the owner's. */
  async function launched(count: number, grant: object = {}, asset: object = {}, campaign: object = {}): Promise<Launched> {
    const { id: assetId } = await ground.make.asset({ ownerId: owner.id, ...asset });
    const grants: Resource[] = [];
    for (let index = 0; index < count; index++) grants.push(await ground.make.grant({ assetId, ...grant }));
    const id = await ground.draft([assetId], { kind: 'assetOwner', fallbackReviewerId: fallback.id }, campaign);
    await ground.launch(id);
    return { id, assetId, packetId: await ground.packetOf(id, owner), grants };
  }

  const close = (id: string) => ground.post(`/campaigns/${id}/close`);
  const statuses = async (grants: readonly Resource[]): Promise<unknown[]> =>
    Promise.all(grants.map(async ({ id }) => (await ground.grant(id))['status']));
  const itemOf = (items: readonly ShownItem[], grant: Resource): ShownItem => items.find(({ grantId }) => grantId === grant.id)!;
  const dueIn = (ms: number): string => new Date(Date.now() + ms).toISOString();

  /** Lets the due date of a campaign pass. */
  async function letPass(campaignId: string): Promise<void> {
    for (const table of ['review_packets', 'review_campaigns']) {
      const column = table === 'review_packets' ? 'campaign_id' : 'id';
      await ground.outbox.client.query(`UPDATE ${table} SET due_at = now() - interval '1 second' WHERE ${column} = $1`, [campaignId]);
    }
  }

  it('revokes what was decided to be revoked, keeps the rest, and tells of each in the log', async () => {
    const { id, packetId, grants } = await launched(3);
    const items = await ground.items(packetId, owner);
    const word = (grant: number, decision: string) => ({ itemId: itemOf(items, grants[grant]!).id, decision, justification: 'Left' });
    await ground.post(`/${packetId}/decisions`, { decisions: [word(0, 'revoke'), word(1, 'approve')] }, owner);
    expect((await ground.get(`/campaigns/${id}/preview`)).body).toMatchObject({
      included: 3,
      wouldRevoke: 1,
      breaker: { open: false, limit: 25 },
    });
    expect((await close(id)).status).toBe(200);
    expect(await ground.reached(id, 'completed')).toMatchObject({
      counts: { pending: 0, approved: 1, revoked: 1, abstained: 1 },
      breaker: { open: false },
    });
    expect(await statuses(grants)).toEqual(['revoked', 'active', 'active']);
    expect(await ground.grant(grants[0]!.id)).toMatchObject({ revokeReason: 'Left', revokedBy: { type: 'system' } });
    expect(await ground.outbox.actions(grants[0]!.id)).toEqual(['grant.created', 'grant.revoked']);
    const after = await ground.items(packetId);
    expect(itemOf(after, grants[0]!)).toMatchObject({ remediation: { status: 'applied' }, decision: { source: 'reviewer' } });
    expect(itemOf(after, grants[2]!)).toMatchObject({
      remediation: null,
      decision: { decision: 'abstain', source: 'default', by: { type: 'system' } },
    });
    expect((await ground.get(`/${packetId}`)).body).toMatchObject({ status: 'signed_off', signedOffBy: { type: 'system' } });
  });

  it.each([
    ['approve', ['approve', 'approve', 'approve']],
    ['revoke', ['revoke', 'revoke', 'revoke']],
    ['recommendation', ['approve', 'abstain', 'revoke']],
    ['none', ['abstain', 'abstain', 'abstain']],
  ])('closes by itself at the due date, with %s for what nobody decided', async (defaultDecision, expected) => {
    const { id, packetId, grants } = await launched(3, {}, {}, { defaultDecision });
    for (const [index, band] of ['active', 'stale', 'dormant'].entries()) await ground.score(grants[index]!, band);
    await letPass(id);
    const late = await ground.post(`/${packetId}/sign-off`, {}, owner);
    expect([late.status, late.body.error.code]).toEqual([409, 'packet_closed']);
    await ground.reached(id, 'completed');
    const items = await ground.items(packetId);
    expect(grants.map((grant) => itemOf(items, grant).decision?.decision)).toEqual(expected);
    expect(await statuses(grants)).toEqual(expected.map((decision) => (decision === 'revoke' ? 'revoked' : 'active')));
  });

  it('leaves a grant of a connector active and queues it, until the connector says that it is gone', async () => {
    const { id, packetId, grants } = await launched(2, {}, { source: 'warehouse' });
    await ground.decideAll(packetId, 'revoke', owner);
    await close(id);
    await ground.reached(id, 'completed');
    expect(await statuses(grants)).toEqual(['active', 'active']);
    const connector = { id: '', token: ground.gateway.issuer.tokenFor({ roles: ['governance.connector:warehouse'], app: true }) };
    const stranger = { id: '', token: ground.gateway.issuer.tokenFor({ roles: ['governance.connector:other'], app: true }) };
    expect((await ground.get('/remediations?status=queued', stranger)).body['items']).toEqual([]);
    const queued = (await ground.get(`/remediations?status=queued&campaignId=${id}`, connector)).body['items'] as {
      id: string;
      grantId: string;
    }[];
    expect(queued.map(({ grantId }) => grantId).sort()).toEqual(grants.map((grant) => grant.id).sort());
    const report = (who: Person, body: object) =>
      ground.gateway.http.patch(`/v1/reviews/remediations/${queued[0]!.id}`).set('Authorization', `Bearer ${who.token}`).send(body);
    expect((await report(stranger, { status: 'applied' })).status).toBe(404);
    for (const reason of [undefined, null, ' \n']) expect((await report(connector, { status: 'failed', reason })).status).toBe(400);
    expect((await report(connector, { status: 'failed', reason: 'Through PUBLIC' })).body).toMatchObject({ status: 'failed' });
    expect((await report(connector, { status: 'applied' })).body).toMatchObject({ status: 'applied' });
    expect((await ground.grant(queued[0]!.grantId))['status']).toBe('revoked');
    await ground.gateway.http.delete(`/v1/grants/${queued[1]!.grantId}`).set('Authorization', `Bearer ${connector.token}`);
    const settled = await eventually(async () => {
      const { body } = await ground.get(`/remediations?grantId=${queued[1]!.grantId}`);
      return (body['items'] as { status: string }[])[0]?.status === 'applied';
    }, 15_000);
    expect(settled).toBe(true);
  });

  it('holds a closing that would revoke more than 25 and a fifth, until another admin confirms; it cannot be cancelled away', async () => {
    const { id, packetId, grants } = await launched(27);
    await ground.decideAll(packetId, 'revoke', owner);
    expect((await ground.get(`/campaigns/${id}/preview`)).body).toMatchObject({
      ...{ wouldRevoke: 27, breaker: { open: true, limit: 25, reasons: [{ code: 'too_many_revocations', assetId: null }] } },
    });
    await close(id);
    await eventually(async () => ((await ground.get(`/campaigns/${id}`)).body['breaker'] as { open: boolean } | null)?.open === true);
    expect(new Set(await statuses(grants))).toEqual(new Set(['active']));
    expect(await register.getSingleMetricAsString('review_closings_held')).toMatch(/^review_closings_held 1$/m);
    const cancelled = await ground.post(`/campaigns/${id}/cancel`);
    expect([cancelled.status, cancelled.body.error.code]).toEqual([409, 'breaker_open']);
    const own = await ground.post(`/campaigns/${id}/confirm`);
    expect([own.status, own.body.error.code]).toEqual([403, 'second_admin_required']);
    expect((await ground.post(`/campaigns/${id}/confirm`, {}, ground.secondAdmin)).status).toBe(200);
    await ground.reached(id, 'completed');
    expect(new Set(await statuses(grants))).toEqual(new Set(['revoked']));
    expect(await register.getSingleMetricAsString('review_closings_held')).toMatch(/^review_closings_held 0$/m);
  });

  it('holds a closing that would leave an asset without an admin, also where two campaigns take one each', async () => {
    const first = await launched(2, { privilege: 'admin' });
    const secondId = await ground.draft([first.assetId], { kind: 'assetOwner', fallbackReviewerId: fallback.id });
    await ground.launch(secondId);
    const revokeOne = async (packetId: string, grant: Resource): Promise<void> => {
      const item = itemOf(await ground.items(packetId, owner), grant);
      await ground.post(`/${packetId}/decisions`, { decisions: [{ itemId: item.id, decision: 'revoke', justification: 'One' }] }, owner);
    };
    await revokeOne(first.packetId, first.grants[0]!);
    await revokeOne(await ground.packetOf(secondId, owner), first.grants[1]!);
    await Promise.all([close(first.id), close(secondId)]);
    const held = await eventually(async () => {
      const both = await Promise.all([first.id, secondId].map(async (id) => (await ground.get(`/campaigns/${id}`)).body));
      const open = both.filter((campaign) => (campaign['breaker'] as { open: boolean } | null)?.open);
      return both.some(({ status }) => status === 'completed') && open.length === 1 && open[0];
    });
    expect(held && held['breaker']).toMatchObject({ reasons: [{ code: 'last_admin', assetId: first.assetId }] });
    expect((await statuses(first.grants)).sort()).toEqual(['active', 'revoked']);
    await ground.post(`/campaigns/${(held as { id: string }).id}/confirm`, {}, ground.secondAdmin);
    await ground.reached((held as { id: string }).id, 'completed');
    expect(await statuses(first.grants)).toEqual(['revoked', 'revoked']);
  });

  it("holds a closing that leaves of an asset's admins nobody but a group without members, or ends the last membership in one", async () => {
    const { id: assetId } = await ground.make.asset({ ownerId: owner.id });
    const [inner, outer, empty] = [await ground.make.group(), await ground.make.group(), await ground.make.group()];
    const { id: memberId } = await ground.make.principal();
    await ground.make.member(outer.id, inner.id);
    await ground.make.member(inner.id, memberId);
    const administer = (principalId: string): Promise<Resource> => ground.make.grant({ assetId, principalId, privilege: 'admin' });
    const [grouped] = [await administer(outer.id), await administer(empty.id)];
    const lastAdmin = { open: true, reasons: [{ code: 'last_admin', assetId }] };
    const endings = [null, [{ groupId: inner.id, memberId }]];
    for (const memberships of endings) {
      const id = await ground.draft([assetId], { kind: 'assetOwner', fallbackReviewerId: fallback.id });
      await ground.launch(id);
      const packetId = await ground.packetOf(id, owner);
      const { id: itemId } = itemOf(await ground.items(packetId, owner), grouped);
      const decision = { itemId, decision: 'revoke', justification: 'One', ...(memberships && { memberships }) };
      const { body } = await ground.post(`/${packetId}/decisions`, { decisions: [decision] }, owner);
      expect(body['outcomes']).toMatchObject([{ outcome: 'recorded' }]);
      expect((await ground.get(`/campaigns/${id}/preview`)).body['breaker']).toMatchObject(lastAdmin);
      await close(id);
      const held = await eventually(async () => {
        const { breaker } = (await ground.get(`/campaigns/${id}`)).body as { breaker?: { heldAt: string | null } | null };
        return breaker?.heldAt ? breaker : false;
      });
      expect(held).toMatchObject(lastAdmin);
      expect(await statuses([grouped])).toEqual(['active']);
    }
  });

  it('brings back what it took away, as new grants with their use, and lists what it could not', async () => {
    const { id, packetId, grants } = await launched(3, { grantedAt: new Date(Date.now() - 90 * DAY_MS).toISOString() });
    const usedAt = new Date(Date.now() - 60 * DAY_MS).toISOString();
    await ground.outbox.client.query('INSERT INTO grant_usage (grant_id, last_used_at) VALUES ($1, $2)', [grants[0]!.id, usedAt]);
    await ground.decideAll(packetId, 'revoke', owner);
    await close(id);
    await ground.reached(id, 'completed');
    const again = await ground.make.grant({ principalId: grants[1]!['principalId'] as string, assetId: grants[1]!['assetId'] as string });
    const asked = await ground.post(`/campaigns/${id}/undo`);
    expect(asked.status).toBe(200);
    const undo = await eventually(async () => {
      const { body } = await ground.get(`/campaigns/${id}`);
      return (body['undo'] as { undoneAt: string | null } | null)?.undoneAt ? body['undo'] : false;
    });
    expect(undo).toMatchObject({ restored: 2, withdrawn: 0, skipped: [{ reason: 'exists_already', count: 1 }] });
    const items = await ground.items(packetId);
    const restored = itemOf(items, grants[0]!).remediation?.restoredGrantId ?? '';
    expect(await ground.grant(restored)).toMatchObject({ status: 'active', restoresGrantId: grants[0]!.id, lastUsedAt: usedAt });
    expect(itemOf(items, grants[1]!).remediation).toMatchObject({ undo: 'skipped', undoReason: 'exists_already' });
    expect((await ground.grant(again.id))['status']).toBe('active');
    expect(await ground.outbox.actions(restored)).toEqual(['grant.created']);
    expect((await ground.post(`/campaigns/${id}/undo`)).status).toBe(409);
  });

  it('ends memberships in the place of a group grant where the reviewer chooses that, and brings them back', async () => {
    const asset = await ground.make.asset({ ownerId: owner.id });
    const [group, inner] = [await ground.make.group(), await ground.make.group()];
    const [leaver, stranger] = [await ground.make.principal(), await ground.make.principal()];
    await ground.make.member(group.id, inner.id);
    await ground.make.member(inner.id, leaver.id);
    const grant = await ground.make.grant({ assetId: asset.id, principalId: group.id });
    const id = await ground.draft([asset.id], { kind: 'assetOwner', fallbackReviewerId: fallback.id });
    await ground.launch(id);
    const packetId = await ground.packetOf(id, owner);
    const [item] = await ground.items(packetId, owner);
    const decide = async (decision: string, memberships: object[]): Promise<string> => {
      const decisions = [{ itemId: item!.id, decision, justification: 'Left', memberships }];
      const { body } = await ground.post(`/${packetId}/decisions`, { decisions }, owner);
      const [outcome] = body['outcomes'] as { outcome: string; code: string | null }[];
      return outcome!.code ?? outcome!.outcome;
    };
    const chosen = { groupId: inner.id, memberId: leaver.id };
    expect(await decide('revoke', [{ groupId: inner.id, memberId: stranger.id }])).toBe('membership_unknown');
    expect(await decide('approve', [chosen])).toBe('membership_unknown');
    expect(await decide('revoke', [chosen])).toBe('recorded');
    await close(id);
    await ground.reached(id, 'completed');
    expect((await ground.grant(grant.id))['status']).toBe('active');
    const members = async (): Promise<string[]> => {
      const response = await ground.gateway.http
        .get(`/v1/principals/${inner.id}/members`)
        .set('Authorization', `Bearer ${ground.admin.token}`);
      return (response.body.items as { principalId: string }[]).map(({ principalId }) => principalId);
    };
    expect(await members()).toEqual([]);
    expect(await ground.outbox.actions(inner.id)).toEqual(['principal.created', 'membership.added', 'membership.removed']);
    expect((await ground.items(packetId))[0]).toMatchObject({ decision: { memberships: [chosen] }, remediation: { status: 'applied' } });
    await ground.post(`/campaigns/${id}/undo`);
    await eventually(async () => (await members()).length === 1);
    expect(await members()).toEqual([leaver.id]);
  });

  it('cannot be undone after 30 days', async () => {
    const { id } = await launched(1);
    await close(id);
    await ground.reached(id, 'completed');
    await ground.outbox.client.query(`UPDATE review_campaigns SET completed_at = now() - interval '30 days 1 second' WHERE id = $1`, [id]);
    const late = await ground.post(`/campaigns/${id}/undo`);
    expect([late.status, late.body.error.code]).toEqual([409, 'undo_expired']);
  });

  it('comes to nothing when it is cancelled', async () => {
    const { id, packetId, grants } = await launched(1);
    await ground.decideAll(packetId, 'revoke', owner);
    expect((await ground.post(`/campaigns/${id}/cancel`)).body).toMatchObject({ status: 'cancelled' });
    expect((await ground.get(`/${packetId}`, owner)).body).toMatchObject({ status: 'cancelled' });
    expect(await statuses(grants)).toEqual(['active']);
    expect((await close(id)).status).toBe(409);
  });

  it('closes a packet of its own when it is signed off, and at its due date where it is not', async () => {
    const [grant, other] = [await ground.make.grant(), await ground.make.grant()];
    const ask = (grantIds: readonly string[], fields: object = {}) =>
      ground.post('', { name: 'Leavers', reviewerId: owner.id, grantIds, dueAt: dueIn(DAY_MS), ...fields });
    const own = await ground.make.grant({ principalId: owner.id });
    const refused = await ask([grant.id, own.id]);
    expect([refused.status, refused.body.error.code, refused.body.error.details[0]?.path]).toEqual([400, 'self_review', 'grantIds.1']);
    const { body } = await ask([grant.id]);
    expect(body).toMatchObject({ campaignId: null, status: 'open', stage: 'active', counts: { items: 1, pending: 1 } });
    await ground.decideAll(body.id, 'revoke', owner);
    expect((await ground.post(`/${body.id}/sign-off`, {}, owner)).status).toBe(200);
    await eventually(async () => (await ground.get(`/${body.id}`)).body['stage'] === 'completed');
    expect((await ground.grant(grant.id))['status']).toBe('revoked');
    const late = await ask([other.id], { defaultDecision: 'revoke', dueAt: dueIn(700) });
    await eventually(async () => (await ground.get(`/${late.body.id}`)).body['stage'] === 'completed');
    expect((await ground.grant(other.id))['status']).toBe('revoked');
    expect((await ground.get(`/campaigns/${body.id}`)).status).toBe(404);
  });

  it('reminds reviewers with something pending, at launch, half-way and before the end, and nobody else', async () => {
    const other = await ground.person();
    const { id, packetId } = await launched(1);
    await ground.outbox.client.query(`UPDATE review_campaigns SET opened_at = now() - interval '10 days' WHERE id = $1`, [id]);
    await ground.outbox.client.query(
      `UPDATE review_packets SET due_at = now() + interval '23 hours', next_reminder_at = now() - interval '1 second' WHERE id = $1`,
      [packetId],
    );
    const reminded = await eventually(async () => {
      const events = (await ground.outbox.of(packetId)).filter(({ action }) => action === 'review.reminder');
      return events.length > 1 && events;
    }, 15_000);
    expect((reminded as { after: object | null }[]).map(({ after }) => after)).toMatchObject([
      { moment: 'launch', pending: 1, reviewerId: owner.id },
      { moment: '24_hours', pending: 1, reviewerId: owner.id },
    ]);
    expect((await ground.outbox.of(other.id)).some(({ action }) => action === 'review.reminder')).toBe(false);
  });

  it('asks by itself as grants decay, a little a week, and not again about what was decided unless that changed', async () => {
    const asset = await ground.make.asset({ ownerId: owner.id });
    const [dormant, active] = [await ground.make.grant({ assetId: asset.id }), await ground.make.grant({ assetId: asset.id })];
    await ground.score(dormant, 'dormant');
    await ground.score(active, 'active');
    const id = await ground.draft(
      [asset.id],
      { kind: 'assetOwner', fallbackReviewerId: fallback.id },
      { kind: 'standing', dueAt: null, selector: { assetIds: [asset.id], bands: ['stale', 'dormant'] } },
    );
    await ground.launch(id);
    const packets = () => ground.packets(id);
    await eventually(async () => (await packets()).length === 1, 15_000);
    const first = (await packets())[0]!;
    expect(await ground.items(first.id, owner)).toMatchObject([{ grantId: dormant.id }]);
    await ground.decideAll(first.id, 'approve', owner);
    expect((await ground.post(`/${first.id}/sign-off`, {}, owner)).status).toBe(200);
    await ground.score(active, 'stale');
    // A second back, for the column rounds to milliseconds: half of one ahead of the clock would read as a run that is over.
    const run = () =>
      ground.outbox.client.query(`UPDATE review_campaigns SET next_run_at = now() - interval '1 second' WHERE id = $1`, [id]);
    const ran = () =>
      eventually(async () => {
        const { rows } = await ground.outbox.client.query<{ done: boolean }>(
          'SELECT next_run_at > now() AS done FROM review_campaigns WHERE id = $1',
          [id],
        );
        return rows[0]!.done;
      }, 15_000);
    await run();
    await ran();
    expect(await packets()).toHaveLength(1);
    await ground.outbox.client.query(`UPDATE review_packets SET created_at = now() - interval '8 days' WHERE shown_campaign_id = $1`, [id]);
    await run();
    await ran();
    const second = (await packets())[1]!;
    expect(await ground.items(second.id, owner)).toMatchObject([{ grantId: active.id }]);
  });

  it('asks by itself about what was only decided in a campaign that was cancelled', async () => {
    const { id, assetId, packetId, grants } = await launched(1);
    await ground.score(grants[0]!, 'dormant');
    await ground.decideAll(packetId, 'approve', owner);
    expect((await ground.post(`/${packetId}/sign-off`, {}, owner)).status).toBe(200);
    expect((await ground.post(`/campaigns/${id}/cancel`)).status).toBe(200);
    const standing = { kind: 'standing', dueAt: null, selector: { assetIds: [assetId] } };
    const standingId = await ground.draft([assetId], { kind: 'assetOwner', fallbackReviewerId: fallback.id }, standing);
    expect((await ground.get(`/campaigns/${standingId}`)).body).toMatchObject({ selector: { bands: ['stale', 'dormant'] } });
    await ground.launch(standingId);
    const packets = await eventually(async () => {
      const found = await ground.packets(standingId);
      return found.length > 0 && found;
    }, 15_000);
    expect(await ground.items((packets as { id: string }[])[0]!.id)).toMatchObject([{ grantId: grants[0]!.id }]);
  });
});
