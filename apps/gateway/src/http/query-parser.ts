import { BadRequestError } from '#libs/errors/errors.js';
import { parse, type ParsedUrlQuery } from 'node:querystring';

/** The characters that an address may hold as they are (RFC 3986); everything else comes percent-encoded. */
const PRINTABLE = /^[!-~]*$/;

/**
 * The parameters of a query, each with all of its values. Node's own parser puts replacement characters in the place of bytes that are not
 * UTF-8, and so changes what was asked.
 *
 * @throws BadRequestError `malformed_request`
 */
export function parseQuery(text: string | null | undefined): ParsedUrlQuery {
  const query = text ?? '';
  if (!PRINTABLE.test(query) || !isDecodable(query))
    throw new BadRequestError('malformed_request', 'The query is not percent-encoded UTF-8.');
  return parse(query, '&', '=', { maxKeys: 0 });
}

function isDecodable(query: string): boolean {
  if (!query.includes('%')) return true;
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}
