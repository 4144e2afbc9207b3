import fc from 'fast-check';
import { UnauthenticatedError } from '#libs/errors/errors.js';
import { readToken } from './token-shape.js';

const encode = (text: string): string => Buffer.from(text).toString('base64url');
const HEADER = '{"alg":"RS256","typ":"JWT","kid":"one"}';
const read = (payload: string, header = HEADER) => readToken([`Bearer ${encode(header)}.${encode(payload)}.c2ln`]);

describe('readToken', () => {
  it('answers the token and the id of its key', () => {
    const token = `${encode(HEADER)}.${encode('{}')}.c2ln`;
    expect(readToken([`bearer   ${token}`])).toEqual({ token, kid: 'one' });
  });

  it('takes any object that a JSON writer writes, whatever its strings look like', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (payload) => {
        expect(read(JSON.stringify(payload)).kid).toBe('one');
        expect(read(JSON.stringify(payload, null, 2)).kid).toBe('one');
      }),
    );
  });

  it.each([
    ['side by side', '{"a":1,"a":1}'],
    ['with others between', '{"a":1,"b":{"a":1},"a":2}'],
    ['below the top', '{"x":[{"a":1,"a":2}]}'],
    ['inside of one that is overwritten', '{"a":{"b":1,"c":2},"a":3}'],
    ['in another spelling', '{"a":1,"\\u0061":2}'],
    ['that shadow a prototype', '{"__proto__":1,"__proto__":2}'],
    ['that are empty', '{"":1,"":2}'],
    ['behind strings that look like members', '{"a":"\\"a\\":1,\\\\","a":2}'],
  ])('refuses members written twice: %s', (_name, payload) => {
    expect(() => read(payload)).toThrow(/appears twice/);
  });

  it.each(['{"a":":","b":"\\":\\""}', '{"a:":{"a:":"::"}}', '{"__proto__":{"a":1},"a":2}', '{"a":[{"a":1},{"a":2}]}'])(
    'is not misled by colons, quotes and names that return in another object: %s',
    (payload) => {
      expect(read(payload).kid).toBe('one');
    },
  );

  it('refuses a token beyond its bound, and ends', () => {
    expect(() => read(`{"a":"${'x'.repeat(40_000)}"}`)).toThrow(/too long/);
    expect(() => read(`{"a":"${'\\"'.repeat(10_000)}`)).toThrow(/not a JSON object/);
  });

  it('answers or refuses with 401, and nothing else, whatever the headers hold', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.string().map((text) => `Bearer ${text}`),
          ),
          { maxLength: 3 },
        ),
        (headers) => {
          try {
            readToken(headers);
          } catch (error) {
            expect(error).toBeInstanceOf(UnauthenticatedError);
          }
        },
      ),
    );
  });

  it('says nothing of the token in a refusal', () => {
    expect(() => read('{"secret"', HEADER)).toThrow(/^The bearer token is not valid: a part of it is not a JSON object\.$/);
    expect(() => read('{}', '{"alg":"RS256","typ":"secret"}')).toThrow(/^The bearer token is not valid: its type is not JWT\.$/);
  });
});
