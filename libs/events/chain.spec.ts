import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { canonicalJson, type JsonValue } from './chain-canonical.js';
import { eventHash, GENESIS_HASH, isHash } from './chain.js';

describe('canonicalJson', () => {
  it('orders members by UTF-16 code units, as in RFC 8785 section 3.2.3', () => {
    const value = { '\u20ac': 5, '\r': 1, '\ufb33': 7, '1': 2, '\ud83d\ude00': 6, '\u0080': 3, '\u00f6': 4 };
    expect(canonicalJson(value)).toBe('{"\\r":1,"1":2,"\u0080":3,"\u00f6":4,"\u20ac":5,"\ud83d\ude00":6,"\ufb33":7}');
  });

  it.each([
    ['333333333.33333329', '333333333.3333333'],
    ['1E30', '1e+30'],
    ['4.50', '4.5'],
    ['2e-3', '0.002'],
    ['0.000000000000000000000000001', '1e-27'],
    ['-0', '0'],
    ['9007199254740993', '9007199254740992'],
  ])('writes the number %s as %s, as in RFC 8785 section 3.2.2', (written, canonical) => {
    expect(canonicalJson(JSON.parse(written) as JsonValue)).toBe(canonical);
  });

  it('escapes only what RFC 8785 section 3.2.2.2 escapes', () => {
    expect(canonicalJson('€$\u000f\nA\'B"\\\\"/\u007f\u2028')).toBe('"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"');
  });

  it('keeps a member named __proto__', () => {
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"a":2}}') as JsonValue)).toBe('{"__proto__":{"a":2},"b":1}');
  });

  it.each([
    ['undefined', undefined],
    ['a member that is undefined', { a: undefined }],
    ['NaN', NaN],
    ['an infinite number', [Infinity]],
    ['a Date', new Date()],
    ['a BigInt', 1n],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in a name', { '\udc00': 1 }],
  ])('refuses %s instead of leaving it out', (_, value) => {
    expect(() => canonicalJson(value as JsonValue)).toThrow(TypeError);
  });

  it('gives one text to one value, whatever the order its members came in, and that text parses to the value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = canonicalJson(value as JsonValue);
        expect(canonicalJson(reversed(JSON.parse(text)) as JsonValue)).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe('eventHash', () => {
  it('is SHA-256 of the 32 bytes before and the UTF-8 of the text', () => {
    const text = canonicalJson({ name: 'é😀' });
    const bytes = Buffer.concat([Buffer.alloc(32), Buffer.from(text, 'utf8')]);
    expect(eventHash(GENESIS_HASH, text)).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it.each(['', '0'.repeat(63), 'A'.repeat(64), 'g'.repeat(64)])('refuses %p as a hash before', (prevHash) => {
    expect(isHash(prevHash)).toBe(false);
    expect(() => eventHash(prevHash, '{}')).toThrow(TypeError);
  });
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
