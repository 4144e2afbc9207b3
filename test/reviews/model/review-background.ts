import {
  assetsWithoutAdmin,
  breakerFor,
  membershipsEnding,
  byDefault,
  hasMembership,
  inForce,
  isInside,
  recommendedNow,
  reviewersFor,
  selected,
} from './review-rules.js';
import {
  type GrantState,
  type Hints,
  type ItemState,
  itemsOf,
  type Membership,
  openPacket,
  packetsOf,
  type RemediationState,
  type RoundState,
  type State,
} from './review-state.js';

/*
 * What reviews do by themselves, as steps that each happen at once: between two of them anybody may do anything.
 */

export const DEFAULT_REASON = 'Nobody decided before the due date.';
export const SYSTEM = 'reviews';

/** The steps that could be taken now; none where everything is at rest. */
export function stepsDue(state: State, hints: Hints): ((on: State) => void)[] {
  const steps: ((on: State) => void)[] = [];
  for (const { id, work, status, due } of state.rounds.values()) {
    if (work !== null) steps.push((on) => advance(on, on.rounds.get(id)!, hints));
    else if (due && status === 'active') steps.push((on) => beginClosing(on.rounds.get(id)!));
  }
  if ([...state.items.values()].some((item) => isOver(state, item))) steps.push(settle);
  return steps;
}

export function beginClosing(round: RoundState): void {
  round.status = 'closing';
  round.work = 'defaults';
}

function advance(state: State, round: RoundState, hints: Hints): void {
  const steps = { launch, defaults: decideByDefault, check, apply, undo };
  if (round.work !== null) steps[round.work](state, round, hints);
}

function launch(state: State, round: RoundState, hints: Hints): void {
  const found = selected(state, round, hints).filter(({ id, madeIn }) => id > round.launchedUpTo && madeIn <= round.launchedIn);
  if (found.length === 0) {
    round.work = null;
    return;
  }
  for (const grant of found.sort((a, b) => (a.id < b.id ? -1 : 1))) {
    round.population += 1;
    round.launchedUpTo = grant.id;
    const choice = reviewersFor(state, grant, round);
    if (choice === null) continue;
    round.included += 1;
    const picked = hints.pickedReviewer(round.id, grant.id);
    addItem(state, round, grant, choice.oneOf.find((id) => id === picked) ?? choice.oneOf[0]!, choice.reason, hints);
  }
}

export function addItem(state: State, round: RoundState, grant: GrantState, reviewerId: string, reason: string, hints: Hints): void {
  const packet = openPacket(state, round.id, reviewerId, hints);
  const id = hints.itemId(round.id, grant.id);
  const known = { id, roundId: round.id, packetId: packet.id, grantId: grant.id, reason, bandThen: grant.band };
  state.items.set(id, { ...known, decisions: [], remediation: null });
}

function decideByDefault(state: State, round: RoundState, hints: Hints): void {
  const pending = itemsOf(state, { roundId: round.id }).filter(({ decisions }) => decisions.length === 0);
  for (const item of pending) {
    const word = byDefault(round.defaultRule, recommendedNow(state, item));
    const id = hints.decisionId(item.id, item.decisions.length);
    item.decisions.push({ id, word, justification: DEFAULT_REASON, source: 'default', by: SYSTEM, memberships: null });
  }
  if (pending.length > 0) return;
  for (const packet of packetsOf(state, round.id)) if (packet.status === 'open') packet.status = 'signed_off';
  round.work = 'check';
}

/** What a round is to take away and has not yet. */
export const toRevoke = (state: State, round: RoundState): ItemState[] =>
  itemsOf(state, { roundId: round.id }).filter((item) => item.decisions.at(-1)?.word === 'revoke' && item.remediation === null);

function check(state: State, round: RoundState): void {
  const going = toRevoke(state, round);
  const grants = going.map(({ grantId }) => state.grants.get(grantId)!);
  round.breaker = breakerFor(state, itemsOf(state, { roundId: round.id }).length, grants, membershipsEnding(going));
  if (round.breaker.reasons.length > 0) hold(round);
  else round.work = 'apply';
}

function hold(round: RoundState): void {
  round.work = null;
  round.held = true;
  round.confirmed = false;
}

function apply(state: State, round: RoundState, hints: Hints): void {
  const going = toRevoke(state, round).sort((a, b) => (placeOf(state, a) < placeOf(state, b) ? -1 : 1));
  if (going.length === 0) {
    round.work = null;
    round.status = 'completed';
    return;
  }
  const whole = going.filter((item) => item.decisions.at(-1)!.memberships === null).map(({ grantId }) => state.grants.get(grantId)!);
  const ended = [...membershipsEnding(going).values()].flat();
  const unconfirmed = assetsWithoutAdmin(state, whole, ended).filter((id) => !round.confirmedAssets.includes(id));
  if (unconfirmed.length > 0) {
    const { limit, wouldRevoke } = breakerFor(
      state,
      itemsOf(state, { roundId: round.id }).length,
      going.map(({ grantId }) => state.grants.get(grantId)!),
    );
    round.breaker = { limit, wouldRevoke, reasons: unconfirmed.map((id) => `last_admin ${id}`).sort() };
    hold(round);
    return;
  }
  for (const item of going) remedy(state, item, hints);
}

