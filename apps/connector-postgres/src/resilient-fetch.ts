import { setTimeout as pause } from 'node:timers/promises';
import { GatewayError } from './gateway.errors.js';

export interface RetryPolicy {
  attempts: number;
  firstDelayMs: number;
  maxDelayMs: number;
  /** For one attempt, from sending to the end of the answer. */
  timeoutMs: number;
}

/** Waits some 16 s in all: longer than a database that restarts or a gateway that is replaced is away. */
export const RETRY_POLICY: RetryPolicy = { attempts: 7, firstDelayMs: 250, maxDelayMs: 10_000, timeoutMs: 30_000 };

/** However long a server asks us to wait, a run ends or goes on within minutes. */
const MAX_RETRY_AFTER_MS = 300_000;

const PASSING = new Set([429, 502, 503, 504]);
const BODILESS = new Set([204, 205, 304]);

/**
 * Sends a request until it has an answer that counts: again after a network failure, 429, 502, 503, 504 and a request of the same
 * Idempotency-Key that is still being answered, after what `Retry-After` asks for, else after a growing delay with jitter.
 * So what it sends must be safe to repeat: every POST carries an Idempotency-Key.
 *
 * @throws GatewayError when every attempt failed
 * @throws the signal's reason once it is aborted; a request that is under way is still waited for
 */
export async function resilientFetch(request: Request, signal: AbortSignal, policy: RetryPolicy = RETRY_POLICY): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const answer = await send(request, policy.timeoutMs);
    if (answer instanceof Response && !(await isPassing(answer))) return answer;
    if (attempt === policy.attempts)
      throw new GatewayError(`${new URL(request.url).origin} ${describe(answer)}, ${attempt} times in a row.`);
    const asked = answer instanceof Response ? retryAfterMs(answer) : null;
    await pause(asked ?? delayMs(attempt, policy), undefined, { signal });
  }
}

/** One attempt. The answer is read whole, so that one that breaks off half-way counts as none. */
async function send(request: Request, timeoutMs: number): Promise<Response | Error> {
  try {
    // A request's body can be sent once.
    const answer = await fetch(request.clone(), { signal: AbortSignal.timeout(timeoutMs) });
    const body = await answer.arrayBuffer();
    return new Response(BODILESS.has(answer.status) ? null : body, { status: answer.status, headers: answer.headers });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function isPassing(response: Response): Promise<boolean> {
  if (response.status !== 409) return PASSING.has(response.status);
  const body = await response.clone().text();
  return body.includes('"idempotency_in_flight"');
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(response: Response): number | null {
  const value = response.headers.get('retry-after');
  if (value === null) return null;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(waitMs) ? null : Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}

function delayMs(attempt: number, { firstDelayMs, maxDelayMs }: RetryPolicy): number {
  const full = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs);
  return full / 2 + (Math.random() * full) / 2;
}

function describe(answer: Response | Error): string {
  if (answer instanceof Response) return `answered ${answer.status}`;
  const cause = answer.cause instanceof Error && 'code' in answer.cause ? String(answer.cause.code) : answer.message;
  return `did not answer (${cause})`;
}
