import { eventually } from '../support/eventually.js';
import type { Resource } from '../support/factories.js';
import { type Person, ReviewGround } from './review-ground.js';

describe('bringing back memberships that a review ended', () => {
  let ground: ReviewGround;
  let owner: Person;
  let fallback: Person;

  beforeAll(async () => {
    ground = await ReviewGround.start();
    [owner, fallback] = [await ground.person(), await ground.person()];
  }, 60_000);
  afterAll(() => ground.close());

  interface Membership {
    groupId: string;
    memberId: string;
  }

  const ask = (method: 'delete' | 'put' | 'patch', path: string) =>
    ground.gateway.http[method](`/v1/principals/${path}`).set('Authorization', `Bearer ${ground.admin.token}`);

  async function members({ id }: Resource): Promise<string[]> {
    const response = await ground.gateway.http.get(`/v1/principals/${id}/members`).set('Authorization', `Bearer ${ground.admin.token}`);
    return (response.body.items as { principalId: string }[]).map(({ principalId }) => principalId);
  }

  /** Decides that the memberships end in the place of what the group holds. */
  async function decided(holder: Resource, memberships: readonly Membership[]): Promise<string> {
    const asset = await ground.make.asset({ ownerId: owner.id });
    await ground.make.grant({ assetId: asset.id, principalId: holder.id });
    const id = await ground.draft([asset.id], { kind: 'assetOwner', fallbackReviewerId: fallback.id });
    await ground.launch(id);
    const packetId = await ground.packetOf(id, owner);
    const [item] = await ground.items(packetId, owner);
    const decisions = [{ itemId: item!.id, decision: 'revoke', justification: 'Left', memberships }];
    const { body } = await ground.post(`/${packetId}/decisions`, { decisions }, owner);
    expect(body['outcomes']).toMatchObject([{ outcome: 'recorded' }]);
    return id;
  }

  async function closed(id: string): Promise<void> {
    await ground.post(`/campaigns/${id}/close`);
    await ground.reached(id, 'completed');
  }

  async function undone(id: string): Promise<unknown> {
    await ground.post(`/campaigns/${id}/undo`);
    return eventually(async () => {
      const undo = (await ground.get(`/campaigns/${id}`)).body['undo'] as { undoneAt: string | null } | null;
      return undo?.undoneAt ? undo : false;
    });
  }

  it('puts no group into itself, not even by way of what comes back with it', async () => {
    const [outer, middle, inner] = [await ground.make.group(), await ground.make.group(), await ground.make.group()];
    await ground.make.member(outer.id, middle.id);
    await ground.make.member(middle.id, inner.id);
    const id = await decided(outer, [
      { groupId: outer.id, memberId: middle.id },
      { groupId: middle.id, memberId: inner.id },
    ]);
    await closed(id);
    await ground.make.member(inner.id, outer.id);
    expect(await undone(id)).toMatchObject({ restored: 1 });
    expect([await members(outer), await members(middle), await members(inner)]).toEqual([[middle.id], [], [outer.id]]);
  });

  it('puts no group into itself by way of one that is suspended', async () => {
    const [outer, between, inner] = [await ground.make.group(), await ground.make.group(), await ground.make.group()];
    await ground.make.member(outer.id, inner.id);
    const id = await decided(outer, [{ groupId: outer.id, memberId: inner.id }]);
    await closed(id);
    await ground.make.member(inner.id, between.id);
    await ground.make.member(between.id, outer.id);
    expect((await ask('patch', between.id).send({ status: 'suspended' })).status).toBe(200);
    expect(await undone(id)).toMatchObject({ restored: 0, skipped: [{ reason: 'membership_cycle', count: 1 }] });
    expect(await members(outer)).toEqual([]);
  });

  it('puts nobody into a group that has been deactivated', async () => {
    const [group, leaver] = [await ground.make.group(), await ground.make.principal()];
    await ground.make.member(group.id, leaver.id);
    const id = await decided(group, [{ groupId: group.id, memberId: leaver.id }]);
    await closed(id);
    expect((await ask('delete', group.id)).status).toBe(204);
    expect(await undone(id)).toMatchObject({ restored: 0, skipped: [{ reason: 'group_deactivated', count: 1 }] });
    expect(await members(group)).toEqual([]);
  });

  it('leaves ended what somebody else ended before', async () => {
    const [group, ended, removed] = [await ground.make.group(), await ground.make.principal(), await ground.make.principal()];
    await ground.make.member(group.id, ended.id);
    await ground.make.member(group.id, removed.id);
    const id = await decided(
      group,
      [ended, removed].map((member) => ({ groupId: group.id, memberId: member.id })),
    );
    expect((await ask('delete', `${group.id}/members/${removed.id}`)).status).toBe(204);
    await closed(id);
    expect(await undone(id)).toMatchObject({ restored: 1 });
    expect(await members(group)).toEqual([ended.id]);
  });
});
