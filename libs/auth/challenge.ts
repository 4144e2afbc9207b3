import type { IncomingMessage } from 'node:http';

/**
 * The `WWW-Authenticate` value of a 401. A request that showed no credentials is told the scheme alone, one whose credentials were
 * refused is told so (RFC 6750, section 3).
 */
export function challenge(request: IncomingMessage): string {
  return request.headers.authorization === undefined ? 'Bearer realm="api"' : 'Bearer realm="api", error="invalid_token"';
}
