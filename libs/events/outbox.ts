import type { Actor } from '#libs/auth/caller.js';
import type { Statement } from '#libs/database/statement.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { EventDraft } from './event.js';

/** Most changes have one, and a row of its own is written in two thirds of the time. */
const ONE_EVENT = 'INSERT INTO events (id, time, payload) VALUES ($1, $2, $3)';
const MANY_EVENTS = `INSERT INTO events (id, time, payload) SELECT e.id, $1, e.payload FROM unnest($2::uuid[], $3::jsonb[]) AS e (id, payload)`;

/** Where a change came from; carried into every event that it causes. */
export interface Origin {
  actor: Actor;
  requestId: string | null;
  traceId: string | null;
  clientIp: string | null;
}

/**
 * The statement that writes events to the outbox, for the transaction of the change that they tell of. The shape of a payload is that of an audit
 * item (API.md).
 */
export function eventsStatement(drafts: readonly EventDraft[], origin: Origin, time: Date): Statement {
  const rows = drafts.map((draft) => {
    const id = uuidv7();
    const payload = {
      id,
      time: time.toISOString(),
      action: draft.type,
      outcome: draft.outcome ?? 'success',
      actor: origin.actor,
      resource: draft.resource,
      before: draft.before ?? null,
      after: draft.after ?? null,
      reason: draft.reason ?? null,
      requestId: origin.requestId,
      traceId: origin.traceId,
      clientIp: origin.clientIp,
    };
    return { id, payload: JSON.stringify(payload) };
  });
  const [first, ...others] = rows;
  if (first && others.length === 0) return { text: ONE_EVENT, values: [first.id, time, first.payload] };
  return { text: MANY_EVENTS, values: [time, rows.map(({ id }) => id), rows.map(({ payload }) => payload)] };
}
