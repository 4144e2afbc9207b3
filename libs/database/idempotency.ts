import type { Actor } from '#libs/auth/caller.js';
import type { Caller, IdempotentRequest } from '#libs/auth/request-caller.js';
import { AppError, ConflictError } from '#libs/errors/errors.js';
import { createHash } from 'node:crypto';
import type { PoolClient } from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import type { Database } from './database.js';
import { isNotNullViolation } from './failures.js';
import { Representation } from './representation.js';

/** How long an answer is kept for repeats, in milliseconds. */
export const ANSWERS_KEPT_MS = 24 * 3_600_000;

/** The advisory locks of requests in flight live in a space of their own. */
const LOCK_SPACE = 72_635;

interface KeptRow {
  bodyHash: Buffer;
  response: string;
}

/** 32 bits of the key are enough for a lock: a collision costs one needless `idempotency_in_flight`, never a double. */
function lockId(caller: Caller, request: IdempotentRequest): number {
  const name = [caller.identity.id, request.method, request.path, request.key].join('\n');
  return createHash('sha256').update(name).digest().readInt32BE();
}

/**
 * Names the actor, and finds an earlier answer to the same request. Its statements are on their way, in their order, before this returns.
 *
 * @throws ConflictError `idempotency_in_flight` while an equal request is being answered; AppError `idempotency_mismatch` for another body
 */
export async function openRequest(
  database: Database,
  client: PoolClient,
  caller: Caller,
): Promise<{ actor: Actor; answer: Representation | null }> {
  const { identity, idempotency } = caller;
  const [locked, answer, principalId] = await Promise.all([
    idempotency ? lockKey(database, client, caller, idempotency) : true,
    idempotency ? findAnswer(database, client, caller, idempotency) : null,
    identity.id === 'dev' ? null : findPrincipal(database, client, identity.id),
  ]);
  if (!answer && !locked) throw new ConflictError('idempotency_in_flight');
  return { actor: { id: identity.id, type: identity.type, principalId }, answer };
}

async function findPrincipal(database: Database, client: PoolClient, objectId: string): Promise<string | null> {
  const me = sql`SELECT id AS "principalId" FROM principals WHERE source = 'entra' AND external_id = ${objectId}`;
  const [row] = await database.rows<{ principalId: string }>(me, client);
  return row?.principalId ?? null;
}

/**
 * Whether nobody else is answering the same request. Asked before the earlier answer is looked for, in a statement of its own: in one with it,
 * the lock could be had after another request's commit that the statement's snapshot does not see yet.
 */
async function lockKey(database: Database, client: PoolClient, caller: Caller, request: IdempotentRequest): Promise<boolean> {
  const lock = sql`SELECT pg_try_advisory_xact_lock(${LOCK_SPACE}, ${lockId(caller, request)}) AS locked`;
  const [row] = await database.rows<{ locked: boolean }>(lock, client);
  return row?.locked === true;
}

async function findAnswer(
  database: Database,
  client: PoolClient,
  { identity }: Caller,
  { method, path, key, bodyHash }: IdempotentRequest,
): Promise<Representation | null> {
  const since = new Date(Date.now() - ANSWERS_KEPT_MS);
  const [row] = await database.rows<KeptRow>(
    sql`SELECT body_hash AS "bodyHash", response FROM idempotency_keys
      WHERE caller = ${identity.id} AND method = ${method} AND path = ${path} AND key = ${key} AND created_at > ${since}`,
    client,
  );
  if (!row) return null;
  if (!row.bodyHash.equals(bodyHash)) throw new AppError('idempotency_mismatch');
  const kept = JSON.parse(row.response) as Representation;
  return new Representation(kept.id, kept.version, kept.json);
}

/**
 * The statement that keeps the answer for repeats. The COMMIT follows it at once, so what must not be committed has to be refused by PostgreSQL
 * itself, and a time of null is: where an equal request has committed since this one looked, this one is rolled back, and nothing happens twice.
 */
export function answerStatement(caller: Caller, request: IdempotentRequest, answer: Representation, now: Date): Sql {
  const expired = new Date(now.getTime() - ANSWERS_KEPT_MS);
  const { method, path, key, bodyHash } = request;
  return sql`INSERT INTO idempotency_keys AS k (caller, method, path, key, body_hash, response, created_at)
    VALUES (${caller.identity.id}, ${method}, ${path}, ${key}, ${bodyHash}, ${JSON.stringify(answer)}, ${now})
    ON CONFLICT ON CONSTRAINT idempotency_keys_unique DO UPDATE SET body_hash = excluded.body_hash, response = excluded.response,
      created_at = CASE WHEN k.created_at <= ${expired} THEN excluded.created_at END`;
}

/** What a failure of `answerStatement` says. */
export function asInFlight(error: unknown): unknown {
  return isNotNullViolation(error) ? new ConflictError('idempotency_in_flight') : error;
}
