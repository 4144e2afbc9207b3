import type { Actor } from '#libs/auth/caller.js';
import type { Caller, IdempotentRequest } from '#libs/auth/request-caller.js';
import { AppError, ConflictError } from '#libs/errors/errors.js';
import { hash } from 'node:crypto';
import sql, { type Sql } from 'sql-template-tag';
import { nullViolation } from './failures.js';
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
function lockId(caller: string, request: IdempotentRequest): number {
  const name = [caller, request.method, request.path, request.key].join('\n');
  return hash('sha256', name, 'buffer').readInt32BE();
}

/** Only ever asked together: PostgreSQL takes one after another, and each sees what was committed until then. */
type Ask = <Row>(query: Sql) => Promise<Row[]>;

/**
 * Names the actor, and finds an earlier answer to the same request.
 *
 * @throws ConflictError `idempotency_in_flight` while an equal request is being answered; AppError `idempotency_mismatch` for another body
 */
export async function openRequest(ask: Ask, caller: Caller): Promise<{ actor: Actor; answer: Representation | null }> {
  const { identity, idempotency } = caller;
  const [locked, answer, principalId] = await Promise.all([
    idempotency ? lockKey(ask, caller, idempotency) : true,
    idempotency ? findAnswer(ask, caller, idempotency) : null,
    identity.id === 'dev' ? null : findPrincipal(ask, identity.id),
  ]);
  if (!answer && !locked) throw new ConflictError('idempotency_in_flight');
  return { actor: { id: identity.id, type: identity.type, principalId }, answer };
}

/**
 * The statement that fails unless a request may go ahead as one of an actor: `isNotAdmitted` knows its failure. It looks at nothing that
 * `openRequest` does not, but so that what follows it in the same packet is not run where it fails.
 *
 * @param began the instant that rows of the transaction will bear, where one is known already
 */
export function admission({ identity, idempotency }: Caller, actor: Actor, began: Date | null): Sql {
  const { method = null, path = null, key = null } = idempotency ?? {};
  const lock = idempotency && lockId(identity.id, idempotency);
  return sql`SELECT admit_request(${identity.id}, ${actor.principalId}, ${began}, ${LOCK_SPACE}, ${lock}, ${method}, ${path}, ${key})`;
}

async function findPrincipal(ask: Ask, objectId: string): Promise<string | null> {
  const me = sql`SELECT id AS "principalId" FROM principals WHERE source = 'entra' AND external_id = ${objectId}`;
  const [row] = await ask<{ principalId: string }>(me);
  return row?.principalId ?? null;
}

/**
 * Whether nobody else is answering the same request. Asked before the earlier answer is looked for, in a statement of its own: in one with it,
 * the lock could be had after another request's commit that the statement's snapshot does not see yet.
 */
async function lockKey(ask: Ask, caller: Caller, request: IdempotentRequest): Promise<boolean> {
  const lock = sql`SELECT pg_try_advisory_xact_lock(${LOCK_SPACE}, ${lockId(caller.identity.id, request)}) AS locked`;
  const [row] = await ask<{ locked: boolean }>(lock);
  return row?.locked === true;
}

async function findAnswer(ask: Ask, { identity }: Caller, request: IdempotentRequest): Promise<Representation | null> {
  const { method, path, key, bodyHash } = request;
  const since = new Date(Date.now() - ANSWERS_KEPT_MS);
  const [row] = await ask<KeptRow>(
    sql`SELECT body_hash AS "bodyHash", response FROM idempotency_keys
      WHERE caller = ${identity.id} AND method = ${method} AND path = ${path} AND key = ${key} AND created_at > ${since}`,
  );
  if (!row) return null;
  if (!row.bodyHash.equals(bodyHash)) throw new AppError('idempotency_mismatch');
  const kept = JSON.parse(row.response) as Representation;
  return new Representation(kept.id, kept.version, kept.json);
}

/**
 * The statement that keeps an answer for repeats. The COMMIT follows it at once, so what must not be committed has to be refused by PostgreSQL
 * itself, and a time of null is: where an equal request has committed since this one looked, this one is rolled back, and nothing happens twice.
 *
 * @param answer the answer; or the rows, of the `id`, `version` and `json` of it, that this statement can read by the name of `answer`
 */
export function answerStatement(caller: Caller, request: IdempotentRequest, answer: Representation | 'answer', now: Date): Sql {
  const expired = new Date(now.getTime() - ANSWERS_KEPT_MS);
  const { method, path, key, bodyHash } = request;
  const response =
    answer === 'answer'
      ? sql`json_build_object('id', id, 'version', version, 'json', json)::text AS response FROM answer`
      : sql`${JSON.stringify(answer)}::text AS response`;
  return sql`INSERT INTO idempotency_keys AS k (caller, method, path, key, body_hash, created_at, response)
    SELECT ${caller.identity.id}, ${method}, ${path}, ${key}, ${bodyHash}::bytea, ${now}::timestamptz, ${response}
    ON CONFLICT ON CONSTRAINT idempotency_keys_unique DO UPDATE SET body_hash = excluded.body_hash, response = excluded.response,
      created_at = CASE WHEN k.created_at <= ${expired} THEN excluded.created_at END`;
}

/** Whether the answer could not be kept, since another has been. */
export function isAnsweredMeanwhile(error: unknown): boolean {
  return nullViolation(error) === 'idempotency_keys';
}
