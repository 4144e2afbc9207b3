import type { TargetSnapshot } from './catalogs.js';
import type { CurrentState } from './current-state.js';
import { difference, type Operation, type Plan, REASONS } from './difference.js';
import { stopReason } from './safeguards.js';
import { wantedState, type WantedState } from './wanted-state.js';

const role = (oid: number, name: string, canLogin = true) => ({ oid, name, canLogin, isSuperuser: false, powers: [] });

/** ann and bob, the group staff with ann in it, one table that staff may read and bob may write. */
function target(change: Partial<TargetSnapshot> = {}): TargetSnapshot {
  return {
    systemIdentifier: '7',
    roles: [role(10, 'ann'), role(11, 'bob'), role(12, 'staff', false)],
    memberships: [{ group: 12, member: 10 }],
    databases: [{ name: 'app', owner: 11, acl: [[0, 'CONNECT']], contents: contents() }],
    ...change,
  };
}

function contents(names = ['ledger']) {
  const acl = [
    [12, 'SELECT'],
    [11, 'INSERT'],
  ] as [number, string][];
  return {
    schemas: [{ name: 'finance', acl: null }],
    relations: names.map((name) => ({ schema: 'finance', name, kind: 'r' as const, acl })),
  };
}

const wanted = (change: Partial<TargetSnapshot> = {}, serverId = 's'): WantedState =>
  wantedState(target(change), { serverId, serverName: 'db:5432', serviceAccounts: /^svc_/ });

const NOTHING: CurrentState = { principals: [], assets: [], grants: [], members: new Map() };

/** What the gateway holds once it has everything that is wanted: ids are the external ones with a letter before them. */
function held(state: WantedState): CurrentState {
  const members = new Map<string, string[]>();
  for (const { group, member } of state.memberships) members.set(`p${group}`, [...(members.get(`p${group}`) ?? []), `p${member}`]);
  return {
    principals: [...state.principals.values()].map((principal) => ({
      ...principal,
      id: `p${principal.externalId}`,
      status: 'active',
      version: 1,
    })),
    assets: [...state.assets.values()].map(({ parent, ...asset }) => ({
      ...asset,
      id: `a${asset.externalId}`,
      parentId: parent === null ? null : `a${parent}`,
      status: 'active',
      version: 1,
    })),
    grants: state.grants.map(({ principal, asset, ...grant }) => ({
      ...grant,
      id: `g ${principal} ${asset} ${grant.permission}`,
      principalId: `p${principal}`,
      assetId: `a${asset}`,
    })),
    members,
  };
}

const kinds = (plan: Plan): string[][] => plan.map((phase) => [...new Set(phase.map(({ kind }) => kind))]);
const only = (plan: Plan, kind: Operation['kind']): Operation[] => plan.flat().filter((operation) => operation.kind === kind);

