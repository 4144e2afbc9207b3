import { UnauthenticatedError } from '#libs/errors/errors.js';
import type { Identity } from './caller.js';

/** What a token has to say to be meant for this API. */
export interface TokenRules {
  tenantId: string;
  /** The issuer that a token of each version has. */
  issuers: { '1.0': string; '2.0': string };
  audiences: readonly string[];
}

/** Seconds that the clocks of issuer and gateway may be apart. */
export const CLOCK_SKEW_SECONDS = 60;

/** The end of the year 9999. A time in milliseconds, which is a common mistake, is far beyond it. */
const MAX_TIME = 253_402_300_799;

/** Claims that only an ID token has (OpenID Connect Core, section 2), or that bind a token to a key of its holder (RFC 7800). */
const REFUSED_CLAIMS = ['nonce', 'at_hash', 'c_hash', 'cnf'];

const ID = /^[\x20-\x7e]{1,255}$/;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Who a token is about, once its signature has been verified: an access token of this tenant, for this API, of version 1 or 2, in force
 * now. Pure; the rules are those of the design, section 10.
 *
 * @param nowSeconds seconds since 1970
 * @throws UnauthenticatedError saying what is wrong, never with a value of the token
 */
export function identityOf(claims: Claims, rules: TokenRules, nowSeconds: number): Identity {
  checkOrigin(claims, rules);
  checkTimes(claims, nowSeconds);
  const forbidden = REFUSED_CLAIMS.find((name) => Object.hasOwn(claims, name));
  if (forbidden !== undefined) throw refused(`it has ${forbidden}, so it is no bearer access token`);

  const roles = readRoles(claims['roles']);
  const scope = claims['scp'];
  if (scope !== undefined && (typeof scope !== 'string' || scope === '')) throw refused('its scp is not a string');
  if (roles === null && scope === undefined) throw refused('it has neither scp nor roles, so it is no access token');

  const sub = readId(claims, 'sub');
  const oid = claims['oid'] === undefined ? sub : readId(claims, 'oid');
  return { id: oid, type: isApp(claims, oid === sub) ? 'app' : 'user', roles: roles ?? [] };
}

function refused(reason: string): UnauthenticatedError {
  return new UnauthenticatedError(`The bearer token is not valid: ${reason}.`);
}

function checkOrigin(claims: Claims, rules: TokenRules): void {
  const version = claims['ver'];
  if (version !== '1.0' && version !== '2.0') throw refused('its version is neither 1.0 nor 2.0');
  if (claims['iss'] !== rules.issuers[version]) throw refused('its issuer is another');
  if (claims['tid'] !== rules.tenantId) throw refused('its tenant is another');
  if (!rules.audiences.some((audience) => audience === claims['aud'])) throw refused('its audience is another');
}

function checkTimes(claims: Claims, now: number): void {
  const expires = readTime(claims, 'exp');
  const notBefore = readTime(claims, 'nbf');
  const issued = readTime(claims, 'iat');
  if (expires <= notBefore) throw refused('it ends before it begins');
  if (expires + CLOCK_SKEW_SECONDS <= now) throw refused('it has expired');
  if (notBefore - CLOCK_SKEW_SECONDS >= now) throw refused('it is not valid yet');
  if (issued - CLOCK_SKEW_SECONDS >= now) throw refused('it was issued in the future');
}

function readTime(claims: Claims, name: 'exp' | 'nbf' | 'iat'): number {
  const time = claims[name];
  if (typeof time !== 'number' || !Number.isFinite(time) || time < 0 || time > MAX_TIME) throw refused(`its ${name} is not a time`);
  return time;
}

function readId(claims: Claims, name: 'sub' | 'oid'): string {
  const id = claims[name];
  if (typeof id !== 'string' || !ID.test(id)) throw refused(`its ${name} is not an id`);
  return id;
}

/** Null where the token has none. An empty list is a list: such a caller is known, and may do nothing. */
function readRoles(roles: unknown): string[] | null {
  if (roles === undefined) return null;
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) throw refused('its roles are not a list of strings');
  return roles;
}

/** `idtyp` is an optional claim of Entra. Where it is not switched on, an application is its own subject and acts for nobody (no `scp`). */
function isApp(claims: Claims, isItsOwnSubject: boolean): boolean {
  if (claims['idtyp'] !== undefined) return claims['idtyp'] === 'app';
  return claims['scp'] === undefined && isItsOwnSubject;
}
