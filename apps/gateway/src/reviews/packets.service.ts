import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import { type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, ForbiddenError, NotFoundError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { cancelCampaign } from '#libs/reviews/cancellation.js';
import { type Campaign, type DefaultDecision, wrongState } from '#libs/reviews/campaign.js';
import { confirmClosing } from '#libs/reviews/closing.js';
import { ownAmong } from '#libs/reviews/reviewer-resolution.js';
import { openRound } from '#libs/reviews/rounds.js';
import { beginUndo } from '#libs/reviews/undo.js';
import { Injectable } from '@nestjs/common';
import { ItemsRepository } from './items.repository.js';
import { isAdmin, PacketAccess, seesAll } from './packet-access.service.js';
import { type PacketFilters, PacketsRepository } from './packets.repository.js';
import { ReviewSteps } from './review-steps.service.js';

export interface NewPacket {
  name: string;
  reviewerId: string;
  grantIds: string[];
  dueAt: string;
  defaultDecision?: DefaultDecision;
}

/** Packets as they are read, and those that have no campaign from their making to their undoing. */
@Injectable()
export class PacketsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly packets: PacketsRepository,
    private readonly contents: ItemsRepository,
    private readonly access: PacketAccess,
    private readonly steps: ReviewSteps,
  ) {}

  async list({ reviewer, ...filters }: PacketFilters, page: PageRequest, caller: Caller): Promise<Page> {
    const whose = reviewer === 'me' ? await this.access.principalOf(caller) : reviewer;
    return this.packets.page({ ...filters, reviewer: whose }, await this.access.visibleTo(caller), page);
  }

  /** With how it was decided, for who sees all packets. @throws NotFoundError also for somebody else's */
  async get(id: string, caller: Caller): Promise<Representation> {
    const packet = await this.packets.findRepresentation(id, await this.access.visibleTo(caller), seesAll(caller));
    if (!packet) throw NotFoundError.of('review', id);
    return packet;
  }

  /** @throws NotFoundError also for somebody else's */
  async items(id: string, filters: { status?: string }, page: PageRequest, caller: Caller): Promise<Page> {
    await this.get(id, caller);
    // Nothing is awaited between the two: a promise that fails before anybody waits for it ends the process.
    const viewer = await this.access.principalOf(caller);
    const [items] = await Promise.all([this.contents.page(id, filters, page), this.packets.noteViewed(id, viewer)]);
    return items;
  }

  /** @throws NotFoundError also for an item of another packet */
  async item(id: string, itemId: string, caller: Caller): Promise<object> {
    await this.get(id, caller);
    const item = await this.contents.find(id, itemId);
    if (item === null) throw NotFoundError.of('item', itemId);
    return JSON.parse(item) as object;
  }

  /** Asks somebody about grants, outside of any campaign. @throws BadRequestError `self_review` where one is the reviewer's own access */
  create(input: NewPacket, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const { name, reviewerId, grantIds, defaultDecision = 'none' } = input;
      const dueAt = new Date(input.dueAt);
      if (dueAt <= tx.now) throw BadRequestError.rule('dueAt', 'must lie in the future');
      if (!(await this.packets.isActiveUser(tx, reviewerId)))
        throw BadRequestError.rule('reviewerId', 'names nobody who is an active user');
      const grants = await this.packets.grantsFor(tx, reviewerId, grantIds);
      const holders = new Map(grants.map(({ id, principalId }) => [id, principalId]));
      const missing = grantIds.findIndex((id) => !holders.has(id));
      if (missing >= 0) throw BadRequestError.rule(`grantIds.${missing}`, 'names no grant that is in force');
      const own = await ownAmong(tx, reviewerId, [...holders.values()]);
      const theirs = grantIds.findIndex((id) => own.has(holders.get(id) ?? ''));
      if (theirs >= 0)
        throw new BadRequestError('self_review', undefined, [{ path: `grantIds.${theirs}`, message: 'is access of the reviewer' }]);
      const round = { standingId: null, name, reviewerId, dueAt, defaultDecision, createdBy: tx.actor };
      return this.represent(tx, await openRound(tx, round, grants));
    });
  }

  /** Lets what a packet of its own would revoke go on. @throws AppError `second_admin_required` for who made it */
  confirm(id: string, caller: Caller): Promise<Representation> {
    return this.changeRound(id, caller, confirmClosing);
  }

  /** Brings back what a packet of its own took away, within 30 days of its end. */
  undo(id: string, caller: Caller): Promise<Representation> {
    return this.changeRound(id, caller, beginUndo);
  }

  /** Nothing comes of a packet of its own. */
  cancel(id: string, caller: Caller): Promise<Representation> {
    return this.changeRound(id, caller, cancelCampaign);
  }

  private async changeRound(
    id: string,
    caller: Caller,
    work: (tx: Transaction, round: Campaign) => Promise<void>,
  ): Promise<Representation> {
    let roundId = '';
    const changed = await this.transactions.write(caller, async (tx) => {
      const { campaign } = await this.access.lock(tx, id, caller, 'change');
      // After the lock: to a reviewer somebody else's packet is not there, whatever is asked of it.
      if (!isAdmin(caller)) throw new ForbiddenError();
      if (campaign.kind !== 'packet') throw wrongState('This packet is one of a campaign: ask that of the campaign.');
      roundId = campaign.id;
      await work(tx, campaign);
      return this.represent(tx, id);
    });
    this.steps.follow(roundId);
    return changed;
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const packet = await this.packets.findRepresentation(id, null, false, tx);
    if (!packet) throw NotFoundError.of('review', id);
    return packet;
  }
}
