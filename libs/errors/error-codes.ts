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
  self_review: { status: 400, message: 'Nobody reviews their own access.' },
  justification_required: { status: 400, message: 'This decision needs a justification.' },
  unauthenticated: { status: 401, message: 'A valid bearer token is needed.' },
  forbidden: { status: 403, message: 'The caller has no role that allows this.' },
  second_admin_required: { status: 403, message: 'A closing is confirmed by an admin who did not create what is closing.' },
  not_found: { status: 404, message: 'There is nothing here.' },
  method_not_allowed: { status: 405, message: 'This address does not take that method.' },
  request_timeout: { status: 408, message: 'The request did not arrive in time.' },
  duplicate: { status: 409, message: 'This exists already.' },
  version_conflict: { status: 409, message: 'The resource has changed since the version in If-Match.' },
  idempotency_in_flight: { status: 409, message: 'A request with this Idempotency-Key is still being answered.' },
  campaign_state: { status: 409, message: 'The campaign is not in a state that allows this.' },
  packet_closed: { status: 409, message: 'Nothing in this packet can be changed any more.' },
  items_pending: { status: 409, message: 'Items of this packet are still pending.' },
  already_decided: { status: 409, message: 'This has been decided already.' },
  decision_conflict: { status: 409, message: 'This has been decided otherwise since it was looked at.' },
  breaker_open: { status: 409, message: 'The closing is held until a second admin confirms it.' },
  leased: { status: 409, message: 'Somebody else is at this until their lease ends.' },
  undo_expired: { status: 409, message: 'A campaign can be undone for 30 days after its end.' },
  report_not_ready: { status: 409, message: 'The report has no file yet.' },
  report_ended: { status: 409, message: 'The report has ended, and cannot be cancelled any more.' },
  report_expired: { status: 410, message: 'The file of this report has expired; its record is kept.' },
  payload_too_large: { status: 413, message: 'The body is too large.' },
  unsupported_media_type: { status: 415, message: 'The body must be application/json in UTF-8.' },
  idempotency_mismatch: { status: 422, message: 'This Idempotency-Key was used with another body.' },
  rate_limited: { status: 429, message: 'Too many requests.' },
  too_many_reports: { status: 429, message: 'The caller has as many reports waiting as one may have.' },
  headers_too_large: { status: 431, message: 'The request headers are too large.' },
  internal: { status: 500, message: 'Something went wrong on our side.' },
  unavailable: { status: 503, message: 'A part that this needs is away for the moment.' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