/** Revocations are applied asset by asset. */
const placeOf = (state: State, { grantId, id }: ItemState): string => `${state.grants.get(grantId)!.assetId} ${id}`;

function remedy(state: State, item: ItemState, hints: Hints): void {
  const { memberships } = item.decisions.at(-1)!;
  const grant = state.grants.get(item.grantId)!;
  const made = { id: hints.remediationId(item.id), memberships, undo: null, undoReason: null, restoredId: null };
  if (memberships !== null) {
    const foreign = memberships.map(({ groupId }) => state.principals.get(groupId)!.source).find((source) => source !== 'manual');
    // What had ended by then, also for another item of the same round, is not this one's to bring back.
    const ended = foreign === undefined ? memberships.filter((membership) => hasMembership(state, membership)) : [];
    endMemberships(state, ended);
    const status = foreign ? 'queued' : ended.length > 0 ? 'applied' : 'not_needed';
    item.remediation = { ...made, source: foreign ?? 'manual', status, memberships: ended.length > 0 ? ended : memberships };
    return;
  }
  const source = state.assets.get(grant.assetId)!.source;
  const standing = inForce(grant);
  item.remediation = { ...made, source, status: !standing ? 'not_needed' : source === 'manual' ? 'applied' : 'queued' };
  if (standing && source === 'manual') grant.status = 'revoked';
}

export function endMemberships(state: State, memberships: readonly Membership[]): void {
  state.memberships = state.memberships.filter(
    (there) => !memberships.some(({ groupId, memberId }) => groupId === there.groupId && memberId === there.memberId),
  );
}

/** Whether what a connector was asked to take away has gone without its saying so. What failed is the connector's to report on again. */
function isOver(state: State, { remediation, grantId }: ItemState): boolean {
  if (remediation?.status !== 'queued') return false;
  if (remediation.memberships === null) return !inForce(state.grants.get(grantId)!);
  return !remediation.memberships.some((membership) => hasMembership(state, membership));
}

function settle(state: State): void {
  for (const item of state.items.values()) if (isOver(state, item)) item.remediation!.status = 'applied';
}

function undo(state: State, round: RoundState, hints: Hints): void {
  const next = itemsOf(state, { roundId: round.id }).filter(({ remediation }) => remediation !== null && remediation.undo === null);
  if (next.length === 0) {
    round.work = null;
    round.undo = 'done';
    return;
  }
  for (const item of next.sort((a, b) => (a.remediation!.id < b.remediation!.id ? -1 : 1))) undoOne(state, item, hints);
}

function undoOne(state: State, { remediation, grantId }: ItemState, hints: Hints): void {
  const done = remediation!;
  if (done.status === 'queued' || done.status === 'failed') {
    Object.assign(done, { undo: 'withdrawn', undoReason: 'undone', status: 'not_needed' });
    return;
  }
  const grant = state.grants.get(grantId)!;
  const obstacle = obstacleTo(state, grant, done);
  if (obstacle !== null) {
    Object.assign(done, { undo: 'skipped', undoReason: obstacle });
    return;
  }
  done.undo = 'restored';
  if (done.memberships !== null) {
    for (const membership of done.memberships) if (obstacleToMembership(state, membership) === null) state.memberships.push(membership);
    return;
  }
  const id = hints.restoredId(grantId);
  done.restoredId = id;
  state.grants.set(id, { ...grant, id, status: 'active', band: null, restores: grantId, madeIn: state.batch });
}

/** Why what was taken away cannot come back; null where it can. */
function obstacleTo(state: State, grant: GrantState, { status, source, memberships }: RemediationState): string | null {
  if (status === 'not_needed') return 'not_revoked_by_this';
  if (source !== 'manual') return 'taken_away_by_connector';
  if (memberships !== null) {
    const obstacles = memberships.map((membership) => obstacleToMembership(state, membership));
    return obstacles.includes(null) ? null : obstacles[0]!;
  }
  if (state.principals.get(grant.principalId)!.status === 'deactivated') return 'principal_deactivated';
  if (grant.lapsed) return 'expired_since';
  return [...state.grants.values()].some((other) => inForce(other) && isSameAccess(other, grant)) ? 'exists_already' : null;
}

const isSameAccess = (a: GrantState, b: GrantState): boolean =>
  a.principalId === b.principalId && a.assetId === b.assetId && a.permission === b.permission;

/** A membership comes back like any that is added: not twice, not into a group that is deactivated, and not so that a group is in itself. */
function obstacleToMembership(state: State, { groupId, memberId }: Membership): string | null {
  if (hasMembership(state, { groupId, memberId })) return 'exists_already';
  if (state.principals.get(groupId)!.status === 'deactivated') return 'group_deactivated';
  return groupId === memberId || isInside(state, groupId, memberId) ? 'membership_cycle' : null;
}
