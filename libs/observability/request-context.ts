import type { Identity } from '#libs/auth/caller.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Request } from 'express';
import { randomUUID } from 'node:crypto';

/** What every request has from its first moment on. */
export interface RequestContext {
  /** Of the client's `X-Request-Id` where that is fit to be logged, else ours. */
  requestId: string;
  /** The trace of the W3C `traceparent` (32 hex digits), or a new one. */
  traceId: string;
  startedAt: bigint;
}

export type ContextRequest = Request & { context: RequestContext; user?: Identity; rawBody?: Buffer };

const REQUEST_ID = /^[A-Za-z0-9._:+/=-]{1,128}$/;
// W3C Trace Context, section 3.2.2; all-zero ids are invalid, and so is version ff.
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

export function createContext(headers: { [name: string]: string | string[] | undefined }): RequestContext {
  const requestId = headers['x-request-id'];
  const traceparent = headers['traceparent'];
  return {
    requestId: typeof requestId === 'string' && REQUEST_ID.test(requestId) ? requestId : uuidv7(),
    traceId: (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)?.[1]) || randomUUID().replaceAll('-', ''),
    startedAt: process.hrtime.bigint(),
  };
}
