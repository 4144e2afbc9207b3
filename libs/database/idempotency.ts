import type { Actor } from '#libs/auth/caller.js';
import type { Caller, IdempotentRequest } from '#libs/auth/request-caller.js';
import { AppError, ConflictError } from '#libs/errors/errors.js';
import { hash } from 'node:crypto';
import sql, { type Sql } from 'sql-template-tag';
import { violatedUnique } from './failures.js';
import { Representation } from './representation.js';
import { places, type Statement } from './statement.js';

/** How long an answer is kept for repeats, in milliseconds. */
export const ANSWERS_KEPT_MS = 24 * 3_600_000;

/** The advisory locks of requests in flight live in a space of their own. */
const LOCK_SPACE = 72_635;

const ADMISSION = `SELECT admit_request(${places(8)})`;
const KEEP = 'INSERT INTO idempotency_keys (caller, method, path, key, body_hash, created_at, response)';
const KEEP_MADE = `${KEEP} VALUES (${places(7)})`;
const KEEP_SELECTED = `${KEEP} SELECT $1, $2, $3, $4, $5::bytea, $6::timestamptz,
  json_build_object('id', id, 'version', version, 'json', json)::text FROM answer`;

interface KeptRow {
  createdAt: Date;
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
  const [locked, kept, principalId] = await Promise.all([
    idempotency ? lockKey(ask, caller, idempotency) : true,
    idempotency ? findKept(ask, caller, idempotency) : null,
    identity.id === 'dev' ? null : findPrincipal(ask, identity.id),
  ]);
  const actor = { id: identity.id, type: identity.type, principalId };
  if (idempotency && kept && kept.createdAt.getTime() > Date.now() - ANSWERS_KEPT_MS) return { actor, answer: answerOf(kept, idempotency) };
  if (!locked) throw new ConflictError('idempotency_in_flight');
  if (idempotency && kept) await forget(ask, caller, idempotency);
  return { actor, answer: null };
}

/**
 * The statement that fails unless a request may go ahead as one of an actor: `isNotAdmitted` knows its failure. It looks at nothing that
 * `openRequest` does not, but so that what follows it in the same packet is not run where it fails.
 *
 * @param began the instant that rows of the transaction will bear, where one is known already
 */
export function admission({ identity, idempotency }: Caller, actor: Actor, began: Date | null): Statement {
  const { method = null, path = null, key = null } = idempotency ?? {};
  const lock = idempotency && lockId(identity.id, idempotency);
  return { text: ADMISSION, values: [identity.id, actor.principalId, began, LOCK_SPACE, lock, method, path, key] };
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

const isKeptFor = ({ identity }: Caller, { method, path, key }: IdempotentRequest): Sql =>
  sql`caller = ${identity.id} AND method = ${method} AND path = ${path} AND key = ${key}`;

async function findKept(ask: Ask, caller: Caller, request: IdempotentRequest): Promise<KeptRow | null> {
  const [row] = await ask<KeptRow>(
    sql`SELECT created_at AS "createdAt", body_hash AS "bodyHash", response FROM idempotency_keys
      WHERE ${isKeptFor(caller, request)}`,
  );
  return row ?? null;
}

function answerOf({ bodyHash, response }: KeptRow, request: IdempotentRequest): Representation {
  if (!bodyHash.equals(request.bodyHash)) throw new AppError('idempotency_mismatch');
  const kept = JSON.parse(response) as Representation;
  return new Representation(kept.id, kept.version, kept.json);
}

/** Makes room where an answer is too old to be given. */
async function forget(ask: Ask, caller: Caller, request: IdempotentRequest): Promise<void> {
  await ask(sql`DELETE FROM idempotency_keys WHERE ${isKeptFor(caller, request)}`);
}

/**
 * The statement that keeps an answer for repeats. Only one request with a key comes to this at a time, and to none with an answer; should it happen all
 * the same, PostgreSQL refuses the second, and nothing happens twice.
 *
 * @param shown the answer; or SQL where this statement can read its `id`, `version` and `json` by the name of `answer`
 */
export function answerStatement(caller: Caller, request: IdempotentRequest, shown: Representation | Statement, now: Date): Statement {
  const { method, path, key, bodyHash } = request;
  const values = [caller.identity.id, method, path, key, bodyHash, now];
  return shown instanceof Representation
    ? { text: KEEP_MADE, values: [...values, JSON.stringify(shown)] }
    : { text: KEEP_SELECTED, values };
}

/** Whether the answer could not be kept, since another has been. */
export function isAnsweredMeanwhile(error: unknown): boolean {
  return violatedUnique(error) === 'idempotency_keys_unique';
}
