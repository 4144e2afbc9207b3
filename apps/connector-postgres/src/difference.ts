import type { CurrentAsset, CurrentGrant, CurrentPrincipal, CurrentState } from './current-state.js';
import type { WantedAsset, WantedGrant, WantedMembership, WantedPrincipal, WantedState } from './wanted-state.js';

/** Members that a PATCH sends; `parent` is an external id, whose asset may only come into being in this run. */
export interface PrincipalChanges {
  displayName?: string;
  status?: 'active';
  attributes?: Readonly<Record<string, string>>;
}

export interface AssetChanges {
  name?: string;
  status?: 'active';
  parent?: string | null;
}

/** One call of the gateway. What may be new is named by its external id, what is there already by its id. */
export type Operation =
  | { kind: 'revokeGrant'; id: string; reason: string }
  | { kind: 'removeMember'; groupId: string; memberId: string }
  | { kind: 'createPrincipal'; principal: WantedPrincipal }
  | { kind: 'updatePrincipal'; id: string; version: number; changes: PrincipalChanges }
  | { kind: 'createAsset'; asset: WantedAsset }
  | { kind: 'updateAsset'; id: string; version: number; changes: AssetChanges }
  | { kind: 'addMember'; membership: WantedMembership }
  | { kind: 'createGrant'; grant: WantedGrant }
  | { kind: 'deactivatePrincipal'; id: string }
  | { kind: 'retireAsset'; id: string };

/** The calls that bring the gateway in step. A phase begins when the one before has ended; within one the order is free. */
export type Plan = readonly (readonly Operation[])[];

export const REASONS = {
  privilegeGone: 'The target no longer grants this privilege.',
  roleGone: 'The role no longer exists at the target, or holds nothing there by itself.',
  objectGone: 'The object no longer exists at the target.',
  moved: 'Another principal stands for the role now, as an account or as a group, and holds this privilege.',
  other: 'The privilege has another meaning at the target now.',
} as const;

/**
 * What has to be called so that the gateway holds what is wanted. Pure; nothing to do is an empty plan.
 *
 * - Principals and assets without an external id were not made by a connector and stay. A grant or a membership of a principal of another
 *   source stays too, unless the grant's asset is gone.
 * - Ends come before beginnings: a membership that turned round would be refused as a cycle while the old one stands. Grants and
 *   memberships end before their principals and assets do, so that each end carries its reason.
 * - What is in a database that could not be read stays as it is.
 */
export function difference(wanted: WantedState, current: CurrentState): Plan {
  return new Comparison(wanted, current).plan();
}

class Comparison {
  private readonly principals: Map<string, CurrentPrincipal>;
  private readonly assets: Map<string, CurrentAsset>;
  private readonly principalIds: Map<string, string>;
  private readonly assetIds: Map<string, string>;

  constructor(
    private readonly wanted: WantedState,
    private readonly current: CurrentState,
  ) {
    this.principals = byExternalId(current.principals);
    this.assets = byExternalId(current.assets);
    // One without an external id, erased perhaps, is a principal of the source that nothing at the target stands for.
    this.principalIds = new Map(current.principals.map(({ id, externalId }) => [id, externalId ?? '']));
    this.assetIds = new Map([...this.assets.values()].map(({ id, externalId }) => [id, externalId ?? '']));
  }

  plan(): Plan {
    const grants = this.grants();
    const members = this.members();
    const phases: Operation[][] = [
      grants.ended,
      members.ended,
      this.changedPrincipals(),
      ...this.changedAssets(),
      members.begun,
      grants.begun,
      this.endedPrincipals(),
      this.endedAssets(),
    ];
    return phases.filter((phase) => phase.length > 0);
  }

  private grants(): { ended: Operation[]; begun: Operation[] } {
    const wanted = new Map(this.wanted.grants.map((grant) => [grantKey(grant), grant]));
    const ended: Operation[] = [];
    for (const grant of this.current.grants) {
      // Of a million grants each key is made once.
      const key = this.keyOf(grant);
      const reason = this.endOf(grant, wanted.get(key), wanted);
      if (reason !== null) ended.push({ kind: 'revokeGrant', id: grant.id, reason });
      else wanted.delete(key);
    }
    return { ended, begun: [...wanted.values()].map((grant) => ({ kind: 'createGrant', grant })) };
  }

  /** Why a grant has to end, or null where it stays. */
  private endOf(grant: CurrentGrant, kept: WantedGrant | undefined, wanted: ReadonlyMap<string, WantedGrant>): string | null {
    const asset = this.assetIds.get(grant.assetId);
    const principal = this.principalIds.get(grant.principalId);
    if (asset === undefined || this.isUnread(asset)) return null;
    if (!this.wanted.assets.has(asset)) return REASONS.objectGone;
    if (principal === undefined) return null;
    const { permission } = grant;
    if (kept) return kept.privilege === grant.privilege ? null : REASONS.other;
    if (othersOfRole(principal).some((other) => wanted.has(grantKey({ principal: other, asset, permission })))) return REASONS.moved;
    return this.wanted.principals.has(principal) ? REASONS.privilegeGone : REASONS.roleGone;
  }

