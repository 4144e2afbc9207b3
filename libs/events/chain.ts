import { createHash } from 'node:crypto';

/** The `prevHash` of the first event. */
export const GENESIS_HASH = '0'.repeat(64);

const HASH = /^[0-9a-f]{64}$/;

/** Whether a text is a hash as the chain writes it: lower-case hexadecimal SHA-256. */
export function isHash(value: unknown): value is string {
  return typeof value === 'string' && HASH.test(value);
}

/**
 * The hash of an event: lower-case hexadecimal SHA-256 of the 32 bytes of the hash before it, followed by the UTF-8 of the event's canonical
 * text (API.md, Audit). The canonical text is the one that was stored, never one made anew, so that a field added later breaks no old hash.
 *
 * @throws TypeError where `prevHash` is no hash
 */
export function eventHash(prevHash: string, canonicalText: string): string {
  if (!isHash(prevHash)) throw new TypeError('prevHash is not a lower-case hexadecimal SHA-256.');
  return createHash('sha256').update(prevHash, 'hex').update(canonicalText, 'utf8').digest('hex');
}
