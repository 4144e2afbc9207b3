import { addItem, beginClosing, endMemberships } from './review-background.js';
import type { Answer, Call, CampaignStep, Deciding, Expected, Operation, PacketStep } from './review-operations.js';
import { hasMembership, inForce, isActiveUser, isInside, isOwnAccess, groupsBelow, recommendedNow } from './review-rules.js';
import {
  type Caller,
  countsOf,
  type Hints,
  itemsOf,
  type Membership,
  openPacket,
  type PacketState,
  packetsOf,
  type RoundState,
  type State,
} from './review-state.js';
import * as views from './review-views.js';

/*
 * What each operation does to the state, and what is answered to it. One that is refused changes nothing.
 */

interface Doing {
  state: State;
  by: Caller;
  hints: Hints;
  answer: Answer;
}

const ok = (view: unknown = null): Expected => ({ refusals: [], view });
const refused = (...refusals: string[]): Expected => ({ refusals, view: null });

const ADMINS_ALONE = new Set<string>([
  ...['createCampaign', 'createPacket', 'campaign', 'getCampaign', 'preview', 'report', 'grant', 'revokeGrant', 'join', 'leave'],
  ...['setStatus', 'setOwner', 'setManager', 'setAssetOwner'],
]);

export function perform(state: State, { by, operation }: Call, answer: Answer, hints: Hints): Expected {
  if (!by.admin && ADMINS_ALONE.has(operation.do)) return refused('forbidden');
  if ('packetId' in operation) {
    const packet = state.packets.get(operation.packetId);
    if (!packet || (!by.admin && packet.reviewerId !== by.principalId)) return refused('not_found');
  }
  // Somebody else's packet is not there for a reviewer, whatever is asked of it.
  if (!by.admin && operation.do === 'packet' && operation.step !== 'sign-off') return refused('forbidden');
  return carryOut({ state, by, hints, answer }, operation);
}

function carryOut(doing: Doing, operation: Operation): Expected {
  const { state, by } = doing;
  switch (operation.do) {
    case 'createCampaign':
      return createCampaign(doing, operation);
    case 'createPacket':
      return createPacket(doing, operation);
    case 'campaign':
      return stepRound(doing, state.rounds.get(operation.roundId)!, operation.step);
    case 'packet':
      return operation.step === 'sign-off' ? signOff(doing, operation.packetId) : stepPacket(doing, operation.packetId, operation.step);
    case 'decide':
      return decide(doing, operation.packetId, operation.decisions);
    case 'reassign':
      return reassign(doing, operation);
    case 'getCampaign':
      return ok(views.campaign(state, operation.roundId));
    case 'preview':
      return ok(views.preview(state, state.rounds.get(operation.roundId)!));
    case 'getPacket':
      return ok(views.packet(state, operation.packetId));
    case 'listPackets':
      return ok(views.packets(state, by, operation));
    case 'listItems':
      return ok(views.items(state, operation));
    case 'getItem':
    case 'effect': {
      const item = state.items.get(operation.itemId);
      if (item?.packetId !== operation.packetId) return refused('not_found');
      return ok(operation.do === 'effect' ? views.effect(state, item) : views.item(state, item));
    }
    default:
      return changeWorld(doing, operation);
  }
}

function createCampaign(
  { state, by, answer }: Doing,
  { selector, reviewers, defaultRule }: Operation & { do: 'createCampaign' },
): Expected {
  const named = reviewers.kind === 'named';
  const fit = [...reviewers.principalIds, reviewers.fallbackReviewerId].every((id) => isActiveUser(state, id));
  if (!fit || named !== reviewers.principalIds.length > 0) return refused('business_rule');
  if (answer.made !== null) state.rounds.set(answer.made, newRound(answer.made, 'campaign', by, { selector, reviewers, defaultRule }));
  return ok();
}

