import { GENESIS_HASH } from './chain.js';
import { generateSigningKey, KeySet, parseSigningKey, type Checkpoint } from './chain-keys.js';

/** The key of RFC 8037, appendix A. */
const SEED = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=';
const THUMBPRINT = 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k';

const at = new Date('2026-01-31T00:00:00.000Z');
const hash = 'ab'.repeat(32);

describe('a signing key', () => {
  it('has the thumbprint of RFC 8037 appendix A.3 as its id', () => {
    expect(parseSigningKey(SEED).jwk).toEqual({
      kty: 'OKP',
      crv: 'Ed25519',
      x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
      kid: THUMBPRINT,
      use: 'sig',
      alg: 'EdDSA',
    });
  });

  it('is read from a PEM, a PEM on one line, and base64 of the PEM and of its DER, as the same key', () => {
    const pem = generateSigningKey();
    const der = pem.replace(/-----[A-Z ]+-----|\n/g, '');
    const forms = [pem, pem.trim().replaceAll('\n', '\\n'), Buffer.from(pem).toString('base64'), der];
    expect(new Set(forms.map((form) => parseSigningKey(form).keyId)).size).toBe(1);
  });

  it.each([
    '',
    'secret-value',
    Buffer.alloc(31).toString('base64'),
    '-----BEGIN PRIVATE KEY-----\nsecret-value\n-----END PRIVATE KEY-----',
  ])('is refused where it is none (%p), without a word of the value', (value) => {
    expect(() => parseSigningKey(value)).toThrow(/^must be an Ed25519 private key: (?!.*secret-value)/);
  });
});

describe('a checkpoint', () => {
  const key = parseSigningKey(SEED);
  const point = key.sign({ sequence: 4711, hash }, at);

  it('is verified by a set that has its key, also beside newer keys', () => {
    const newer = parseSigningKey(generateSigningKey());
    expect(new KeySet([newer.jwk, key.jwk]).verifies(point)).toBe(true);
    expect(new KeySet([newer.jwk]).verifies(point)).toBe(false);
  });

  const changes: [string, Partial<Checkpoint>][] = [
    ['its sequence', { sequence: 4712 }],
    ['its hash', { hash: GENESIS_HASH }],
    ['its time', { time: '2026-01-31T00:00:00.001Z' }],
    ['its signature', { signature: point.signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) }],
    ['an empty signature', { signature: '' }],
    ['padding', { signature: `${point.signature}==` }],
    ['its key', { keyId: 'unknown' }],
  ];
  it.each(changes)('is refused after a change of %s', (_, change) => {
    expect(new KeySet([key.jwk]).verifies({ ...point, ...change })).toBe(false);
  });

  it('is refused with any other last character, also one that decodes to the same bytes', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const accepted = Array.from(alphabet).filter((last) =>
      new KeySet([key.jwk]).verifies({ ...point, signature: point.signature.slice(0, -1) + last }),
    );
    expect(accepted).toEqual([point.signature.at(-1)]);
  });
});

it('a key set refuses a key under an id that is not its own', () => {
  const key = parseSigningKey(SEED);
  expect(() => new KeySet([{ ...key.jwk, kid: 'mine' }])).toThrow(TypeError);
});
