import { Public, type Role, Roles } from '#libs/auth/roles.js';
import { ERROR_CODES, type ErrorCode } from '#libs/errors/error-codes.js';
import { applyDecorators, HttpCode, type Type } from '@nestjs/common';
import { ApiExtension, ApiHeader, ApiOperation, ApiResponse, ApiSecurity, getSchemaPath } from '@nestjs/swagger';
import { ErrorEnvelopeDto, ProblemDto } from './error.dto.js';

/** A 2xx answer: a resource by its class, a page of them, nothing, or a schema of its own. */
interface Answer {
  status?: 200 | 201 | 202 | 204;
  resource?: Type;
  page?: Type;
  /** The answer carries `ETag`, and a GET of it may be answered 304. */
  versioned?: boolean;
  /** Other content than JSON of a class. */
  content?: Record<string, { schema: object; example?: unknown }>;
  description?: string;
}

interface OperationOptions {
  /** The stable name that generated clients call it by. */
  id: string;
  summary: string;
  description: string;
  /** Who may call it; `public` asks for no token. */
  roles: readonly Role[] | 'public';
  answer: Answer;
  /** Failures besides those that every operation has. */
  errors?: readonly ErrorCode[];
  /** It takes `If-Match`. */
  conditional?: boolean;
  /** It takes `Idempotency-Key`. */
  idempotent?: boolean;
}

const ALWAYS: readonly ErrorCode[] = ['validation_failed', 'headers_too_large', 'rate_limited', 'internal', 'unavailable'];
const AUTHENTICATED: readonly ErrorCode[] = ['unauthenticated', 'forbidden'];

/** What every answer has. */
export const EVERY_ANSWER = {
  'X-Request-Id': {
    description: 'The id of this request: the one that was sent, where it was fit, else a new one.',
    schema: { type: 'string', maxLength: 128, pattern: '^[A-Za-z0-9._:+/=-]{1,128}$' },
  },
  'Access-Control-Allow-Origin': {
    description: 'The origins that may read the answer in a browser.',
    schema: { type: 'string', maxLength: 2048, pattern: '^[!-~]*$' },
  },
} as const;

const RETRY_AFTER = {
  'Retry-After': {
    description: 'Seconds after which to try again.',
    schema: { type: 'integer', format: 'int32', minimum: 0, maximum: 3600 },
  },
};

const ETAG = {
  ETag: { description: 'The version, as a strong entity tag.', schema: { type: 'string', maxLength: 32, pattern: '^"[0-9]+"$' } },
};
const LOCATION = {
  Location: { description: 'Where the new resource is.', schema: { type: 'string', maxLength: 256, pattern: '^/v1/[!-~]+$' } },
};
const LINK = {
  Link: {
    description: 'The next page (RFC 8288), where there is one.',
    schema: { type: 'string', maxLength: 8192, pattern: '^<[!-~]+>; rel="next"$' },
  },
};
const REPLAYED = {
  'Idempotent-Replayed': {
    description: '`true` where this is the answer to an earlier, equal request.',
    schema: { type: 'string', enum: ['true'] },
  },
};

const ENTITY_TAG_SCHEMA = { type: 'string', maxLength: 200, pattern: '^(\\*|(W/)?"[!#-~]*"([ \\t]*,[ \\t]*(W/)?"[!#-~]*")*)$' } as const;

/** One operation of the API: its route's roles, its document, and the status of its answer. Every handler has exactly one. */
export function Operation(options: OperationOptions): MethodDecorator {
  const { id, summary, description, roles, answer, conditional, idempotent } = options;
  const status = answer.status ?? 200;
  const decorators = [
    HttpCode(status),
    ApiOperation({ operationId: id, summary, description }),
    ...(roles === 'public'
      ? [Public(), ApiSecurity({})]
      : [Roles(...roles), ApiSecurity('bearer'), ApiExtension('x-required-roles', [...roles])]),
    ApiResponse(answerOf(status, answer, idempotent === true)),
    ...failuresOf(options).map(([code, failures]) => ApiResponse(failureOf(code, failures))),
  ];
  if (answer.versioned && status === 200 && !conditional) {
    decorators.push(
      ApiResponse({ status: 304, description: 'The version is still the one in `If-None-Match`.', headers: { ...EVERY_ANSWER, ...ETAG } }),
      ApiHeader({
        name: 'If-None-Match',
        required: false,
        description: 'Versions that the client has.',
        schema: ENTITY_TAG_SCHEMA,
        example: '"3"',
      }),
    );
  }
  if (conditional) {
    decorators.push(
      ApiHeader({
        name: 'If-Match',
        required: false,
        description: 'The version that is to be changed; 409 where it has moved on.',
        schema: ENTITY_TAG_SCHEMA,
        example: '"3"',
      }),
    );
  }
  if (idempotent) {
    decorators.push(
      ApiHeader({
        name: 'Idempotency-Key',
        required: false,
        description: 'Makes the request safe to repeat for 24 hours: a repeat is given the first answer.',
        schema: { type: 'string', minLength: 1, maxLength: 200, pattern: '^[!-~]{1,200}$' },
        example: '5f0c1f0e-7a55-4a53-9d5e-1f7f2f5a9c11',
      }),
    );
  }
  return applyDecorators(...decorators);
}

function answerOf(status: number, answer: Answer, idempotent: boolean): Parameters<typeof ApiResponse>[0] {
  const headers = {
    ...EVERY_ANSWER,
    ...(answer.versioned ? ETAG : {}),
    ...(status === 201 || status === 202 ? LOCATION : {}),
    ...(idempotent ? REPLAYED : {}),
    ...(answer.page ? LINK : {}),
  };
  const description = answer.description ?? (status === 204 ? 'Done; there is nothing to say.' : 'The answer.');
  if (answer.content) return { status, description, headers, content: answer.content };
  const type = answer.page ?? answer.resource;
  return { status, description, headers, ...(type ? { type } : {}) };
}

function failuresOf({ roles, errors = [], conditional, idempotent }: OperationOptions): [number, ErrorCode[]][] {
  const codes = new Set<ErrorCode>([
    ...ALWAYS,
    ...(roles === 'public' ? [] : AUTHENTICATED),
    ...(conditional ? (['version_conflict'] as const) : []),
    ...(idempotent ? (['idempotency_in_flight', 'idempotency_mismatch'] as const) : []),
    ...errors,
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(ERROR_CODES[code].status, [...(byStatus.get(ERROR_CODES[code].status) ?? []), code]);
  return [...byStatus];
}

function failureOf(status: number, codes: readonly ErrorCode[]): Parameters<typeof ApiResponse>[0] {
  const code = codes[0] ?? 'internal';
  const { message } = ERROR_CODES[code];
  const error = { code, message, details: [], requestId: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10' };
  const problem = { type: 'about:blank', title: 'Error', status, detail: message, code, errors: [], requestId: error.requestId };
  return {
    status,
    description: codes.map((name) => `\`${name}\`: ${ERROR_CODES[name].message}`).join(' '),
    headers: { ...EVERY_ANSWER, ...(status === 429 || status === 503 ? RETRY_AFTER : {}) },
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ErrorEnvelopeDto) }, example: { error } },
      'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDto) }, example: problem },
    },
  };
}

/** What an operation that changes something with a body can answer besides. */
export const BODY_ERRORS: readonly ErrorCode[] = ['malformed_json', 'payload_too_large', 'unsupported_media_type'];
