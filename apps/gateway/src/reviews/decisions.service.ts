import type { Caller } from '#libs/auth/request-caller.js';
import { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { ERROR_CODES } from '#libs/errors/error-codes.js';
import { ConflictError, NotFoundError } from '#libs/errors/errors.js';
import type { Campaign, Decision } from '#libs/reviews/campaign.js';
import { beginClosing } from '#libs/reviews/closing.js';
import { recordDecisions } from '#libs/reviews/decisions.js';
import type { ReviewedMembership } from '#libs/reviews/ended-memberships.js';
import type { Packet } from '#libs/reviews/packets.js';
import { ownAmong } from '#libs/reviews/reviewer-resolution.js';
import { Injectable } from '@nestjs/common';
import { type DecidableItem, ItemsRepository } from './items.repository.js';
import { PacketAccess } from './packet-access.service.js';
import { PacketsRepository } from './packets.repository.js';
import { ReviewSteps } from './review-steps.service.js';
import { SignOffRepository } from './sign-off.repository.js';

export interface DecisionInput {
  itemId: string;
  decision: Decision;
  justification?: string | null;
  /** What is to end in the place of the grant, with a decision to revoke what a group holds. */
  memberships?: ReviewedMembership[] | null;
  /** The decision that was in force when the item was looked at; null for none. Where it is left out, the latest word counts. */
  replaces?: string | null;
}

type Refusal = 'not_found' | 'duplicate' | 'self_review' | 'justification_required' | 'decision_conflict' | 'membership_unknown';

interface Outcome {
  itemId: string;
  outcome: 'recorded' | 'rejected';
  code: Refusal | null;
  message: string | null;
  decisionId: string | null;
  replaced: string | null;
}

/** Deciding, and signing off what is decided. */
@Injectable()
export class DecisionsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly items: ItemsRepository,
    private readonly packets: PacketsRepository,
    private readonly access: PacketAccess,
    private readonly signOffs: SignOffRepository,
    private readonly steps: ReviewSteps,
  ) {}

  /**
   * Records each decision that can be, and says of every other why not. A later decision takes the place of an earlier one, which is kept and
   * named in the outcome.
   *
   * @throws ConflictError `packet_closed` once it is signed off, cancelled or past its due date
   */
  decide(packetId: string, inputs: readonly DecisionInput[], caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const { packet, campaign } = await this.access.lock(tx, packetId, caller, 'share');
      assertOpen(tx, packet, campaign);
      const ids = inputs.map(({ itemId }) => itemId);
      const items = await this.items.ofPacket(tx, packetId, ids);
      const holders = [...new Set([...items.values()].map(({ principalId }) => principalId))];
      const own = await ownAmong(tx, tx.actor.principalId, holders);
      const foreign = await this.foreignMemberships(tx, inputs, items);
      // Each statement sees the memberships of its own instant: one that has come since must not be decided about by whom it makes a member.
      if (inputs.some((input) => endingOf(input) !== null)) {
        for (const holder of await ownAmong(tx, tx.actor.principalId, holders)) own.add(holder);
      }
      const judged = inputs.map((input, place) => {
        const item = items.get(input.itemId);
        return { input, item, refusal: refusalOf(input, item, own, ids.indexOf(input.itemId) < place, foreign) };
      });
      const recorded = await this.record(tx, packet, judged);
      const outcomes = judged.map(({ input, item, refusal }) => outcomeOf(input.itemId, item, refusal, recorded.get(input.itemId) ?? null));
      return this.answer(tx, packetId, outcomes);
    });
  }

  private foreignMemberships(
    tx: Transaction,
    inputs: readonly DecisionInput[],
    items: ReadonlyMap<string, DecidableItem>,
  ): Promise<Set<string>> {
    const named = inputs.flatMap(({ itemId, memberships }) => {
      const holderId = items.get(itemId)?.principalId;
      return holderId === undefined ? [] : (memberships ?? []).map(({ groupId, memberId }) => ({ itemId, holderId, groupId, memberId }));
    });
    return named.length === 0 ? Promise.resolve(new Set()) : this.items.withForeignMemberships(tx, named);
  }

  /** Says that a packet is done; from then on nothing in it changes. A packet of its own closes with it. */
  async signOff(packetId: string, caller: Caller): Promise<Representation> {
    const closing = { id: '' };
    const signedOff = await this.transactions.write(caller, async (tx) => {
      const { packet, campaign } = await this.access.lock(tx, packetId, caller, 'change');
      assertVersion(caller, packet.version);
      assertOpen(tx, packet, campaign);
      if (campaign.work === 'launch') throw new ConflictError('campaign_state', 'The campaign is still being launched: more may come.');
      if (packet.pending > 0) throw new ConflictError('items_pending');
      await this.signOffs.signOff(tx, packetId);
      tx.record({
        type: 'review.signed_off',
        resource: { type: 'review', id: packetId },
        before: { status: 'open' },
        after: { status: 'signed_off' },
      });
      if (campaign.kind === 'packet' && !(await this.signOffs.hasOpen(tx, campaign.id))) {
        await beginClosing(tx, campaign, 'signed_off');
        closing.id = campaign.id;
      }
      return this.represent(tx, packetId);
    });
    if (closing.id !== '') this.steps.follow(closing.id);
    return signedOff;
  }

  private record(
    tx: Transaction,
    packet: Packet,
    judged: readonly { input: DecisionInput; item?: DecidableItem; refusal: Refusal | null }[],
  ): Promise<Map<string, string>> {
    const decisions = judged.flatMap(({ input, item, refusal }) => {
      if (!item || refusal !== null || saysTheSame(tx, input, item)) return [];
      const { decision } = input;
      const against = decision === 'approve' && item.recommendation === 'revoke';
      const known = { itemId: item.id, packetId: packet.id, campaignId: packet.campaignId, source: 'reviewer', by: tx.actor } as const;
      return [{ ...known, decision, justification: reasonOf(input), before: item.decision, against, memberships: endingOf(input) }];
    });
    if (decisions.length > 0) return recordDecisions(tx, decisions);
    tx.leaveUnchanged();
    return Promise.resolve(new Map<string, string>());
  }

  private async answer(tx: Transaction, packetId: string, outcomes: readonly Outcome[]): Promise<Representation> {
    const packet = await this.represent(tx, packetId);
    const { counts } = packet.parse<{ counts: object }>();
    return new Representation(packetId, packet.version, JSON.stringify({ outcomes, counts }), false);
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const packet = await this.packets.findRepresentation(id, null, false, tx);
    if (!packet) throw NotFoundError.of('review', id);
    return packet;
  }
}

