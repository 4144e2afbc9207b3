import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/** The signing keys of an issuer by their ids. */
export type KeySet = ReadonlyMap<string, KeyObject>;

const MIN_MODULUS_BITS = 2048;
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Where the keys are, from OpenID metadata that must be of the issuer asked.
 *
 * @param issuer `<authority>/<tenant>/v2.0`; Entra's metadata may have `{tenantid}` in the tenant's place
 * @throws Error
 */
export function readKeysUrl(metadata: unknown, issuer: string, tenantId: string): string {
  if (!isObject(metadata)) throw new Error('the metadata is not an object');
  if (!isIssuer(metadata['issuer'], issuer, tenantId)) throw new Error('the metadata is of another issuer');
  const address = metadata['jwks_uri'];
  const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : null;
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.has(url.hostname));
  if (url === null || !secure) throw new Error('the address of the keys is not an https URL');
  return url.href;
}

/**
 * The usable keys of a JSON Web Key Set (RFC 7517): RSA for signatures, of 2,048 bits and more. One that is not usable, or that Entra
 * marks as another issuer's, is left out.
 *
 * @throws Error where no key is left: an issuer without keys is a fault, and must not take the known ones away
 */
export function readKeySet(document: unknown, issuer: string, tenantId: string): KeySet {
  const listed = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(listed)) throw new Error('the key set has no keys member');
  const keys = new Map<string, KeyObject>();
  for (const jwk of listed as unknown[]) {
    if (!isObject(jwk) || typeof jwk['kid'] !== 'string' || jwk['kid'] === '' || keys.has(jwk['kid'])) continue;
    if (jwk['issuer'] !== undefined && !isIssuer(jwk['issuer'], issuer, tenantId)) continue;
    const key = readKey(jwk);
    if (key !== null) keys.set(jwk['kid'], key);
  }
  if (keys.size === 0) throw new Error('the key set has no usable key');
  return keys;
}

function readKey(jwk: Record<string, unknown>): KeyObject | null {
  const { kty, use, alg, n, e } = jwk;
  if (kty !== 'RSA' || (use !== undefined && use !== 'sig') || (alg !== undefined && alg !== 'RS256')) return null;
  if (typeof n !== 'string' || typeof e !== 'string') return null;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { kty, n, e } satisfies JsonWebKey, format: 'jwk' });
  } catch {
    return null;
  }
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  // With an exponent of 1 anybody can write a signature.
  return modulusLength >= MIN_MODULUS_BITS && publicExponent >= 3n ? key : null;
}

function isIssuer(value: unknown, issuer: string, tenantId: string): boolean {
  return typeof value === 'string' && value.replace('{tenantid}', tenantId) === issuer;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
