import { isUtf8 } from 'node:buffer';
import { UnauthenticatedError } from '#libs/errors/errors.js';

/** A token that is well formed and may be shown to the verifier; nothing in it has been proved yet. */
export interface PresentedToken {
  token: string;
  /** The id of the key that it says it is signed with. */
  kid: string;
}

/** Characters. Node's default limit on all headers together is half of that; operators may raise theirs for people in many groups. */
const MAX_TOKEN_LENGTH = 32 * 1024;
const MAX_KID_LENGTH = 256;

/** Headers that choose the key, or change what the signature covers, by the word of whoever sent the token. Entra sends none of them. */
const REFUSED_HEADERS = ['crit', 'b64', 'zip', 'enc', 'jku', 'jwk', 'x5u', 'x5c'];

const CREDENTIALS = /^bearer +([^ ]+)$/i;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const JSON_STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/**
 * Takes the token out of a request's `Authorization` headers and admits only what a verifier can be trusted with: one header, `Bearer`,
 * a compact JWS (RFC 7515) of canonical base64url whose header and payload are JSON objects without a repeated member, RS256, with a key
 * id and nothing that would point at another key.
 *
 * @param authorization every value of the header
 * @throws UnauthenticatedError
 */
export function readToken(authorization: readonly string[]): PresentedToken {
  if (authorization.length === 0) throw new UnauthenticatedError();
  const token = CREDENTIALS.exec(authorization[0] ?? '')?.[1];
  if (authorization.length > 1) throw refused('more than one Authorization header was sent');
  if (token === undefined) throw refused('the Authorization header is not of the form Bearer <token>');
  if (token.length > MAX_TOKEN_LENGTH) throw refused('it is too long');
  const [header, payload, signature, ...rest] = token.split('.');
  if (header === undefined || payload === undefined || signature === undefined || rest.length > 0) throw refused('it has not three parts');
  decode(signature);
  const kid = checkHeader(readObject(header));
  readObject(payload);
  return { token, kid };
}

function refused(reason: string): UnauthenticatedError {
  return new UnauthenticatedError(`The bearer token is not valid: ${reason}.`);
}

function checkHeader(header: Record<string, unknown>): string {
  if (header['alg'] !== 'RS256') throw refused('its algorithm is not RS256');
  if (header['typ'] !== 'JWT') throw refused('its type is not JWT');
  const forbidden = REFUSED_HEADERS.find((name) => Object.hasOwn(header, name));
  if (forbidden !== undefined) throw refused(`its header has ${forbidden}`);
  const kid = header['kid'];
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) throw refused('it names no key');
  return kid;
}

/** The bytes of one part. What decodes to the same bytes in another spelling is refused, so that one token has one text. */
function decode(part: string): Buffer {
  const bytes = BASE64URL.test(part) ? Buffer.from(part, 'base64url') : null;
  if (bytes === null || bytes.toString('base64url') !== part) throw refused('a part of it is not base64url');
  return bytes;
}

function readObject(part: string): Record<string, unknown> {
  const bytes = decode(part);
  if (!isUtf8(bytes)) throw refused('a part of it is not UTF-8');
  const text = bytes.toString('utf8');
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('a part of it is not a JSON object');
  if (countMembers(value) !== countColons(text)) throw refused('a member appears twice in it');
  return value as Record<string, unknown>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused('a part of it is not a JSON object');
  }
}

/** Each member that was written has one colon outside a string; a repeated one has a colon, but only the last of them is in the value. */
function countColons(text: string): number {
  return text.replace(JSON_STRING, '').split(':').length - 1;
}

/** Members of all objects in the value. With a list of its own rather than by recursion, which a deeply nested value could exhaust. */
function countMembers(value: object): number {
  let count = 0;
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const members: unknown[] = Object.values(next);
    if (!Array.isArray(next)) count += members.length;
    for (const member of members) if (typeof member === 'object' && member !== null) open.push(member);
  }
  return count;
}
