import type { Caller } from '#libs/auth/request-caller.js';
import { NotFoundError } from '#libs/errors/errors.js';
import { Injectable } from '@nestjs/common';
import { ItemsRepository } from './items.repository.js';
import { PacketsService } from './packets.service.js';
import { RevocationEffectRepository } from './revocation-effect.repository.js';

export interface RevocationEffect {
  grantId: string;
  affected: number;
  loses: number;
  keeps: number;
  principals: object[];
}

/** What a reviewer takes away from whom, before they do. */
@Injectable()
export class RevocationEffectService {
  constructor(
    private readonly packets: PacketsService,
    private readonly items: ItemsRepository,
    private readonly effects: RevocationEffectRepository,
  ) {}

  /** @throws NotFoundError also for somebody else's packet */
  async preview(packetId: string, itemId: string, caller: Caller): Promise<RevocationEffect> {
    await this.packets.get(packetId, caller);
    const grantId = await this.items.findGrantId(packetId, itemId);
    if (grantId === null) throw NotFoundError.of('item', itemId);
    return { grantId, ...(await this.effects.ofGrant(grantId)) };
  }
}
