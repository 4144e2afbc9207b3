import type { Caller, IdempotentRequest } from '#libs/auth/request-caller.js';
import { BadRequestError, UnauthenticatedError } from '#libs/errors/errors.js';
import type { ContextRequest } from '#libs/observability/request-context.js';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { hash } from 'node:crypto';

const ENTITY_TAGS = /^(?:W\/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W\/)?"[!#-~]*")*$/;
const MAX_HEADER_LENGTH = 200;
const IDEMPOTENCY_KEY = /^[!-~]{1,200}$/;

export interface CallerRequest extends ContextRequest {
  caller?: Caller;
}

/**
 * The entity tags of `If-Match` or `If-None-Match`; null for `*`.
 *
 * @throws BadRequestError where the header is not of its form
 */
export function entityTags(name: string, value: string): string[] | null {
  if (value === '*') return null;
  if (value.length > MAX_HEADER_LENGTH || !ENTITY_TAGS.test(value))
    throw BadRequestError.invalid(name, 'must be * or a list of entity tags such as "3"');
  return value.split(',').map((tag) => tag.trim());
}

/** The versions that `If-Match` names. A weak tag never matches strongly (RFC 9110, section 13.1.1), and so names no version. */
function ifMatch(request: ContextRequest): string[] | null {
  const header = request.headers['if-match'];
  const tags = header === undefined ? null : entityTags('If-Match', header);
  return tags && tags.filter((tag) => tag.startsWith('"')).map((tag) => tag.slice(1, -1));
}

/** The path in its one spelling: routes are found in any case and with a slash at their end too. */
export function addressOf(request: ContextRequest): string {
  return request.path.replace(/\/+$/, '').toLowerCase();
}

function idempotency(request: ContextRequest): IdempotentRequest | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined || request.method !== 'POST') return null;
  if (typeof key !== 'string' || !IDEMPOTENCY_KEY.test(key)) {
    throw BadRequestError.invalid('Idempotency-Key', 'must be 1 to 200 printable ASCII characters without spaces');
  }
  const bodyHash = hash('sha256', JSON.stringify(request.body), 'buffer');
  return { key, method: request.method, path: addressOf(request), bodyHash };
}

export function createCaller(request: CallerRequest): Caller {
  if (!request.user) throw new UnauthenticatedError();
  return {
    identity: request.user,
    requestId: request.context.requestId,
    traceId: request.context.traceId,
    clientIp: request.ip ?? null,
    idempotency: idempotency(request),
    replayed: false,
    ifMatch: ifMatch(request),
  };
}

/** Who makes this request, for a service. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller => {
  const request = context.switchToHttp().getRequest<CallerRequest>();
  return (request.caller ??= createCaller(request));
});
