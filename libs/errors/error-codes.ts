/**
 * The registry of error codes: the one place that says which codes exist, which HTTP status each has, and what it says by default.
 * Codes are part of the wire contract: one is never renamed or given another status once it has been released.
 */
export const ERROR_CODES = {
  validation_failed: { status: 400, message: 'The request is not valid.' },
  invalid_cursor: { status: 400, message: 'The cursor does not belong to this list, its filters and its sort.' },
  malformed_json: { status: 400, message: 'The body is not valid JSON in UTF-8.' },
  malformed_request: { status: 400, message: 'The request is not valid HTTP.' },
  business_rule: { status: 400, message: 'The request breaks a rule.' },
  membership_cycle: { status: 400, message: 'A group cannot contain itself, directly or through other groups.' },
  unauthenticated: { status: 401, message: 'A valid bearer token is needed.' },
  forbidden: { status: 403, message: 'The caller has no role that allows this.' },
  not_found: { status: 404, message: 'There is nothing here.' },
  method_not_allowed: { status: 405, message: 'This address does not take that method.' },
  request_timeout: { status: 408, message: 'The request did not arrive in time.' },
  duplicate: { status: 409, message: 'This exists already.' },
  version_conflict: { status: 409, message: 'The resource has changed since the version in If-Match.' },
  idempotency_in_flight: { status: 409, message: 'A request with this Idempotency-Key is still being answered.' },
  payload_too_large: { status: 413, message: 'The body is too large.' },
  unsupported_media_type: { status: 415, message: 'The body must be application/json in UTF-8.' },
  idempotency_mismatch: { status: 422, message: 'This Idempotency-Key was used with another body.' },
  rate_limited: { status: 429, message: 'Too many requests.' },
  headers_too_large: { status: 431, message: 'The request headers are too large.' },
  internal: { status: 500, message: 'Something went wrong on our side.' },
  unavailable: { status: 503, message: 'A part that this needs is away for the moment.' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
