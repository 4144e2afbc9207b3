import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import { Transactions } from '#libs/database/transaction.js';
import { BadRequestError, ConflictError, NotFoundError } from '#libs/errors/errors.js';
import { openPackets, recordOpened } from '#libs/reviews/packets.js';
import { ownAmong } from '#libs/reviews/reviewer-resolution.js';
import { Injectable } from '@nestjs/common';
import { assertOpen } from './decisions.service.js';
import { type DecidableItem, ItemsRepository } from './items.repository.js';
import { PacketAccess } from './packet-access.service.js';
import { PacketsRepository } from './packets.repository.js';
import { ReassignmentRepository } from './reassignment.repository.js';

export interface ReassignmentInput {
  itemIds: string[];
  reviewerId: string;
  reason: string;
}

/** Giving undecided items to somebody else. */
@Injectable()
export class ReassignmentService {
  constructor(
    private readonly transactions: Transactions,
    private readonly items: ItemsRepository,
    private readonly packets: PacketsRepository,
    private readonly reassignments: ReassignmentRepository,
    private readonly access: PacketAccess,
  ) {}

  /**
   * All of them or none. They come into the new reviewer's open packet of the same campaign, or one that is made.
   *
   * @throws BadRequestError `self_review` where one is access of the new reviewer's own, or where no reason is given; ConflictError `already_decided`
   */
  reassign(packetId: string, { itemIds, reviewerId, reason }: ReassignmentInput, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const { packet, campaign } = await this.access.lock(tx, packetId, caller, 'change');
      assertOpen(tx, packet, campaign);
      // Blanks say nothing, here as in a justification; what is kept is what was given.
      if (reason.trim() === '') throw BadRequestError.rule('reason', 'must say why');
      if (reviewerId === packet.reviewerId) throw BadRequestError.rule('reviewerId', 'has them already');
      if (!(await this.packets.isActiveUser(tx, reviewerId)))
        throw BadRequestError.rule('reviewerId', 'names nobody who is an active user');
      const items = await this.items.ofPacket(tx, packetId, itemIds);
      const own = await ownAmong(tx, reviewerId, [...new Set([...items.values()].map(({ principalId }) => principalId))]);
      itemIds.forEach((id, place) => assertMovable(items.get(id), own, place));
      const { shownCampaignId, dueAt } = packet;
      const targets = await openPackets(tx, { campaign, shownCampaignId, dueAt, reviewerIds: [reviewerId] });
      const toPacketId = targets.get(reviewerId) ?? '';
      const isNew = await this.reassignments.move(tx, { fromPacketId: packetId, toPacketId, itemIds, reason });
      // While it is launched, all of its packets are still to be opened.
      if (isNew && campaign.work !== 'launch')
        recordOpened(tx, { id: toPacketId, reviewerId, items: itemIds.length, campaignId: shownCampaignId, dueAt });
      for (const id of itemIds) {
        tx.record({
          type: 'review.reassigned',
          resource: { type: 'review_item', id },
          before: { packetId, reviewerId: packet.reviewerId },
          after: { packetId: toPacketId, reviewerId },
          reason,
        });
      }
      const changed = await this.packets.findRepresentation(packetId, null, false, tx);
      if (!changed) throw NotFoundError.of('review', packetId);
      return changed;
    });
  }
}

function assertMovable(item: DecidableItem | undefined, own: ReadonlySet<string>, place: number): void {
  const path = `itemIds.${place}`;
  if (!item) throw BadRequestError.rule(path, 'names no item of this packet');
  if (item.decision !== null) throw new ConflictError('already_decided', undefined, [{ path, message: 'is decided' }]);
  if (own.has(item.principalId)) throw new BadRequestError('self_review', undefined, [{ path, message: 'is access of the new reviewer' }]);
}