describe('the difference between what is wanted and what is held', () => {
  it('creates everything on an empty gateway, principals and parents before what names them', () => {
    expect(kinds(difference(wanted(), NOTHING))).toEqual([
      ['createPrincipal'],
      ['createAsset'],
      ['createAsset'],
      ['createAsset'],
      ['createAsset'],
      ['addMember'],
      ['createGrant'],
    ]);
  });

  it('is nothing once everything is there', () => {
    expect(difference(wanted(), held(wanted()))).toEqual([]);
  });

  it('ends grants and memberships, each with its reason, before the role and the table that are gone', () => {
    const before = wanted();
    const plan = difference(
      wanted({
        roles: [role(10, 'ann'), role(12, 'staff', false)],
        databases: [{ ...target().databases[0]!, contents: contents(['other']) }],
      }),
      held(before),
    );
    expect(kinds(plan)).toEqual([
      ['revokeGrant'],
      ['removeMember'],
      ['createAsset'],
      ['createGrant'],
      ['deactivatePrincipal'],
      ['retireAsset'],
    ]);
    expect(only(plan, 'revokeGrant')).toEqual([
      { kind: 'revokeGrant', id: 'g s/group/12 s/app/finance/ledger SELECT', reason: REASONS.objectGone },
      { kind: 'revokeGrant', id: 'g s/user/11 s/app/finance/ledger INSERT', reason: REASONS.objectGone },
    ]);
    expect(only(plan, 'deactivatePrincipal')).toEqual([{ kind: 'deactivatePrincipal', id: 'ps/user/11' }]);
    expect(only(plan, 'retireAsset')).toEqual([{ kind: 'retireAsset', id: 'as/app/finance/ledger' }]);
  });

  it('revokes a privilege that is gone, and no other', () => {
    const databases = [{ ...target().databases[0]!, acl: [] }];
    expect(difference(wanted({ databases }), held(wanted()))).toEqual([
      [{ kind: 'revokeGrant', id: 'g s/public s/app CONNECT', reason: REASONS.privilegeGone }],
    ]);
  });

  it('turns a membership round by ending the old one first', () => {
    const groups = { roles: [role(10, 'a', false), role(11, 'b', false)], databases: [] };
    const plan = difference(
      wanted({ ...groups, memberships: [{ group: 11, member: 10 }] }),
      held(wanted({ ...groups, memberships: [{ group: 10, member: 11 }] })),
    );
    expect(plan).toEqual([
      [{ kind: 'removeMember', groupId: 'ps/group/10', memberId: 'ps/group/11' }],
      [{ kind: 'addMember', membership: { group: 's/group/11', member: 's/group/10' } }],
    ]);
  });

  it('moves the rights of a role that gets its first member to the group of its members', () => {
    const plan = difference(wanted({ memberships: [...target().memberships, { group: 11, member: 10 }] }), held(wanted()));
    expect(only(plan, 'revokeGrant')).toEqual([
      { kind: 'revokeGrant', id: 'g s/user/11 s/app/finance/ledger INSERT', reason: REASONS.moved },
    ]);
    expect(only(plan, 'createGrant')).toEqual([
      { kind: 'createGrant', grant: { principal: 's/group/11', asset: 's/app/finance/ledger', permission: 'INSERT', privilege: 'write' } },
    ]);
  });

  it('brings back what was ended, and leaves the tags and attributes of others alone', () => {
    const state = held(wanted());
    const principals = state.principals.map((one) => ({
      ...one,
      status: 'deactivated' as const,
      attributes: { ...one.attributes, team: 'x' },
    }));
    const assets = state.assets.map((one) => ({ ...one, status: 'retired' as const }));
    const updates = difference(wanted(), { ...state, principals, assets }).flat();
    expect(updates).toHaveLength(state.principals.length + state.assets.length);
    for (const update of updates) expect(update).toMatchObject({ version: 1, changes: { status: 'active' } });
    expect(updates.every((update) => 'changes' in update && Object.keys(update.changes).length === 1)).toBe(true);
  });

  it('keeps the other attributes of PUBLIC when it says again that PUBLIC is everyone', () => {
    const state = held(wanted());
    const principals = state.principals.map((one) => (one.displayName === 'PUBLIC' ? { ...one, attributes: { team: 'x' } } : one));
    expect(difference(wanted(), { ...state, principals })).toEqual([
      [{ kind: 'updatePrincipal', id: 'ps/public', version: 1, changes: { attributes: { team: 'x', everyone: 'true' } } }],
    ]);
  });

  it('renames what was renamed', () => {
    const roles = [role(10, 'anna'), role(11, 'bob'), role(12, 'staff', false)];
    expect(difference(wanted({ roles }), held(wanted()))).toEqual([
      [{ kind: 'updatePrincipal', id: 'ps/user/10', version: 1, changes: { displayName: 'anna' } }],
    ]);
  });

  it('touches no grant, member or row that is not of this source', () => {
    const state = held(wanted());
    const foreign: CurrentState = {
      principals: [...state.principals, { ...state.principals[0]!, id: 'by-hand', externalId: null }],
      assets: [...state.assets, { ...state.assets[0]!, id: 'by-hand', externalId: null }],
      grants: [
        ...state.grants,
        { id: 'g1', principalId: 'somebody', assetId: 'as/app/finance/ledger', permission: 'SELECT', privilege: 'read' },
        { id: 'g2', principalId: 'ps/user/10', assetId: 'something', permission: 'SELECT', privilege: 'read' },
      ],
      members: new Map([...state.members, ['ps/group/12', ['ps/user/10', 'somebody']]]),
    };
    expect(difference(wanted(), foreign)).toEqual([]);
  });

  it('ends what a principal of this source holds that nothing at the target stands for any more', () => {
    const state = held(wanted());
    const erased: CurrentState = {
      ...state,
      principals: [...state.principals, { ...state.principals[0]!, id: 'erased', externalId: null }],
      grants: [...state.grants, { id: 'g1', principalId: 'erased', assetId: 'as/app', permission: 'CONNECT', privilege: 'read' }],
    };
    expect(difference(wanted(), erased)).toEqual([[{ kind: 'revokeGrant', id: 'g1', reason: REASONS.roleGone }]]);
  });

  it('leaves everything in a database as it is that could not be read', () => {
    const databases = [{ ...target().databases[0]!, contents: null }];
    expect(difference(wanted({ databases }), held(wanted()))).toEqual([]);
  });
});

describe('the safeguards', () => {
  const reason = (state: WantedState, current: CurrentState) => stopReason(state, current, difference(state, current));

  it('let a first run and a run without a change through', () => {
    expect(reason(wanted(), NOTHING)).toBeNull();
    expect(reason(wanted(), held(wanted()))).toBeNull();
  });

  it('stop a target without roles', () => {
    expect(reason(wanted({ roles: [], memberships: [] }), NOTHING)).toBe('The target shows no roles at all.');
  });

  it('stop a target without tables where the gateway knows some, and no other', () => {
    const databases = [{ ...target().databases[0]!, contents: { schemas: [], relations: [] } }];
    expect(reason(wanted({ databases }), held(wanted()))).toBe('The target shows no tables at all, where the gateway knows 1.');
    expect(reason(wanted({ databases }), held(wanted({ databases })))).toBeNull();
    expect(reason(wanted({ databases: [{ ...target().databases[0]!, contents: null }] }), held(wanted()))).toBeNull();
  });

  it('stop another server under the same source', () => {
    expect(reason(wanted({}, 'other'), held(wanted()))).toBe('The target is not the server that this source has been read from so far.');
  });

  it.each([
    { tables: 100, gone: 50, stops: false },
    { tables: 100, gone: 51, stops: true },
    { tables: 1000, gone: 200, stops: false },
    { tables: 1000, gone: 201, stops: true },
  ])('let at most 100 grants or a fifth end: $gone of $tables tables with two grants each gone', ({ tables, gone, stops }) => {
    const names = Array.from({ length: tables }, (_, index) => `t${index}`);
    const database = { name: 'app', owner: 11, acl: [] };
    const before = wanted({ databases: [{ ...database, contents: contents(names) }] });
    const after = wanted({ databases: [{ ...database, contents: contents(names.slice(gone)) }] });
    expect(reason(after, held(before)) !== null).toBe(stops);
  });
});