function newRound(
  id: string,
  kind: RoundState['kind'],
  by: Caller,
  choice: Pick<RoundState, 'selector' | 'reviewers' | 'defaultRule'>,
): RoundState {
  return {
    ...{
      id,
      kind,
      status: 'draft',
      createdBy: by.actorId,
      ...choice,
      work: null,
      due: false,
      longOver: false,
      launchedIn: 0,
      launchedUpTo: '',
    },
    ...{ population: 0, included: 0, breaker: null, held: false, confirmed: false, confirmedAssets: [], undo: null },
  };
}

function createPacket({ state, by, answer, hints }: Doing, operation: Operation & { do: 'createPacket' }): Expected {
  const { reviewerId, grantIds, defaultRule } = operation;
  const grants = grantIds.map((id) => state.grants.get(id)!);
  const refusals = new Set<string>();
  if (!isActiveUser(state, reviewerId) || !grants.every((grant) => inForce(grant))) refusals.add('business_rule');
  if (grants.some(({ principalId }) => isOwnAccess(state, reviewerId, principalId))) refusals.add('self_review');
  if (refusals.size > 0 || answer.made === null) return refused(...refusals);
  const reviewers = { kind: 'named' as const, principalIds: [reviewerId], fallbackReviewerId: reviewerId };
  const selector = { assetIds: [], bands: [], privileges: [], principalTypes: [] };
  const round = newRound(`of ${answer.made}`, 'packet', by, { selector, reviewers, defaultRule });
  Object.assign(round, { status: 'active', population: grants.length, included: grants.length });
  state.rounds.set(round.id, round);
  for (const grant of grants) addItem(state, round, grant, reviewerId, 'chosen', hints);
  return ok();
}

/** A packet of its own takes the steps of a campaign; a campaign's packet takes none of its own. */
function stepPacket(doing: Doing, packetId: string, step: Exclude<PacketStep, 'sign-off'>): Expected {
  const round = doing.state.rounds.get(doing.state.packets.get(packetId)!.roundId)!;
  return round.kind === 'campaign' ? refused('campaign_state') : stepRound(doing, round, step);
}

function stepRound({ state, by }: Doing, round: RoundState, step: CampaignStep): Expected {
  const { status, work, due, held, confirmed, createdBy, undo, longOver } = round;
  const obstacles: Record<CampaignStep, (string | false)[]> = {
    launch: [(status !== 'draft' || due) && 'campaign_state'],
    close: [(status !== 'active' || work === 'launch') && 'campaign_state'],
    cancel: [status !== 'draft' && status !== 'active' && (held && status === 'closing' ? 'breaker_open' : 'campaign_state')],
    confirm: [(status !== 'closing' || !held || confirmed) && 'campaign_state', createdBy === by.actorId && 'second_admin_required'],
    undo: [(status !== 'completed' || undo !== null) && 'campaign_state', longOver && 'undo_expired'],
  };
  const refusals = obstacles[step].filter((obstacle) => obstacle !== false);
  if (refusals.length > 0) return refused(...refusals);
  const takes: Record<CampaignStep, () => void> = {
    launch: () => Object.assign(round, { status: 'active', work: 'launch', launchedIn: state.batch }),
    close: () => beginClosing(round),
    cancel: () => cancel(state, round),
    confirm: () => confirm(round),
    undo: () => Object.assign(round, { work: 'undo', undo: 'asked' }),
  };
  takes[step]();
  return ok();
}

function cancel(state: State, round: RoundState): void {
  round.status = 'cancelled';
  round.work = null;
  for (const packet of packetsOf(state, round.id)) if (packet.status === 'open') packet.status = 'cancelled';
}

function confirm(round: RoundState): void {
  round.confirmed = true;
  round.work = 'apply';
  const assets = round.breaker!.reasons.filter((reason) => reason.startsWith('last_admin ')).map((reason) => reason.split(' ')[1]!);
  round.confirmedAssets.push(...assets);
}

const isOpen = (state: State, { status, roundId }: PacketState): boolean => {
  const round = state.rounds.get(roundId)!;
  return status === 'open' && round.status === 'active' && !round.due;
};

