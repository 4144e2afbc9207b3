import { STATUS_CODES } from 'node:http';
import type { ErrorDetail } from './errors.js';

/** What a client is told of a failure. */
export interface Failure {
  status: number;
  code: string;
  message: string;
  details: readonly ErrorDetail[];
}

/** The JSON error envelope of the API. */
export function envelope({ code, message, details }: Failure, requestId: string): object {
  return { error: { code, message, details, requestId } };
}

/** The same facts as problem details (RFC 9457), for a client that asks for `application/problem+json`. */
export function problem({ status, code, message, details }: Failure, requestId: string): object {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail: message, code, errors: details, requestId };
}
