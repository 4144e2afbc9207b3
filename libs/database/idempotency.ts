import type { Actor } from '#libs/auth/caller.js';
import type { Caller, IdempotentRequest } from '#libs/auth/request-caller.js';
import { AppError, ConflictError } from '#libs/errors/errors.js';
import { createHash } from 'node:crypto';
import sql from 'sql-template-tag';
import type { QueryRunner } from 'typeorm';
import type { Database } from './database.js';
import { Representation } from './representation.js';

/** How long an answer is kept for repeats, in milliseconds. */
export const ANSWERS_KEPT_MS = 24 * 3_600_000;

/** The advisory locks of requests in flight live in a space of their own. */
const LOCK_SPACE = 72_635;

interface OpeningRow {
  principalId: string | null;
  locked: boolean | null;
  bodyHash: Buffer | null;
  response: string | null;
}

/** 32 bits of the key are enough for a lock: a collision costs one needless `idempotency_in_flight`, never a double. */
function lockId(caller: Caller, request: IdempotentRequest): number {
  const name = [caller.identity.id, request.method, request.path, request.key].join('\n');
  return createHash('sha256').update(name).digest().readInt32BE();
}

/** Names the actor, and finds an earlier answer to the same request; one query for both. */
export async function openRequest(
  database: Database,
  runner: QueryRunner,
  caller: Caller,
): Promise<{ actor: Actor; answer: Representation | null }> {
  const { identity, idempotency } = caller;
  const since = new Date(Date.now() - ANSWERS_KEPT_MS);
  if (!idempotency && identity.id === 'dev') return { actor: actorOf(caller, null), answer: null };
  const opening = idempotency
    ? sql`SELECT me.id AS "principalId", pg_try_advisory_xact_lock(${LOCK_SPACE}, ${lockId(caller, idempotency)}) AS locked, k.body_hash AS "bodyHash", k.response
        FROM (VALUES (true)) AS one
        LEFT JOIN principals me ON me.source = 'entra' AND me.external_id = ${identity.id}
        LEFT JOIN idempotency_keys k ON k.caller = ${identity.id} AND k.method = ${idempotency.method} AND k.path = ${idempotency.path}
          AND k.key = ${idempotency.key} AND k.created_at > ${since}`
    : sql`SELECT id AS "principalId" FROM principals WHERE source = 'entra' AND external_id = ${identity.id}`;
  const [row] = await database.rows<OpeningRow>(opening, runner);
  const actor = actorOf(caller, row?.principalId ?? null);
  if (!idempotency || !row) return { actor, answer: null };
  if (!row.response) {
    if (!row.locked) throw new ConflictError('idempotency_in_flight');
    return { actor, answer: null };
  }
  if (!row.bodyHash?.equals(idempotency.bodyHash)) throw new AppError('idempotency_mismatch');
  const kept = JSON.parse(row.response) as Representation;
  return { actor, answer: new Representation(kept.id, kept.version, kept.json) };
}

function actorOf({ identity }: Caller, principalId: string | null): Actor {
  return { id: identity.id, type: identity.type, principalId };
}

/**
 * Keeps the answer for repeats.
 *
 * @throws ConflictError where an equal request has committed since this one looked: this one is then rolled back, and nothing happens twice
 */
export async function rememberAnswer(
  database: Database,
  runner: QueryRunner,
  caller: Caller,
  request: IdempotentRequest,
  answer: Representation,
  now: Date,
): Promise<void> {
  const expired = new Date(now.getTime() - ANSWERS_KEPT_MS);
  const { method, path, key, bodyHash } = request;
  const kept = await database.rows(
    sql`INSERT INTO idempotency_keys AS k (caller, method, path, key, body_hash, response, created_at)
      VALUES (${caller.identity.id}, ${method}, ${path}, ${key}, ${bodyHash}, ${JSON.stringify(answer)}, ${now})
      ON CONFLICT ON CONSTRAINT idempotency_keys_unique DO UPDATE
        SET body_hash = excluded.body_hash, response = excluded.response, created_at = excluded.created_at
        WHERE k.created_at <= ${expired}
      RETURNING key`,
    runner,
  );
  if (kept.length === 0) throw new ConflictError('idempotency_in_flight');
}