function signOff({ state }: Doing, packetId: string): Expected {
  const packet = state.packets.get(packetId)!;
  const round = state.rounds.get(packet.roundId)!;
  if (!isOpen(state, packet)) return refused('packet_closed');
  const pending = countsOf(itemsOf(state, { packetId })).pending > 0;
  const refusals = [round.work === 'launch' && 'campaign_state', pending && 'items_pending'].filter((refusal) => refusal !== false);
  if (refusals.length > 0) return refused(...refusals);
  packet.status = 'signed_off';
  const others = packetsOf(state, round.id).filter(({ id, status }) => status === 'open' && itemsOf(state, { packetId: id }).length > 0);
  if (round.kind === 'packet' && others.length === 0) beginClosing(round);
  return ok();
}

function decide(doing: Doing, packetId: string, decisions: readonly Deciding[]): Expected {
  const { state, by, hints } = doing;
  if (!isOpen(state, state.packets.get(packetId)!)) return refused('packet_closed');
  const outcomes = decisions.map((deciding, place) => {
    const repeated = decisions.findIndex(({ itemId }) => itemId === deciding.itemId) < place;
    return { deciding, refusals: refusalsOf(doing, packetId, deciding, repeated) };
  });
  for (const { deciding, refusals } of outcomes) {
    if (refusals.length > 0) continue;
    const { itemId, word, memberships } = deciding;
    const item = state.items.get(itemId)!;
    const id = hints.decisionId(itemId, item.decisions.length);
    const made = { id, word, justification: saidWhy(deciding), source: 'reviewer' as const, by: by.actorId, memberships };
    const last = item.decisions.at(-1);
    const again = last?.word === word && last.by === by.actorId && last.justification === made.justification;
    if (!again || last.memberships !== null || memberships !== null) item.decisions.push(made);
  }
  return ok({ outcomes: outcomes.map(({ refusals }) => refusals), counts: countsOf(itemsOf(state, { packetId })) });
}

const saidWhy = ({ justification }: Deciding): string | null => (justification?.trim() ? justification : null);

function refusalsOf({ state, by }: Doing, packetId: string, deciding: Deciding, repeated: boolean): string[] {
  const { itemId, word, memberships, replaces } = deciding;
  const item = state.items.get(itemId);
  if (item?.packetId !== packetId) return ['not_found'];
  if (repeated) return ['duplicate'];
  const { principalId } = state.grants.get(item.grantId)!;
  const mustSayWhy = word === 'revoke' || (word === 'approve' && recommendedNow(state, item) === 'revoke');
  const below = groupsBelow(state, principalId);
  const known = (memberships ?? []).every((membership) => below.has(membership.groupId) && hasMembership(state, membership));
  return [
    isOwnAccess(state, by.principalId, principalId) && 'self_review',
    replaces !== undefined && replaces !== (item.decisions.at(-1)?.id ?? null) && 'decision_conflict',
    memberships !== null && (word !== 'revoke' || !known) && 'membership_unknown',
    mustSayWhy && saidWhy(deciding) === null && 'justification_required',
  ].filter((refusal) => refusal !== false);
}

function reassign({ state, hints }: Doing, { packetId, itemIds, reviewerId }: Operation & { do: 'reassign' }): Expected {
  const packet = state.packets.get(packetId)!;
  if (!isOpen(state, packet)) return refused('packet_closed');
  const refusals = new Set<string>();
  if (reviewerId === packet.reviewerId || !isActiveUser(state, reviewerId)) refusals.add('business_rule');
  for (const itemId of itemIds) {
    const item = state.items.get(itemId);
    if (item?.packetId !== packetId) refusals.add('business_rule');
    else if (item.decisions.length > 0) refusals.add('already_decided');
    else if (isOwnAccess(state, reviewerId, state.grants.get(item.grantId)!.principalId)) refusals.add('self_review');
  }
  if (refusals.size > 0) return refused(...refusals);
  const target = openPacket(state, packet.roundId, reviewerId, hints);
  for (const itemId of itemIds) Object.assign(state.items.get(itemId)!, { packetId: target.id, reason: 'reassigned' });
  return ok();
}

