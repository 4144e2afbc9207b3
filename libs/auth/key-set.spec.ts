import { generateKeyPairSync } from 'node:crypto';
import { readKeySet, readKeysUrl } from './key-set.js';

const ISSUER = 'https://login.example/tenant/v2.0';
const jwk = (kid: string, modulusLength = 2048): Record<string, unknown> => ({
  ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }),
  kid,
  use: 'sig',
});
const GOOD = jwk('good');
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });

const kidsOf = (...keys: unknown[]): string[] => [...readKeySet({ keys }, ISSUER, 'tenant').keys()];

describe('readKeySet', () => {
  it('answers the signing keys by their ids', () => {
    expect(kidsOf(GOOD, { ...GOOD, kid: 'other', use: undefined, alg: 'RS256', issuer: 'https://login.example/{tenantid}/v2.0' })).toEqual([
      'good',
      'other',
    ]);
  });

  it.each([
    ['RSA of 1,024 bits', jwk('weak', 1024)],
    ['an exponent of one', { ...GOOD, kid: 'one', e: 'AQ' }],
    ['an elliptic curve', { ...ec, kid: 'ec', use: 'sig' }],
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0', kid: 'oct', use: 'sig' }],
    ['a key for encryption', { ...GOOD, kid: 'enc', use: 'enc' }],
    ['a key for another algorithm', { ...GOOD, kid: 'ps', alg: 'PS256' }],
    ['a key of another tenant', { ...GOOD, kid: 'foreign', issuer: 'https://login.example/another/v2.0' }],
    ['a key without an id', { ...GOOD, kid: undefined }],
    ['a key whose id is a number', { ...GOOD, kid: 7 }],
    ['a key without a modulus', { ...GOOD, kid: 'bare', n: undefined }],
    ['a key whose modulus is nothing', { ...GOOD, kid: 'empty', n: '' }],
    ['null', null],
    ['a word', 'key'],
  ])('leaves out %s, and keeps the others', (_name, key) => {
    expect(kidsOf(key, GOOD)).toEqual(['good']);
    expect(() => kidsOf(key)).toThrow('no usable key');
  });

  it.each([null, [], 'keys', {}, { keys: null }, { keys: {} }, { keys: [] }])(
    'refuses a set without keys, so that the known ones stay: %j',
    (document) => {
      expect(() => readKeySet(document, ISSUER, 'tenant')).toThrow(/key set/);
    },
  );
});

describe('readKeysUrl', () => {
  const url = (address: unknown): string => readKeysUrl({ issuer: ISSUER, jwks_uri: address }, ISSUER, 'tenant');

  it('takes https anywhere and http on this machine alone', () => {
    for (const address of ['https://login.example/keys', 'http://127.0.0.1:8080/keys', 'http://localhost/keys', 'http://[::1]:1/keys']) {
      expect(url(address)).toBe(address);
    }
    for (const address of [
      'http://login.example/keys',
      'http://127.0.0.1.example/keys',
      'http://localhost@login.example/keys',
      'ftp://localhost/keys',
      '/keys',
      7,
    ]) {
      expect(() => url(address)).toThrow(/not an https URL/);
    }
  });
});
