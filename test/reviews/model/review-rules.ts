import type { Band, Breaker, DefaultRule, GrantState, Hints, ItemState, Membership, RoundState, State, Word } from './review-state.js';

/*
 * The rules of DESIGN.md section 7 that are answers to questions.
 */

export const inForce = ({ status, lapsed }: GrantState): boolean => status === 'active' && !lapsed;

const RECOMMENDATIONS = { active: 'keep', aging: 'keep', stale: 'review', dormant: 'revoke' } as const;
export type Recommended = 'keep' | 'review' | 'revoke' | 'none';
export const recommended = (band: Band | null): Recommended => (band === null ? 'none' : RECOMMENDATIONS[band]);

/** What is recommended about an item now, and where nobody knows that, what was when it was made. */
export const recommendedNow = (state: State, item: ItemState): Recommended =>
  recommended(state.grants.get(item.grantId)?.band ?? item.bandThen);

/** Whether a group has a person in it, at any depth. */
export function isInside(state: State, memberId: string, groupId: string, seen = new Set<string>()): boolean {
  if (seen.has(groupId)) return false;
  seen.add(groupId);
  const inside = state.memberships.filter((membership) => membership.groupId === groupId).map((membership) => membership.memberId);
  return inside.includes(memberId) || inside.some((id) => isInside(state, memberId, id, seen));
}

/** Nobody reviews their own access: a grant that they hold, or a principal they own, or a group that either is in, but for one of everyone. */
export function isOwnAccess(state: State, personId: string | null, holderId: string): boolean {
  if (personId === null) return false;
  const owned = [...state.principals.values()].filter(({ ownerId }) => ownerId === personId).map(({ id }) => id);
  const selves = [personId, ...owned];
  if (selves.includes(holderId)) return true;
  return !state.principals.get(holderId)!.everyone && selves.some((id) => isInside(state, id, holderId));
}

export function isActiveUser(state: State, id: string): boolean {
  const found = state.principals.get(id);
  return found?.type === 'user' && found.status === 'active';
}

/** Who may be asked about a grant, any one of them, and the reason for it; null where nobody may. */
export function reviewersFor(state: State, grant: GrantState, { reviewers }: RoundState): { oneOf: string[]; reason: string } | null {
  const { kind, principalIds, fallbackReviewerId } = reviewers;
  const holder = state.principals.get(grant.principalId)!;
  const wanted: (string | null)[] = {
    assetOwner: [state.assets.get(grant.assetId)!.ownerId],
    manager: [holder.managerId],
    named: principalIds,
  }[kind];
  const asked = wanted.filter((id): id is string => id !== null);
  const active = asked.filter((id) => isActiveUser(state, id));
  const fit = active.filter((id) => !isOwnAccess(state, id, holder.id));
  if (fit.length > 0) return { oneOf: fit, reason: { assetOwner: 'asset_owner', manager: 'manager', named: 'named' }[kind] };
  const fallback = isActiveUser(state, fallbackReviewerId) && !isOwnAccess(state, fallbackReviewerId, holder.id);
  if (!fallback) return null;
  const person = asked.some((id) => state.principals.get(id)!.type === 'user');
  const why = asked.length === 0 ? 'none' : !person ? 'not_a_person' : active.length === 0 ? 'not_active' : 'self_review';
  return { oneOf: [fallbackReviewerId], reason: `fallback_${why}` };
}

/** The grants that a campaign's selector finds now, those that came about while it was being launched as the system took them. */
export function selected(state: State, round: RoundState, hints: Hints | null): GrantState[] {
  const { assetIds, bands, privileges, principalTypes } = round.selector;
  const fits = (values: readonly string[], value: string): boolean => values.length === 0 || values.includes(value);
  return [...state.grants.values()].filter((grant) => {
    if (hints && grant.madeIn === round.launchedIn && !hints.hasItem(round.id, grant.id)) return false;
    return (
      inForce(grant) &&
      fits(assetIds, grant.assetId) &&
      fits(bands, grant.band ?? 'insufficient_data') &&
      fits(privileges, grant.privilege) &&
      fits(principalTypes, state.principals.get(grant.principalId)!.type)
    );
  });
}