/** What happens around reviews: people come and go, access is given and taken, time passes. */
function changeWorld({ state, answer }: Doing, operation: Operation): Expected {
  switch (operation.do) {
    case 'report':
      return report(state, operation);
    case 'grant':
      return giveAccess(state, operation, answer);
    case 'join':
    case 'leave':
      return operation.do === 'join' ? join(state, operation) : leave(state, operation.membership);
    case 'revokeGrant': {
      const grant = state.grants.get(operation.grantId)!;
      if (inForce(grant)) grant.status = 'revoked';
      return ok();
    }
    case 'setStatus':
      return ok(void Object.assign(state.principals.get(operation.principalId)!, { status: operation.status }));
    case 'setOwner':
      return ok(void Object.assign(state.principals.get(operation.principalId)!, { ownerId: operation.ownerId }));
    case 'setManager':
      return ok(void Object.assign(state.principals.get(operation.principalId)!, { managerId: operation.managerId }));
    case 'setAssetOwner':
      return ok(void Object.assign(state.assets.get(operation.assetId)!, { ownerId: operation.ownerId }));
    case 'expire':
      return ok(void Object.assign(state.grants.get(operation.grantId)!, { lapsed: true }));
    case 'rescore':
      return ok(void Object.assign(state.grants.get(operation.grantId)!, { band: operation.band }));
    case 'passDueDate':
      return ok(void Object.assign(state.rounds.get(operation.roundId)!, { due: true }));
    case 'passMonth': {
      const round = state.rounds.get(operation.roundId)!;
      if (round.status === 'completed') round.longOver = true;
      return ok();
    }
    default:
      throw new Error(`The model knows of no ${operation.do}.`);
  }
}

function leave(state: State, membership: Membership): Expected {
  endMemberships(state, [membership]);
  return ok();
}

function join(state: State, { membership }: Operation & { do: 'join' | 'leave' }): Expected {
  const { groupId, memberId } = membership;
  const group = state.principals.get(groupId)!;
  const cycle = groupId === memberId || isInside(state, groupId, memberId);
  const refusals = [(group.status === 'deactivated' || group.type !== 'group') && 'business_rule', cycle && 'membership_cycle'].filter(
    (refusal) => refusal !== false,
  );
  if (refusals.length > 0) return refused(...refusals);
  if (!hasMembership(state, membership)) state.memberships.push(membership);
  return ok();
}

function giveAccess(state: State, { principalId, assetId, privilege }: Operation & { do: 'grant' }, { made }: Answer): Expected {
  const permission = privilege === 'admin' ? 'OWN' : 'SELECT';
  const exists = [...state.grants.values()].some(
    (grant) => inForce(grant) && grant.principalId === principalId && grant.assetId === assetId && grant.permission === permission,
  );
  const gone = state.principals.get(principalId)!.status === 'deactivated';
  const refusals = [exists && 'duplicate', gone && 'business_rule'].filter((refusal) => refusal !== false);
  if (refusals.length > 0 || made === null) return refused(...refusals);
  const known = { id: made, principalId, assetId, permission, privilege, madeIn: state.batch };
  state.grants.set(made, { ...known, status: 'active', lapsed: false, band: null, restores: null });
  return ok();
}

function report(state: State, { itemId, status }: Operation & { do: 'report' }): Expected {
  const item = state.items.get(itemId)!;
  const remediation = item.remediation!;
  if (status !== remediation.status && (remediation.status === 'applied' || remediation.status === 'not_needed'))
    return refused('business_rule');
  if (status === 'applied' && remediation.status !== 'applied') {
    const grant = state.grants.get(item.grantId)!;
    if (remediation.memberships !== null) endMemberships(state, remediation.memberships);
    else if (inForce(grant)) grant.status = 'revoked';
  }
  remediation.status = status;
  return ok();
}
