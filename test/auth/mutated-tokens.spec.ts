import { jest } from '@jest/globals';
import fc from 'fast-check';
import { scaled } from '../support/scale.js';
import { encodePart, TestIssuer } from '../support/test-issuer.js';
import { GuardedApp } from './guarded-app.js';

const MUTATED = scaled(30_000);

/** What HTTP lets into a header's value. The space is left out: at the end of a header it is no part of the value. */
const character = fc.oneof(
  fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/'),
  fc
    .integer({ min: 0x21, max: 0xff })
    .filter((code) => code !== 0x7f && code !== 0xa0)
    .map((code) => String.fromCharCode(code)),
);
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (token: string, share: number): number => Math.floor(share * token.length);

type Mutation = (token: string, other: string) => string;

const replaced = fc.tuple(place, character).map(
  ([share, by]): Mutation =>
    (token) =>
      token.slice(0, at(token, share)) + by + token.slice(at(token, share) + 1),
);
const inserted = fc.tuple(place, fc.string({ unit: character, minLength: 1, maxLength: 8 })).map(
  ([share, text]): Mutation =>
    (token) =>
      token.slice(0, at(token, share)) + text + token.slice(at(token, share)),
);
const removed = fc.tuple(place, fc.integer({ min: 1, max: 40 })).map(
  ([share, length]): Mutation =>
    (token) =>
      token.slice(0, at(token, share)) + token.slice(at(token, share) + length),
);
const crossed = place.map(
  (share): Mutation =>
    (token, other) =>
      token.slice(0, at(token, share)) + other.slice(at(token, share)),
);
/** One bit of the header's or payload's text, so that what arrives is mostly well formed and never signed. */
const flipped = fc.tuple(fc.constantFrom(0, 1, 2), place, fc.integer({ min: 0, max: 7 })).map(([part, share, bit]): Mutation => (token) => {
  const parts = token.split('.');
  const bytes = Buffer.from(parts[part] ?? '', 'base64url');
  const index = Math.floor(share * bytes.length);
  bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
  parts[part] = encodePart(bytes);
  return parts.join('.');
});
const mutation = fc.oneof(replaced, inserted, removed, crossed, flipped);

describe('a mutated token', () => {
  let issuer: TestIssuer;
  let app: GuardedApp;
  const printed: unknown[] = [];

  beforeAll(async () => {
    issuer = await TestIssuer.start();
    app = await GuardedApp.start(issuer.environment);
    for (const stream of [process.stdout, process.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((text) => printed.push(text) > 0);
    }
  });

  afterAll(async () => {
    jest.restoreAllMocks();
    await app.close();
    await issuer.close();
  });

  it(`is refused with 401, each of ${MUTATED}, and nothing of it is printed`, async () => {
    const tokens = [1, 2, 1, 2].map((version) => issuer.token({ version: version as 1 | 2 }));
    const refused = fc.asyncProperty(mutation, fc.constantFrom(...tokens), fc.constantFrom(...tokens), async (mutate, token, other) => {
      const mutated = mutate(token, other);
      if (tokens.includes(mutated)) return;
      expect((await app.get('/me', mutated)).status).toBe(401);
    });
    await fc.assert(refused, { numRuns: MUTATED });
    for (const token of tokens) expect((await app.get('/me', token)).status).toBe(200);
    expect(printed).toEqual([]);
  }, 600_000);

  it('is answered 200 or 401, and nothing is printed, whatever the issuer has signed in the place of a claim', async () => {
    const names = [...Object.keys(issuer.claims()), 'idtyp', 'nonce', 'cnf', 'amr'];
    const answered = fc.asyncProperty(fc.constantFrom(...names), fc.jsonValue(), async (name, value) => {
      expect([200, 401]).toContain((await app.get('/me', issuer.token({ claims: { [name]: value } }))).status);
    });
    await fc.assert(answered, { numRuns: scaled(4_000) });
    expect(printed).toEqual([]);
  }, 600_000);
});