export function byDefault(rule: DefaultRule, recommendation: Recommended): Word {
  if (rule === 'approve' || rule === 'revoke') return rule;
  if (rule === 'none' || recommendation === 'review' || recommendation === 'none') return 'abstain';
  return recommendation === 'keep' ? 'approve' : 'revoke';
}

/** What the circuit breaker says to taking these grants away, of a round of so many items. Of those that stay, memberships end in their place. */
export function breakerFor(
  state: State,
  items: number,
  going: readonly GrantState[],
  staying: ReadonlyMap<string, readonly Membership[]> = new Map(),
): Breaker {
  const standing = going.filter((grant) => inForce(grant));
  const limit = Math.max(25, Math.floor(items * 0.2));
  const whole = standing.filter(({ id }) => !staying.has(id));
  const orphaned = assetsWithoutAdmin(state, whole, [...staying.values()].flat());
  const reasons = [
    ...(standing.length > limit ? ['too_many_revocations'] : []),
    ...orphaned.map((assetId) => `last_admin ${assetId}`).sort(),
  ];
  return { limit, wouldRevoke: standing.length, reasons };
}

/** The assets that somebody administers now, and nobody would who stays: a grant that a connector has been asked to take away does not. */
export function assetsWithoutAdmin(state: State, going: readonly GrantState[], ended: readonly Membership[]): string[] {
  const queued = new Set(
    [...state.items.values()].filter(({ remediation }) => remediation?.status === 'queued').map((item) => item.grantId),
  );
  const isEnded = ({ groupId, memberId }: Membership): boolean =>
    ended.some((membership) => membership.groupId === groupId && membership.memberId === memberId);
  const after: State = { ...state, memberships: state.memberships.filter((membership) => !isEnded(membership)) };
  const administer = [...state.grants.values()].filter((grant) => grant.privilege === 'admin' && reached(state, grant).size > 0);
  const lost = administer.filter((grant) => going.includes(grant) || reached(after, grant).size === 0);
  return [...new Set(lost.map(({ assetId }) => assetId))].filter(
    (assetId) => !administer.some((grant) => grant.assetId === assetId && !lost.includes(grant) && !queued.has(grant.id)),
  );
}

/** The memberships that these items end in the place of their grants, by the grant's id. */
export function membershipsEnding(items: readonly ItemState[]): Map<string, Membership[]> {
  return new Map(
    items.flatMap(({ grantId, decisions }) => {
      const memberships = decisions.at(-1)?.memberships;
      return memberships ? [[grantId, memberships] as const] : [];
    }),
  );
}

/** The groups below a holder that pass on what it holds, itself among them. */
export function groupsBelow(state: State, holderId: string): Set<string> {
  const found = new Set<string>();
  const visit = (id: string): void => {
    const principal = state.principals.get(id)!;
    if (found.has(id) || principal.status !== 'active' || principal.type !== 'group') return;
    found.add(id);
    for (const { groupId, memberId } of state.memberships) if (groupId === id) visit(memberId);
  };
  visit(holderId);
  return found;
}

/** Whom a grant reaches: every active user and service account. */
export function reached(state: State, grant: GrantState): Set<string> {
  const holder = state.principals.get(grant.principalId)!;
  if (!inForce(grant)) return new Set();
  if (holder.type !== 'group') return new Set(holder.status === 'active' ? [holder.id] : []);
  const groups = groupsBelow(state, holder.id);
  const members = state.memberships.filter(({ groupId }) => groups.has(groupId)).map(({ memberId }) => state.principals.get(memberId)!);
  return new Set(members.filter(({ type, status }) => type !== 'group' && status === 'active').map(({ id }) => id));
}

/** Whom revoking a grant would touch, and who of them keeps the same permission on the asset by another grant. */
export function effectOf(state: State, grant: GrantState): { affected: number; loses: number; keeps: number } {
  const rivals = [...state.grants.values()].filter(
    ({ id, assetId, permission }) => id !== grant.id && assetId === grant.assetId && permission === grant.permission,
  );
  const elsewhere = rivals.map((rival) => reached(state, rival));
  const touched = [...reached(state, grant)];
  const keeps = touched.filter((id) => elsewhere.some((others) => others.has(id))).length;
  return { affected: touched.length, loses: touched.length - keeps, keeps };
}

export const hasMembership = (state: State, { groupId, memberId }: Membership): boolean =>
  state.memberships.some((membership) => membership.groupId === groupId && membership.memberId === memberId);
