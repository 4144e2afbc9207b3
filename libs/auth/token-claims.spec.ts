import fc from 'fast-check';
import { UnauthenticatedError } from '#libs/errors/errors.js';
import { identityOf, type TokenRules } from './token-claims.js';

const NOW = 1_800_000_000;
const RULES: TokenRules = {
  tenantId: 'tenant',
  issuers: { '1.0': 'https://sts.windows.net/tenant/', '2.0': 'https://login.example/tenant/v2.0' },
  audiences: ['api://governance', 'client'],
};
const GOOD = {
  iss: RULES.issuers['2.0'],
  ver: '2.0',
  tid: 'tenant',
  aud: 'client',
  iat: NOW - 10,
  nbf: NOW - 10,
  exp: NOW + 3_600,
  sub: 'subject',
  oid: 'object',
  scp: 'access_as_user',
  roles: ['governance.reader'],
};
const identify = (claims: Record<string, unknown>) => identityOf({ ...GOOD, ...claims }, RULES, NOW);

describe('identityOf', () => {
  it('answers the oid, the kind of caller and the roles as they stand in the token', () => {
    expect(identify({})).toEqual({ id: 'object', type: 'user', roles: ['governance.reader'] });
    expect(identify({ roles: [] }).roles).toEqual([]);
    expect(identify({ roles: undefined }).roles).toEqual([]);
  });

  it.each([
    ['user', 'a scope', { scp: 'read' }],
    ['user', 'a scope although it is its own subject', { oid: 'subject' }],
    ['user', 'no scope, and a subject of its own for this application', { scp: undefined }],
    ['app', 'no scope, and itself as subject', { scp: undefined, oid: 'subject' }],
    ['app', 'no scope and no oid', { scp: undefined, oid: undefined }],
    ['app', 'the word of the issuer', { scp: undefined, idtyp: 'app' }],
  ])('takes for %s a caller with %s', (type, _what, claims) => {
    expect(identify(claims).type).toBe(type);
  });

  it('bounds every time by a minute of skew, to the second', () => {
    expect(identify({ exp: NOW - 59, nbf: NOW - 90, iat: NOW - 90 }).id).toBe('object');
    expect(() => identify({ exp: NOW - 60, nbf: NOW - 90, iat: NOW - 90 })).toThrow(/has expired/);
    expect(identify({ nbf: NOW + 59 }).id).toBe('object');
    expect(() => identify({ nbf: NOW + 60 })).toThrow(/not valid yet/);
    expect(identify({ iat: NOW + 59 }).id).toBe('object');
    expect(() => identify({ iat: NOW + 60 })).toThrow(/issued in the future/);
  });

  // The library refuses these as well; each check must hold without it.
  it.each([
    [/audience/, { aud: 'another' }],
    [/audience/, { aud: ['client'] }],
    [/audience/, { aud: undefined }],
    [/tenant/, { tid: 'another' }],
    [/issuer/, { iss: RULES.issuers['1.0'] }],
    [/issuer/, { iss: undefined }],
    [/version/, { ver: undefined }],
    [/version/, { ver: 'toString' }],
    [/ends before it begins/, { exp: NOW + 10, nbf: NOW + 10 }],
    [/exp is not a time/, { exp: '1900000000' }],
    [/exp is not a time/, { exp: Infinity }],
    [/exp is not a time/, { exp: NaN }],
    [/exp is not a time/, { exp: undefined }],
    [/nbf is not a time/, { nbf: undefined }],
    [/iat is not a time/, { iat: null }],
  ])('refuses for its %s the claims %j', (because, claims) => {
    expect(() => identify(claims)).toThrow(because);
  });

  it('answers or refuses with 401, and nothing else, whatever is in the place of one claim', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(GOOD), 'idtyp', 'nonce', 'cnf'), fc.jsonValue(), (name, value) => {
        try {
          expect(typeof identify({ [name]: value }).id).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(UnauthenticatedError);
        }
      }),
    );
  });
});
