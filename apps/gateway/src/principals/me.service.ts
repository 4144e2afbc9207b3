import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { Injectable } from '@nestjs/common';
import { PrincipalsService } from './principals.service.js';

export interface Me {
  actor: Actor;
  roles: string[];
  principal: object | null;
}

@Injectable()
export class MeService {
  constructor(private readonly principals: PrincipalsService) {}

  /** The caller as events name it. The user of the dev mode is nobody's principal. */
  async describe({ identity }: Caller): Promise<Me> {
    const found = identity.id === 'dev' ? null : await this.principals.findByObjectId(identity.id);
    return {
      actor: { id: identity.id, type: identity.type, principalId: found?.id ?? null },
      roles: [...identity.roles],
      principal: found?.parse<object>() ?? null,
    };
  }
}
