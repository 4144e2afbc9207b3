import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

interface Member {
  principalId: string;
  type: string;
  displayName: string;
  addedAt: string | null;
}

describe('the members of a group', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;
  let outbox: Outbox;

  beforeAll(async () => {
    gateway = await startTestGateway();
    make = factories(gateway.http);
    outbox = await Outbox.open(gateway.database.url);
  });

  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  const put = (group: string, member: string) => gateway.http.put(`/v1/principals/${group}/members/${member}`);
  const remove = (group: string, member: string) => gateway.http.delete(`/v1/principals/${group}/members/${member}`);
  const members = async (group: string): Promise<Member[]> =>
    (await gateway.http.get(`/v1/principals/${group}/members`)).body.items as Member[];
  const groups = async (id: string, transitive?: boolean): Promise<Member[]> =>
    (await gateway.http.get(`/v1/principals/${id}/groups`).query(transitive === undefined ? {} : { transitive })).body.items as Member[];

  it('shows a member as soon as it is added, with its kind, its name and when it was added', async () => {
    const [group, user] = [await make.group(), await make.principal({ displayName: 'Ann' })];
    const response = await put(group.id, user.id);
    expect([response.status, response.text]).toEqual([204, '']);
    const addedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await members(group.id)).toEqual([{ principalId: user.id, type: 'user', displayName: 'Ann', addedAt }]);
    expect(await groups(user.id)).toEqual([{ principalId: group.id, type: 'group', displayName: group['displayName'], addedAt }]);
  });

  it('changes nothing when a member is added or removed again, and can be joined anew', async () => {
    const [group, user] = [await make.group(), await make.principal()];
    await put(group.id, user.id);
    const [first] = await members(group.id);
    expect((await put(group.id, user.id)).status).toBe(204);
    expect(await members(group.id)).toEqual([first]);
    expect((await remove(group.id, user.id)).status).toBe(204);
    expect((await remove(group.id, user.id)).status).toBe(204);
    expect(await members(group.id)).toEqual([]);
    expect((await put(group.id, user.id)).status).toBe(204);
    expect(await members(group.id)).toHaveLength(1);
    expect(await outbox.actions(group.id)).toEqual(['principal.created', 'membership.added', 'membership.removed', 'membership.added']);
  });

  it('tells in its events whose membership began or ended', async () => {
    const [group, user] = [await make.group(), await make.principal()];
    await put(group.id, user.id);
    await remove(group.id, user.id);
    const [, added, removed] = await outbox.of(group.id);
    expect(added).toMatchObject({ resource: { type: 'principal', id: group.id }, before: null, after: { memberId: user.id } });
    expect(removed).toMatchObject({ resource: { type: 'principal', id: group.id }, before: { memberId: user.id }, after: null });
  });

  it('adds and removes a member once, however many ask at once', async () => {
    const [group, user] = [await make.group(), await make.principal()];
    const added = await Promise.all(Array.from({ length: 20 }, () => put(group.id, user.id)));
    expect(added.map(({ status }) => status)).toEqual(Array(20).fill(204));
    const removed = await Promise.all(Array.from({ length: 20 }, () => remove(group.id, user.id)));
    expect(removed.map(({ status }) => status)).toEqual(Array(20).fill(204));
    expect(await outbox.actions(group.id)).toEqual(['principal.created', 'membership.added', 'membership.removed']);
  });

  it('answers 404 for a group or a member that does not exist, and 400 for a group that is none', async () => {
    const [group, user, other] = [await make.group(), await make.principal(), await make.principal()];
    expect((await put(NOBODY, user.id)).status).toBe(404);
    expect((await put(group.id, NOBODY)).status).toBe(404);
    expect((await remove(group.id, NOBODY)).status).toBe(404);
    const none = await put(other.id, user.id);
    expect([none.status, none.body.error.code, none.body.error.details[0].path]).toEqual([400, 'business_rule', 'groupId']);
    expect((await put(group.id, 'me')).status).toBe(400);
    expect((await gateway.http.get(`/v1/principals/${NOBODY}/members`)).status).toBe(404);
    expect((await gateway.http.get(`/v1/principals/${NOBODY}/groups`)).status).toBe(404);
  });

  it('takes nobody into a group that is deactivated, but lets them out of it', async () => {
    const [group, user, late] = [await make.group(), await make.principal(), await make.principal()];
    await put(group.id, user.id);
    await gateway.http.delete(`/v1/principals/${group.id}`);
    expect((await put(group.id, late.id)).status).toBe(400);
    expect((await remove(group.id, user.id)).status).toBe(204);
  });

  it('refuses a group in itself, directly and through others, and takes it once the circle is open', async () => {
    const [a, b, c] = [await make.group(), await make.group(), await make.group()];
    await put(a.id, b.id);
    await put(b.id, c.id);
    for (const [group, member] of [
      [a, a],
      [b, a],
      [c, a],
      [c, b],
    ] as [Resource, Resource][]) {
      const response = await put(group.id, member.id);
      expect([response.status, response.body.error.code]).toEqual([400, 'membership_cycle']);
    }
    await remove(b.id, c.id);
    expect((await put(c.id, a.id)).status).toBe(204);
  });

  it('never takes both of two opposite memberships that are added at once', async () => {
    for (let round = 0; round < 50; round++) {
      const [a, b] = [await make.group(), await make.group()];
      const statuses = (await Promise.all([put(a.id, b.id), put(b.id, a.id)])).map(({ status }) => status).sort();
      expect(statuses).toEqual([204, 400]);
    }
  });

  it('never closes a circle of three memberships that are added at once', async () => {
    for (let round = 0; round < 10; round++) {
      const [a, b, c] = [await make.group(), await make.group(), await make.group()];
      const statuses = (await Promise.all([put(a.id, b.id), put(b.id, c.id), put(c.id, a.id)])).map(({ status }) => status).sort();
      expect(statuses).toEqual([204, 204, 400]);
    }
  });

  it('lists with transitive=true the groups of the groups too, each once, and when it joined the direct ones', async () => {
    const [user, left, right, top] = [await make.principal(), await make.group(), await make.group(), await make.group()];
    await put(left.id, user.id);
    await put(right.id, user.id);
    await put(top.id, left.id);
    await put(top.id, right.id);
    expect((await groups(user.id)).map(({ principalId }) => principalId)).toEqual([left.id, right.id].sort());
    expect((await groups(user.id, false)).map(({ principalId }) => principalId)).toEqual([left.id, right.id].sort());
    const all = await groups(user.id, true);
    expect(all.map(({ principalId }) => principalId)).toEqual([left.id, right.id, top.id].sort());
    expect(all.find(({ principalId }) => principalId === top.id)?.addedAt).toBeNull();
    expect(all.find(({ principalId }) => principalId === left.id)?.addedAt).not.toBeNull();
    expect((await gateway.http.get(`/v1/principals/${user.id}/groups?transitive=yes`)).status).toBe(400);
  });

  it.each(['members', 'groups'])('walks the %s by pages of one, with cursors that are good for this list alone', async (list) => {
    const centre = list === 'members' ? await make.group() : await make.principal();
    const others: string[] = [];
    for (let count = 0; count < 4; count++) {
      const other = list === 'members' ? await make.principal() : await make.group();
      others.push(other.id);
      await (list === 'members' ? put(centre.id, other.id) : put(other.id, centre.id));
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    let last = '';
    do {
      const response = await gateway.http
        .get(`/v1/principals/${centre.id}/${list}`)
        .query({ limit: 1, ...(cursor === null ? {} : { cursor }) });
      seen.push(...(response.body.items as Member[]).map(({ principalId }) => principalId));
      cursor = response.body.nextCursor as string | null;
      last = cursor ?? last;
    } while (cursor !== null);
    expect(seen).toEqual(others);
    const elsewhere = await gateway.http.get(`/v1/principals/${(await make.group()).id}/${list}`).query({ cursor: last });
    expect([elsewhere.status, elsewhere.body.error.code]).toEqual([400, 'invalid_cursor']);
  });
});
