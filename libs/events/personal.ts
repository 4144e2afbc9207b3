import { createHash, createHmac, randomBytes } from 'node:crypto';

const KEY_BYTES = 32;
/** Random bytes that no key has been made of yet: to ask for each key's by themselves takes ten times as long. */
let unused = Buffer.alloc(0);

/** A new secret for the digests of one principal's personal fields. */
export function newDigestKey(): Buffer {
  if (unused.length === 0) unused = randomBytes(128 * KEY_BYTES);
  const key = Buffer.from(unused.subarray(0, KEY_BYTES));
  unused = unused.subarray(KEY_BYTES);
  return key;
}

/**
 * What stands in an event for a personal value: equal values of one principal give equal digests, so that a change and a change back can be
 * seen, and once the principal's key is gone nothing can be told from them any more. Null stays null.
 */
export function personalDigest(key: Buffer, field: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return `hmac-sha256:${createHmac('sha256', key)
    .update(`${field}\n${sortedJson(value)}`)
    .digest('hex')}`;
}

function sortedJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What stands in an event for a name that is nobody's secret: whoever knows the name can check that it is the one. Null stays null. */
export function nameDigest(value: string | null): string | null {
  return value === null ? null : `sha256:${createHash('sha256').update(value).digest('hex')}`;
}
