import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';

/** Who acts where nobody does: a due date that passed, a closing that went on. */
export const REVIEWS_ACTOR: Actor = { id: 'reviews', type: 'system', principalId: null };

/** A caller of `Transactions.write` for work that no request asked for; `requestId` ties the events of one step together. */
export function reviewsCaller(): Caller {
  return {
    identity: { id: REVIEWS_ACTOR.id, type: REVIEWS_ACTOR.type, roles: [] },
    requestId: uuidv7(),
    traceId: uuidv7().replaceAll('-', ''),
    clientIp: null,
    idempotency: null,
    replayed: false,
    ifMatch: null,
  };
}
