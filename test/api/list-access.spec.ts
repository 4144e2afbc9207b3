import { eventually } from '../support/eventually.js';
import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

interface PathStep {
  id: string;
  displayName: string;
}
interface Reached {
  grantId: string;
  assetId: string;
  assetName: string;
  permission: string;
  privilege: string;
  path: PathStep[];
}
interface Reaching {
  principalId: string;
  displayName: string;
  principalType: string;
  grantId: string;
  permission: string;
  privilege: string;
  path: PathStep[];
}

describe('GET /v1/principals/{id}/access and GET /v1/assets/{id}/access', () => {
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

  async function walk<Item>(address: string, query: object): Promise<Item[]> {
    const items: Item[] = [];
    let cursor: string | null = null;
    do {
      const response = await gateway.http.get(address).query({ ...query, ...(cursor === null ? {} : { cursor }) });
      if (response.status !== 200) throw new Error(`${address}: ${response.status} ${response.text}`);
      items.push(...(response.body.items as Item[]));
      cursor = response.body.nextCursor as string | null;
    } while (cursor !== null);
    return items;
  }

  const ofPrincipal = (id: string, query: object = {}) => walk<Reached>(`/v1/principals/${id}/access`, query);
  const ofAsset = (id: string, query: object = {}) => walk<Reaching>(`/v1/assets/${id}/access`, query);

  /** The ways, as ids of groups, by which a principal reaches an asset; asked from both sides, which must say the same. */
  async function ways(principal: Resource, asset: Resource, asOf?: string): Promise<string[][]> {
    const query = asOf === undefined ? {} : { asOf };
    const fromPrincipal = (await ofPrincipal(principal.id, query)).filter(({ assetId }) => assetId === asset.id);
    const fromAsset = (await ofAsset(asset.id, query)).filter(({ principalId }) => principalId === principal.id);
    expect(fromAsset.map(({ grantId, path }) => ({ grantId, path }))).toEqual(
      fromPrincipal.map(({ grantId, path }) => ({ grantId, path })),
    );
    return fromPrincipal.map(({ path }) => path.map(({ id }) => id));
  }

  const grantTo = (principal: Resource, asset: Resource, fields: object = {}) =>
    make.grant({ principalId: principal.id, assetId: asset.id, ...fields });
  const join = (group: Resource, ...members: Resource[]) =>
    members.reduce((done, { id }) => done.then(() => make.member(group.id, id)), Promise.resolve());
  const setStatus = (principal: Resource, status: string) => gateway.http.patch(`/v1/principals/${principal.id}`).send({ status });

  /** When the last change of a resource was, and the millisecond before. */
  async function lastChange({ id }: Resource): Promise<{ at: string; before: string }> {
    const at = (await outbox.of(id)).at(-1)?.time as string;
    return { at, before: new Date(Date.parse(at) - 1).toISOString() };
  }

  it('shows a direct grant with an empty path, from both sides with everything they promise', async () => {
    const [user, asset] = [await make.principal({ displayName: 'Ann' }), await make.asset({ name: 'ledger' })];
    const grant = await grantTo(user, asset, { permission: 'UPDATE', privilege: 'write' });
    expect(await ofPrincipal(user.id)).toEqual([
      { grantId: grant.id, assetId: asset.id, assetName: 'ledger', permission: 'UPDATE', privilege: 'write', path: [] },
    ]);
    expect(await ofAsset(asset.id)).toEqual([
      {
        principalId: user.id,
        displayName: 'Ann',
        principalType: 'user',
        grantId: grant.id,
        permission: 'UPDATE',
        privilege: 'write',
        path: [],
      },
    ]);
  });

  it('shows nothing to whom nothing is granted, and 404 for who does not exist', async () => {
    expect(await ofPrincipal((await make.principal()).id)).toEqual([]);
    expect(await ofAsset((await make.asset()).id)).toEqual([]);
    expect((await gateway.http.get(`/v1/principals/${NOBODY}/access`)).status).toBe(404);
    expect((await gateway.http.get(`/v1/assets/${NOBODY}/access`)).status).toBe(404);
  });

  it('passes a grant on through ten nested groups, naming each on the way from the principal up to the holder', async () => {
    const [user, asset] = [await make.principal(), await make.asset()];
    const groups: Resource[] = [];
    for (let level = 0; level < 10; level++) groups.push(await make.group({ displayName: `Level ${level}` }));
    for (const [level, group] of groups.entries()) await join(group, groups[level - 1] ?? user);
    const grant = await grantTo(groups[9] as Resource, asset);
    expect(await ways(user, asset)).toEqual([groups.map(({ id }) => id)]);
    const [item] = await ofPrincipal(user.id);
    expect(item).toMatchObject({ grantId: grant.id, path: groups.map(({ id, displayName }) => ({ id, displayName })) });
    for (const [level, group] of groups.entries()) expect(await ways(group, asset)).toEqual([groups.slice(level + 1).map(({ id }) => id)]);
    expect(await ofAsset(asset.id)).toHaveLength(11);
  });

  it('does not pass a grant down from a member to its group', async () => {
    const [user, group, asset] = [await make.principal(), await make.group(), await make.asset()];
    await join(group, user);
    await grantTo(user, asset);
    expect(await ways(group, asset)).toEqual([]);
  });

  it('shows one item a grant with the shortest way, where several ways lead to its holder', async () => {
    const [user, asset] = [await make.principal(), await make.asset()];
    const [left, right, long, top] = [await make.group(), await make.group(), await make.group(), await make.group()];
    await join(left, user);
    await join(right, user);
    await join(long, left);
    await join(top, long, right);
    await grantTo(top, asset);
    expect(await ways(user, asset)).toEqual([[right.id, top.id]]);
    await join(top, user);
    expect(await ways(user, asset)).toEqual([[top.id]]);
    await grantTo(top, asset, { permission: 'DELETE' });
    await grantTo(user, asset);
    expect(await ways(user, asset)).toEqual([[top.id], [top.id], []]);
    await gateway.http.delete(`/v1/principals/${top.id}/members/${user.id}`);
    await gateway.http.delete(`/v1/principals/${top.id}/members/${right.id}`);
    expect(await ways(user, asset)).toEqual([[left.id, long.id, top.id], [left.id, long.id, top.id], []]);
  });

  it.each(['suspended', 'deactivated'])('lets who is %s reach nothing and pass nothing on, until it is active again', async (status) => {
    const [user, inner, outer, asset] = [await make.principal(), await make.group(), await make.group(), await make.asset()];
    await join(inner, user);
    await join(outer, inner);
    await grantTo(outer, asset);
    for (const ended of [user, inner, outer]) {
      await setStatus(ended, status);
      expect(await ways(user, asset)).toEqual([]);
      expect(await ways(ended, asset)).toEqual([]);
      await setStatus(ended, 'active');
      expect(await ways(user, asset)).toEqual([[inner.id, outer.id]]);
    }
  });

  it('finds another way round a group that is not active', async () => {
    const [user, short, a, b, top, asset] = [
      ...[await make.principal(), await make.group(), await make.group(), await make.group(), await make.group(), await make.asset()],
    ] as [Resource, Resource, Resource, Resource, Resource, Resource];
    await join(short, user);
    await join(a, user);
    await join(b, a);
    await join(top, short, b);
    await grantTo(top, asset);
    expect(await ways(user, asset)).toEqual([[short.id, top.id]]);
    await setStatus(short, 'suspended');
    expect(await ways(user, asset)).toEqual([[a.id, b.id, top.id]]);
  });

  it('answers for a past instant with the memberships of then', async () => {
    const [user, group, asset] = [await make.principal(), await make.group(), await make.asset()];
    await grantTo(group, asset, { grantedAt: '2020-01-01T00:00:00.000Z' });
    await join(group, user);
    const joined = await lastChange(group);
    await gateway.http.delete(`/v1/principals/${group.id}/members/${user.id}`);
    const left = await lastChange(group);
    expect(await ways(user, asset)).toEqual([]);
    expect(await ways(user, asset, joined.before)).toEqual([]);
    expect(await ways(user, asset, joined.at)).toEqual([[group.id]]);
    expect(await ways(user, asset, left.before)).toEqual([[group.id]]);
    expect(await ways(user, asset, left.at)).toEqual([]);
  });

  it('answers for a past instant with the status that the principal and its groups had then', async () => {
    const [user, group, asset] = [await make.principal(), await make.group(), await make.asset()];
    await grantTo(group, asset);
    await join(group, user);
    for (const changing of [user, group]) {
      await setStatus(changing, 'suspended');
      const suspended = await lastChange(changing);
      await gateway.http.patch(`/v1/principals/${changing.id}`).send({ department: 'Moved meanwhile' });
      await setStatus(changing, 'active');
      const back = await lastChange(changing);
      expect(await ways(user, asset, suspended.before)).toEqual([[group.id]]);
      expect(await ways(user, asset, suspended.at)).toEqual([]);
      expect(await ways(user, asset, back.before)).toEqual([]);
      expect(await ways(user, asset, back.at)).toEqual([[group.id]]);
    }
  });

  it('answers for a past instant with the grants of then: given, revoked, expired', async () => {
    const [user, asset] = [await make.principal(), await make.asset()];
    await grantTo(user, asset, { permission: 'old', grantedAt: '2020-01-01T00:00:00.000Z', expiresAt: '2021-01-01T00:00:00.000Z' });
    const given = await grantTo(user, asset, { permission: 'given', grantedAt: '2022-01-01T00:00:00.000Z' });
    await gateway.http.post(`/v1/grants/${given.id}/revoke`).send({ reason: 'Left' });
    const revoked = await lastChange(given);
    expect(await ways(user, asset)).toEqual([]);
    expect(await ways(user, asset, '2019-12-31T23:59:59.999Z')).toEqual([]);
    expect(await ways(user, asset, '2020-01-01T00:00:00.000Z')).toEqual([[]]);
    expect(await ways(user, asset, '2020-12-31T23:59:59.999Z')).toEqual([[]]);
    expect(await ways(user, asset, '2021-01-01T00:00:00.000Z')).toEqual([]);
    expect(await ways(user, asset, '2022-01-01T01:00:00.000+01:00')).toEqual([[]]);
    expect(await ways(user, asset, revoked.before)).toEqual([[]]);
    expect(await ways(user, asset, revoked.at)).toEqual([]);
  });

  it('takes access away at the instant it expires, without anything noticing', async () => {
    const [user, group, asset] = [await make.principal(), await make.group(), await make.asset()];
    await join(group, user);
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    const grant = await grantTo(group, asset, { expiresAt });
    expect(await ways(user, asset)).toEqual([[group.id]]);
    await eventually(() => Date.now() > Date.parse(expiresAt));
    expect(await ways(user, asset)).toEqual([]);
    expect((await gateway.http.get(`/v1/grants/${grant.id}`)).body).toMatchObject({ status: 'expired', version: 1 });
    expect((await outbox.client.query('SELECT status FROM grants WHERE id = $1', [grant.id])).rows).toEqual([{ status: 'active' }]);
    expect(await ways(user, asset, new Date(Date.parse(expiresAt) - 1).toISOString())).toEqual([[group.id]]);
    expect(await ways(user, asset, expiresAt)).toEqual([]);
  });

  it('answers for an instant to come with what will still be in force', async () => {
    const [user, asset] = [await make.principal(), await make.asset()];
    await grantTo(user, asset, { expiresAt: '2090-01-01T00:00:00.000Z' });
    expect(await ways(user, asset, '2089-12-31T23:59:59.999Z')).toEqual([[]]);
    expect(await ways(user, asset, '2090-01-01T00:00:00.000Z')).toEqual([]);
  });

  it('walks by pages of one to the same items as in one page, from both sides', async () => {
    const [user, top, asset] = [await make.principal(), await make.group(), await make.asset()];
    for (let count = 0; count < 3; count++) {
      const [group, other] = [await make.group(), await make.principal()];
      await join(group, user, other);
      await join(top, group);
      await grantTo(group, asset);
    }
    await grantTo(user, asset);
    await grantTo(top, asset, { permission: 'DELETE' });
    const [reached, reaching] = [await ofPrincipal(user.id), await ofAsset(asset.id)];
    expect(reached).toHaveLength(5);
    // By each of three grants to a group: itself, the user and another one. The user's own. By the outermost: itself, three groups, four users.
    expect(reaching).toHaveLength(3 * 3 + 1 + 8);
    expect(await ofPrincipal(user.id, { limit: 1 })).toEqual(reached);
    expect(await ofAsset(asset.id, { limit: 1 })).toEqual(reaching);
    expect(await ofAsset(asset.id, { limit: 4 })).toEqual(reaching);
  });

  it('refuses a cursor of another instant, and an instant that is none', async () => {
    const [user, asset] = [await make.principal(), await make.asset()];
    await grantTo(user, asset);
    await grantTo(user, asset, { permission: 'DELETE' });
    for (const address of [`/v1/principals/${user.id}/access`, `/v1/assets/${asset.id}/access`]) {
      const { nextCursor } = (await gateway.http.get(address).query({ limit: 1 })).body as { nextCursor: string };
      const other = await gateway.http.get(address).query({ limit: 1, cursor: nextCursor, asOf: new Date().toISOString() });
      expect([other.status, other.body.error.code]).toEqual([400, 'invalid_cursor']);
      for (const asOf of [
        'yesterday',
        '2026-02-30T00:00:00Z',
        '2026-01-01',
        '2026-01-01T00:00:00',
        '',
        '20260101T000000Z',
        '2026-01-01T24:00:00Z',
      ]) {
        const response = await gateway.http.get(address).query({ asOf });
        expect([response.status, response.body.error.details[0].path]).toEqual([400, 'asOf']);
      }
    }
  });

  it('gives no access by way of a parent asset', async () => {
    const parent = await make.asset({ type: 'database' });
    const [user, child] = [await make.principal(), await make.asset({ parentId: parent.id })];
    await grantTo(user, parent);
    expect(await ways(user, child)).toEqual([]);
  });
});
