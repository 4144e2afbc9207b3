import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';

/** A signed point of the chain, as GET /v1/audit/checkpoints answers it: every event up to `sequence` is as `hash` says. */
export interface Checkpoint {
  sequence: number;
  hash: string;
  /** RFC 3339, UTC, milliseconds. Signed as this text. */
  time: string;
  keyId: string;
  /** base64url, without padding. */
  signature: string;
}

/** A public Ed25519 key as RFC 8037 writes it. `kid` is its RFC 7638 thumbprint. */
export interface PublicJwk {
  kty: 'OKP';
  crv: 'Ed25519';
  x: string;
  kid: string;
  use: 'sig';
  alg: 'EdDSA';
}

/** What a checkpoint's signature covers: the UTF-8 of `<sequence>.<hash>.<time>` (API.md, Audit). */
export function checkpointText(checkpoint: Pick<Checkpoint, 'sequence' | 'hash' | 'time'>): string {
  return `${checkpoint.sequence}.${checkpoint.hash}.${checkpoint.time}`;
}

/** The RFC 7638 thumbprint of an Ed25519 key, given the `x` of its JWK. */
export function keyThumbprint(x: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}

/** The private key that signs checkpoints. */
export class SigningKey {
  readonly jwk: PublicJwk;

  constructor(private readonly key: KeyObject) {
    const { x } = createPublicKey(key).export({ format: 'jwk' });
    if (key.asymmetricKeyType !== 'ed25519' || x === undefined) throw new TypeError('must be an Ed25519 private key');
    this.jwk = { kty: 'OKP', crv: 'Ed25519', x, kid: keyThumbprint(x), use: 'sig', alg: 'EdDSA' };
  }

  get keyId(): string {
    return this.jwk.kid;
  }

  sign(head: { sequence: number; hash: string }, time: Date): Checkpoint {
    const point = { sequence: head.sequence, hash: head.hash, time: time.toISOString() };
    const signature = sign(null, Buffer.from(checkpointText(point)), this.key).toString('base64url');
    return { ...point, keyId: this.keyId, signature };
  }
}

/** What the DER of every PKCS#8 Ed25519 key begins with, before its 32 bytes of seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Reads a signing key from a configuration value: a PKCS#8 PEM (line breaks may be written as `\n`), or base64 of that PEM, of its DER, or of
 * the 32 bytes of seed alone.
 *
 * @throws Error whose message completes "API_AUDIT_SIGNING_KEY …" and says nothing of the value
 */
export function parseSigningKey(value: string): SigningKey {
  const text = value.trim().replaceAll('\\n', '\n');
  try {
    if (text.includes('-----BEGIN')) return new SigningKey(createPrivateKey(text));
    const bytes = Buffer.from(text, 'base64');
    if (bytes.includes('-----BEGIN')) return new SigningKey(createPrivateKey(bytes));
    const der = bytes.length === 32 ? Buffer.concat([PKCS8_PREFIX, bytes]) : bytes;
    return new SigningKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  } catch {
    // The reason is left out: messages of OpenSSL may quote what they were given.
    throw new Error('must be an Ed25519 private key: a PKCS#8 PEM, or base64 of it, of its DER or of its 32 bytes of seed');
  }
}

/** A new signing key, as the PEM that `parseSigningKey` reads. */
export function generateSigningKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The public keys that checkpoints are checked with, retired ones among them. */
export class KeySet {
  private readonly keys = new Map<string, KeyObject>();

  /** @throws TypeError where a key is not a public Ed25519 key, or its `kid` is not its thumbprint */
  constructor(jwks: Iterable<Pick<PublicJwk, 'kty' | 'crv' | 'x' | 'kid'>>) {
    for (const { kty, crv, x, kid } of jwks) {
      if (kid !== keyThumbprint(x)) throw new TypeError('The kid of a key is not its thumbprint.');
      this.keys.set(kid, createPublicKey({ key: { kty, crv, x }, format: 'jwk' }));
    }
  }

  /** Whether a key of the set has signed exactly this checkpoint. Never throws, whatever the checkpoint holds. */
  verifies(checkpoint: Checkpoint): boolean {
    const key = this.keys.get(checkpoint.keyId);
    const signature = Buffer.from(checkpoint.signature, 'base64url');
    // The last character of 64 bytes in base64url carries four idle bits: without this, 15 other texts would pass for the same signature.
    if (!key || signature.toString('base64url') !== checkpoint.signature) return false;
    return verify(null, Buffer.from(checkpointText(checkpoint)), key, signature);
  }
}
