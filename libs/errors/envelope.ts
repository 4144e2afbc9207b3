import { STATUS_CODES } from 'node:http';
import type { ErrorDetail } from './errors.js';

/** What a client is told of a failure. */
export interface Failure {
  status: number;
  code: string;
  message: string;
  details: readonly ErrorDetail[];
}

const MAX_PATH_LENGTH = 4_096;

/** A path may hold what a client called a member: it is shown without control characters, and within bounds. */
function shown(details: readonly ErrorDetail[]): ErrorDetail[] {
  return details.map(({ path, message }) => ({ path: path.replace(/\p{Cc}/gu, '\uFFFD').slice(0, MAX_PATH_LENGTH), message }));
}

/** The JSON error envelope of the API. */
export function envelope({ code, message, details }: Failure, requestId: string): object {
  return { error: { code, message, details: shown(details), requestId } };
}

/** The same facts as problem details (RFC 9457), for a client that asks for `application/problem+json`. */
export function problem({ status, code, message, details }: Failure, requestId: string): object {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail: message, code, errors: shown(details), requestId };
}
