import type { Actor } from '#libs/auth/caller.js';
import type { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import type { EventDraft } from './event.js';

/** Where a change came from; carried into every event that it causes. */
export interface Origin {
  actor: Actor;
  requestId: string | null;
  traceId: string | null;
  clientIp: string | null;
}

/** Writes events to the outbox, within the transaction of the change that they tell of. The shape of a payload is that of an audit item (API.md). */
export async function appendEvents(manager: EntityManager, drafts: readonly EventDraft[], origin: Origin, time: Date): Promise<void> {
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
    return { id, payload };
  });
  await manager.query(
    'INSERT INTO events (id, time, payload) SELECT e.id, $1, e.payload FROM jsonb_to_recordset($2) AS e (id uuid, payload jsonb)',
    [time, JSON.stringify(rows)],
  );
}
