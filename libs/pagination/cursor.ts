import { BadRequestError } from '#libs/errors/errors.js';
import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

const MAC_BYTES = 16;

/** Where a page begins: the sort values of the last row of the page before, as PostgreSQL writes them. */
export type CursorKey = readonly string[];

function mac(secret: KeyObject, scope: string, payload: string): Buffer {
  return createHmac('sha256', secret).update(`${scope.length}\n${scope}${payload}`).digest().subarray(0, MAC_BYTES);
}

/**
 * A cursor: base64url of the key as JSON, a dot, and a code over it and the `scope` (the list, its filters and its sort), so that nobody can
 * make one up, or carry one over to another list.
 */
export function encodeCursor(secret: KeyObject, scope: string, key: CursorKey): string {
  const payload = Buffer.from(JSON.stringify({ k: key })).toString('base64url');
  return `${payload}.${mac(secret, scope, payload).toString('base64url')}`;
}

/**
 * The key in a cursor that `encodeCursor` made with the same secret and scope.
 *
 * @throws BadRequestError `invalid_cursor` for any other
 */
export function decodeCursor(secret: KeyObject, scope: string, cursor: string): CursorKey {
  const [payload = '', code = '', ...rest] = cursor.split('.');
  const given = Buffer.from(code, 'base64url');
  // Base64 has several spellings of the same bytes; only ours is a cursor.
  const genuine =
    rest.length === 0 &&
    given.length === MAC_BYTES &&
    given.toString('base64url') === code &&
    timingSafeEqual(given, mac(secret, scope, payload));
  if (!genuine)
    throw new BadRequestError('invalid_cursor', undefined, [
      { path: 'cursor', message: 'is not a cursor of this list, these filters and this sort' },
    ]);
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { k: string[] }).k;
}