  private members(): { ended: Operation[]; begun: Operation[] } {
    const wanted = new Map(this.wanted.memberships.map((membership) => [memberKey(membership), membership]));
    const ended: Operation[] = [];
    for (const [groupId, memberIds] of this.current.members) {
      const group = this.principalIds.get(groupId);
      for (const memberId of memberIds) {
        const member = this.principalIds.get(memberId);
        if (group === undefined || member === undefined) continue;
        if (!wanted.delete(memberKey({ group, member }))) ended.push({ kind: 'removeMember', groupId, memberId });
      }
    }
    return { ended, begun: [...wanted.values()].map((membership) => ({ kind: 'addMember', membership })) };
  }

  private changedPrincipals(): Operation[] {
    return [...this.wanted.principals.values()].flatMap((principal): Operation[] => {
      const found = this.principals.get(principal.externalId);
      if (!found) return [{ kind: 'createPrincipal', principal }];
      const changes = principalChanges(principal, found);
      return isEmpty(changes) ? [] : [{ kind: 'updatePrincipal', id: found.id, version: found.version, changes }];
    });
  }

  /** A phase for each level: a parent is there before what names it. */
  private changedAssets(): Operation[][] {
    const levels: Operation[][] = [];
    const levelOf = new Map<string, number>();
    for (const asset of this.wanted.assets.values()) {
      const level = asset.parent === null ? 0 : (levelOf.get(asset.parent) ?? 0) + 1;
      levelOf.set(asset.externalId, level);
      const found = this.assets.get(asset.externalId);
      const changes = found ? this.assetChanges(asset, found) : {};
      const operations = (levels[level] ??= []);
      if (!found) operations.push({ kind: 'createAsset', asset });
      else if (!isEmpty(changes)) operations.push({ kind: 'updateAsset', id: found.id, version: found.version, changes });
    }
    return levels;
  }

  private assetChanges(wanted: WantedAsset, found: CurrentAsset): AssetChanges {
    const parent = found.parentId === null ? null : this.assetIds.get(found.parentId);
    return {
      ...(found.name !== wanted.name && { name: wanted.name }),
      ...(found.status !== 'active' && { status: 'active' as const }),
      ...(parent !== wanted.parent && { parent: wanted.parent }),
    };
  }

  private endedPrincipals(): Operation[] {
    return [...this.principals].flatMap(([externalId, { id, status }]): Operation[] =>
      this.wanted.principals.has(externalId) || status === 'deactivated' ? [] : [{ kind: 'deactivatePrincipal', id }],
    );
  }

  private endedAssets(): Operation[] {
    return [...this.assets].flatMap(([externalId, { id, status }]): Operation[] =>
      this.wanted.assets.has(externalId) || status === 'retired' || this.isUnread(externalId) ? [] : [{ kind: 'retireAsset', id }],
    );
  }

  private isUnread(asset: string): boolean {
    return this.wanted.unreadDatabases.some(({ externalId }) => asset.startsWith(`${externalId}/`));
  }

  private keyOf(grant: CurrentGrant): string {
    const principal = this.principalIds.get(grant.principalId) ?? '';
    return grantKey({ principal, asset: this.assetIds.get(grant.assetId) ?? '', permission: grant.permission });
  }
}

function principalChanges(wanted: WantedPrincipal, found: CurrentPrincipal): PrincipalChanges {
  const attributes = Object.entries(wanted.attributes);
  const differ = attributes.some(([name, value]) => found.attributes[name] !== value);
  return {
    ...(found.displayName !== wanted.displayName && { displayName: wanted.displayName }),
    // A person's word at the gateway takes no right away at the target, and the gateway must not say that it did.
    ...(found.status !== 'active' && { status: 'active' as const }),
    ...(differ && { attributes: { ...found.attributes, ...wanted.attributes } }),
  };
}

/** The other principals that a role may be. */
function othersOfRole(externalId: string): string[] {
  const [server, kind, oid] = externalId.split('/');
  if (server === undefined || kind === undefined || oid === undefined) return [];
  return ['user', 'service', 'group'].filter((other) => other !== kind).map((other) => `${server}/${other}/${oid}`);
}

function byExternalId<T extends { externalId: string | null }>(things: readonly T[]): Map<string, T> {
  return new Map(things.flatMap((thing) => (thing.externalId === null ? [] : [[thing.externalId, thing] as const])));
}

/** JSON and not a separator: names may hold any character. */
const grantKey = ({ principal, asset, permission }: Omit<WantedGrant, 'privilege'>): string =>
  JSON.stringify([principal, asset, permission]);

const memberKey = ({ group, member }: WantedMembership): string => JSON.stringify([group, member]);

const isEmpty = (changes: object): boolean => Object.keys(changes).length === 0;
