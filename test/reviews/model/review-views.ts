import {
  breakerFor,
  byDefault,
  effectOf,
  inForce,
  membershipsEnding,
  recommendedNow,
  recommended,
  reviewersFor,
  selected,
} from './review-rules.js';
import {
  type Breaker,
  type Caller,
  type Counts,
  countsOf,
  type DecisionState,
  type GrantState,
  type ItemState,
  itemsOf,
  packetsOf,
  type RoundState,
  type State,
} from './review-state.js';

/*
 * What people are shown, as far as the model knows it: the client brings what the API answers into the same shapes.
 */

export interface ShownBreaker extends Breaker {
  open: boolean;
}

export interface ShownUndo {
  done: boolean;
  restored: number;
  withdrawn: number;
  skipped: Record<string, number>;
}

function shownBreaker({ breaker, held, confirmed }: RoundState): ShownBreaker | null {
  return breaker && { ...breaker, open: held && !confirmed };
}

function shownUndo(state: State, { id, undo }: RoundState): ShownUndo | null {
  if (undo === null) return null;
  const remediations = itemsOf(state, { roundId: id }).flatMap(({ remediation }) => remediation ?? []);
  const skipped: Record<string, number> = {};
  for (const { undo: outcome, undoReason } of remediations) {
    if (outcome === 'skipped') skipped[undoReason!] = (skipped[undoReason!] ?? 0) + 1;
  }
  const count = (outcome: string): number => remediations.filter((remediation) => remediation.undo === outcome).length;
  return { done: undo === 'done', restored: count('restored'), withdrawn: count('withdrawn'), skipped };
}

export function campaign(state: State, roundId: string): object {
  const round = state.rounds.get(roundId)!;
  const { status, population, included } = round;
  const counts: Counts & { packets: number } = {
    packets: packetsOf(state, roundId).length,
    ...countsOf(itemsOf(state, { roundId })),
  };
  return { status, counts, population, excluded: population - included, breaker: shownBreaker(round), undo: shownUndo(state, round) };
}

export function packet(state: State, packetId: string): object {
  const { roundId, reviewerId, status } = state.packets.get(packetId)!;
  const round = state.rounds.get(roundId)!;
  const own = round.kind === 'packet';
  const counts = countsOf(itemsOf(state, { packetId }));
  return {
    ...{ id: packetId, reviewerId, status, stage: round.status, counts, campaignId: own ? null : roundId },
    ...{ breaker: own ? shownBreaker(round) : null, undo: own ? shownUndo(state, round) : null },
  };
}

export function packets(
  state: State,
  by: Caller,
  { reviewer, roundId, status }: { reviewer: 'me' | null; roundId: string | null; status: string | null },
): object[] {
  return [...state.packets.values()]
    .filter((found) => roundId === null || found.roundId === roundId)
    .filter((found) => status === null || found.status === status)
    .filter((found) => (by.admin && reviewer === null) || found.reviewerId === by.principalId)
    .map(({ id }) => id)
    .sort()
    .map((id) => packet(state, id));
}

export const grantStatus = (grant: GrantState): string => (inForce(grant) ? 'active' : grant.status === 'active' ? 'expired' : 'revoked');

const shownDecision = ({ id, word, justification, source, by, memberships }: DecisionState): object => ({
  ...{ id, word, justification, source, by },
  memberships: memberships?.map(({ groupId, memberId }) => `${groupId} ${memberId}`) ?? null,
});

function shownItem(state: State, item: ItemState): object {
  const { id, grantId, reason, decisions, remediation } = item;
  const last = decisions.at(-1);
  return {
    ...{ id, grantId, reason, status: last ? 'decided' : 'pending', grantStatus: grantStatus(state.grants.get(grantId)!) },
    decision: last ? shownDecision(last) : null,
    remediation: remediation && {
      ...{ id: remediation.id, status: remediation.status, undo: remediation.undo },
      ...{ undoReason: remediation.undoReason, restoredId: remediation.restoredId },
    },
  };
}

export function items(state: State, { packetId, status }: { packetId: string; status: string | null }): object[] {
  return itemsOf(state, { packetId })
    .filter(({ decisions }) => status === null || (status === 'pending') === (decisions.length === 0))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((item) => shownItem(state, item));
}

export const item = (state: State, found: ItemState): object => ({
  ...shownItem(state, found),
  decisions: found.decisions.map((decision) => shownDecision(decision)),
});

export const effect = (state: State, { grantId }: ItemState): object => effectOf(state, state.grants.get(grantId)!);

/** What launching a draft would come to, or closing what is launched. Who of several named reviewers would be asked is not foreseen. */
export function preview(state: State, round: RoundState): object {
  return round.status === 'draft' ? previewOfDraft(state, round) : previewOfLaunched(state, round);
}

function previewOfDraft(state: State, round: RoundState): object {
  const found = selected(state, round, null).map((grant) => ({ grant, choice: reviewersFor(state, grant, round) }));
  const included = found.filter(({ choice }) => choice !== null);
  const going = included.map(({ grant }) => grant).filter(({ band }) => byDefault(round.defaultRule, recommended(band)) === 'revoke');
  const byReviewer = new Map<string, number>();
  for (const { choice } of included) byReviewer.set(choice!.oneOf[0]!, (byReviewer.get(choice!.oneOf[0]!) ?? 0) + 1);
  return {
    ...{ population: found.length, included: included.length, excluded: found.length - included.length },
    byReviewer: round.reviewers.kind === 'named' ? null : Object.fromEntries(byReviewer),
    ...effectShown(breakerFor(state, included.length, going)),
  };
}

function previewOfLaunched(state: State, round: RoundState): object {
  const all = itemsOf(state, { roundId: round.id });
  const over = round.status === 'cancelled' || round.status === 'completed';
  const going = all.filter((found) => {
    const word = found.decisions.at(-1)?.word ?? byDefault(round.defaultRule, recommendedNow(state, found));
    return !over && word === 'revoke' && found.remediation === null;
  });
  const grants = going.map(({ grantId }) => state.grants.get(grantId)!);
  const byReviewer: Record<string, number> = {};
  for (const { packetId } of all) {
    const { reviewerId } = state.packets.get(packetId)!;
    byReviewer[reviewerId] = (byReviewer[reviewerId] ?? 0) + 1;
  }
  return {
    ...{ population: round.population, included: all.length, excluded: round.population - all.length },
    byReviewer: round.reviewers.kind === 'named' ? null : byReviewer,
    ...effectShown(breakerFor(state, all.length, grants, membershipsEnding(going))),
  };
}

const effectShown = ({ limit, wouldRevoke, reasons }: Breaker): object => ({ limit, wouldRevoke, reasons, open: reasons.length > 0 });
