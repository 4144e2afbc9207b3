import { ForbiddenError } from '#libs/errors/errors.js';
import type { Identity } from './caller.js';
import { connectorSources } from './roles.js';

/** A POST that may be repeated: the key its client chose, where it applies, and what it asked for. */
export interface IdempotentRequest {
  key: string;
  method: string;
  path: string;
  bodyHash: Buffer;
}

/** Who makes a request, and what is known of the request: what a service is given, which knows nothing of HTTP. */
export interface Caller {
  identity: Identity;
  requestId: string;
  traceId: string;
  clientIp: string | null;
  idempotency: IdempotentRequest | null;
  /** Set by the transaction when the answer is an earlier one, given again. */
  replayed: boolean;
  /** The versions that `If-Match` names; null where it was not sent, or was `*`. */
  ifMatch: readonly string[] | null;
}

const READS_ALL = ['governance.reader', 'governance.reviewer', 'governance.auditor', 'governance.admin'];

/** The sources a caller may read; null is every one. A connector that holds no other role sees its own source only. */
export function readableSources(caller: Caller): string[] | null {
  const { roles } = caller.identity;
  return roles.some((role) => READS_ALL.includes(role)) ? null : connectorSources(roles);
}

/** The sources a caller may write; null is every one. */
export function writableSources(caller: Caller): string[] | null {
  const { roles } = caller.identity;
  return roles.includes('governance.admin') ? null : connectorSources(roles);
}

/** 403 where the caller may not write what belongs to a source. */
export function assertWritable(source: string, caller: Caller): void {
  const sources = writableSources(caller);
  if (sources && !sources.includes(source)) throw new ForbiddenError(`The caller is no connector of the source ${source}.`);
}