/** @throws ConflictError where nothing in the packet changes any more. The due date counts when it passes, not when a worker notices. */
export function assertOpen(tx: Transaction, packet: Packet, campaign: Campaign): void {
  if (packet.status !== 'open' || campaign.status !== 'active' || packet.dueAt <= tx.now) throw new ConflictError('packet_closed');
}

function reasonOf({ justification }: DecisionInput): string | null {
  return justification?.trim() ? justification : null;
}

function refusalOf(
  input: DecisionInput,
  item: DecidableItem | undefined,
  own: ReadonlySet<string>,
  repeated: boolean,
  foreign: ReadonlySet<string>,
): Refusal | null {
  if (!item) return 'not_found';
  if (repeated) return 'duplicate';
  if (own.has(item.principalId)) return 'self_review';
  if (input.replaces !== undefined && input.replaces !== item.decisionId) return 'decision_conflict';
  const misplaced = endingOf(input) !== null && input.decision !== 'revoke';
  if (misplaced || foreign.has(input.itemId)) return 'membership_unknown';
  const mustSayWhy = input.decision === 'revoke' || (input.decision === 'approve' && item.recommendation === 'revoke');
  return mustSayWhy && reasonOf(input) === null ? 'justification_required' : null;
}

/** The same word of the same person is said once, however often it is sent. */
function saysTheSame(tx: Transaction, input: DecisionInput, item: DecidableItem): boolean {
  const same = item.decision === input.decision && item.justification === reasonOf(input) && item.decidedBy?.id === tx.actor.id;
  return same && item.memberships === null && endingOf(input) === null;
}

function endingOf({ memberships }: DecisionInput): ReviewedMembership[] | null {
  return memberships?.length ? memberships.map(({ groupId, memberId }) => ({ groupId, memberId })) : null;
}

const REFUSALS: Record<Refusal, string> = {
  membership_unknown: 'Memberships end only with a decision to revoke, and only those through which the grant reaches somebody.',
  not_found: 'This packet has no such item.',
  duplicate: 'The item is in this request more than once; the first counts.',
  self_review: ERROR_CODES.self_review.message,
  justification_required: ERROR_CODES.justification_required.message,
  decision_conflict: ERROR_CODES.decision_conflict.message,
};

function outcomeOf(itemId: string, item: DecidableItem | undefined, refusal: Refusal | null, decisionId: string | null): Outcome {
  if (refusal !== null) return { itemId, outcome: 'rejected', code: refusal, message: REFUSALS[refusal], decisionId: null, replaced: null };
  const replaced = decisionId === null ? null : (item?.decisionId ?? null);
  return { itemId, outcome: 'recorded', code: null, message: null, decisionId: decisionId ?? item?.decisionId ?? null, replaced };
}
