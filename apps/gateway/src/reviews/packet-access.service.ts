import type { Caller } from '#libs/auth/request-caller.js';
import type { Transaction } from '#libs/database/transaction.js';
import { NotFoundError } from '#libs/errors/errors.js';
import { type Campaign, type CampaignLock, lockCampaign } from '#libs/reviews/campaign.js';
import { findPacket, lockPacket, type Packet } from '#libs/reviews/packets.js';
import { Injectable } from '@nestjs/common';
import { PrincipalsService } from '../principals/principals.service.js';

const SEE_ALL = ['governance.auditor', 'governance.admin'];
/** No principal has this id: whoever is none has no packets. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Whose packet is whose: somebody else's is not there. */
@Injectable()
export class PacketAccess {
  constructor(private readonly principals: PrincipalsService) {}

  /** The reviewer whose packets alone this caller sees; null for all of them. */
  async visibleTo(caller: Caller): Promise<string | null> {
    return seesAll(caller) ? null : this.principalOf(caller);
  }

  /** The principal that the caller is; an id that nobody has where it is none. */
  async principalOf({ identity }: Caller): Promise<string> {
    if (identity.id === 'dev') return NOBODY;
    return (await this.principals.findByObjectId(identity.id))?.id ?? NOBODY;
  }

  /**
   * A packet that the caller may work on: their own, or any for an admin. Locked with its campaign, always in the order in which everybody does.
   *
   * @throws NotFoundError for anybody else
   */
  async lock(tx: Transaction, id: string, caller: Caller, lock: CampaignLock): Promise<{ packet: Packet; campaign: Campaign }> {
    const found = await findPacket(tx, id);
    const mine = found !== null && (isAdmin(caller) || found.reviewerId === tx.actor.principalId);
    const campaign = mine ? await lockCampaign(tx, found.campaignId, lock) : null;
    const packet = mine ? await lockPacket(tx, id) : null;
    if (!campaign || !packet) throw NotFoundError.of('review', id);
    return { packet, campaign };
  }
}

/** Whether a caller sees everybody's packets, and how their reviewers decided. */
export function seesAll({ identity }: Caller): boolean {
  return identity.roles.some((role) => SEE_ALL.includes(role));
}

export function isAdmin({ identity }: Caller): boolean {
  return identity.roles.includes('governance.admin');
}
