import fc from 'fast-check';
import { createSecretKey, randomBytes } from 'node:crypto';
import { BadRequestError } from '#libs/errors/errors.js';
import { decodeCursor, encodeCursor } from './cursor.js';

const SECRET = createSecretKey(randomBytes(32));
const KEYS = fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 });

function refusal(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof BadRequestError) return error.code;
    throw error;
  }
  return 'none';
}

describe('a cursor', () => {
  it('gives back the key that it was made from, whatever stands in it', () => {
    fc.assert(
      fc.property(KEYS, fc.string(), (key, scope) => {
        expect(decodeCursor(SECRET, scope, encodeCursor(SECRET, scope, key))).toEqual(key);
      }),
    );
  });

  it('stands in an address as it is', () => {
    fc.assert(fc.property(KEYS, fc.string(), (key, scope) => /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$/.test(encodeCursor(SECRET, scope, key))));
  });

  it('is good for its own scope alone', () => {
    fc.assert(
      fc.property(KEYS, fc.string(), fc.string(), (key, scope, other) => {
        fc.pre(scope !== other);
        expect(refusal(() => decodeCursor(SECRET, other, encodeCursor(SECRET, scope, key)))).toBe('invalid_cursor');
      }),
    );
  });

  it('cannot be split differently between its scope and its key', () => {
    const [payload, code] = encodeCursor(SECRET, 'grants', ['1']).split('.');
    expect(refusal(() => decodeCursor(SECRET, `grants${payload}`, `.${code}`))).toBe('invalid_cursor');
    expect(refusal(() => decodeCursor(SECRET, 'grant', `s${payload}.${code}`))).toBe('invalid_cursor');
  });

  it('is good with the secret that it was made with alone', () => {
    expect(refusal(() => decodeCursor(createSecretKey(randomBytes(32)), 'grants', encodeCursor(SECRET, 'grants', ['1'])))).toBe(
      'invalid_cursor',
    );
  });

  it('has one spelling: any other text is refused, also one of the same bytes', () => {
    const cursor = encodeCursor(SECRET, 'grants', ['019ab133-cbeb-76e6-8964-af2e265a4bd8']);
    fc.assert(
      fc.property(fc.nat(cursor.length), fc.nat(3), fc.string({ maxLength: 3 }), (at, removed, added) => {
        const other = cursor.slice(0, at) + added + cursor.slice(at + removed);
        fc.pre(other !== cursor);
        expect(refusal(() => decodeCursor(SECRET, 'grants', other))).toBe('invalid_cursor');
      }),
      { numRuns: 2_000 },
    );
  });

  it('is never just any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => refusal(() => decodeCursor(SECRET, 'grants', text)) === 'invalid_cursor'),
    );
  });

  it('says in the error which parameter is meant', () => {
    expect(() => decodeCursor(SECRET, 'grants', 'x')).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ path: 'cursor' })] }),
    );
  });
});
