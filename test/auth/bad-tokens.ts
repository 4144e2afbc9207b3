import { constants, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { encodePart, publicJwk, signingKey, type TestIssuer, type TokenOptions } from '../support/test-issuer.js';
import type { Presented } from './guarded-app.js';

export interface BadToken {
  name: string;
  present: (issuer: TestIssuer) => Presented;
  /** What the refusal must say, so that a token is not refused by accident for something else that is wrong with it. */
  because: RegExp;
}

const bearer = (token: string): Presented => ({ authorization: [`Bearer ${token}`] });
/** A key that no issuer in the tests publishes. */
const stranger = () => signingKey(99);
const now = (): number => Math.floor(Date.now() / 1000);

/** The verifying library says only that. */
const NOT_VALID = /^The bearer token is not valid\.$/;
const NO_TOKEN = /^A valid bearer token is needed\.$/;
const NOT_BEARER = /not of the form Bearer/;

const withToken = (name: string, because: RegExp, token: (issuer: TestIssuer) => string): BadToken => ({
  name,
  because,
  present: (issuer) => bearer(token(issuer)),
});
const minted = (name: string, because: RegExp, options: TokenOptions | ((issuer: TestIssuer) => TokenOptions)): BadToken =>
  withToken(name, because, (issuer) => issuer.token(typeof options === 'function' ? options(issuer) : options));
const withHeader = (name: string, because: RegExp, header: Record<string, unknown>): BadToken => minted(name, because, { header });
const withClaims = (name: string, because: RegExp, claims: Record<string, unknown>): BadToken => minted(name, because, { claims });

const parts = (token: string): [string, string, string] => token.split('.') as [string, string, string];
const headerPart = (issuer: TestIssuer): string => encodePart({ typ: 'JWT', alg: 'RS256', kid: issuer.key.kid });
const signedPayload = (issuer: TestIssuer, payload: string | Buffer): string => issuer.sign(headerPart(issuer), encodePart(payload));
const signedHeader = (issuer: TestIssuer, header: string | Buffer): string => issuer.sign(encodePart(header), encodePart(issuer.claims()));
const hmac = (key: string) => (signedPart: string) => createHmac('sha256', key).update(signedPart).digest();

const PLACES: BadToken[] = [
  { name: 'no Authorization header', because: NO_TOKEN, present: () => ({}) },
  { name: 'an empty Authorization header', because: NOT_BEARER, present: () => ({ authorization: [''] }) },
  { name: 'the scheme without a token', because: NOT_BEARER, present: () => ({ authorization: ['Bearer'] }) },
  { name: 'Basic credentials', because: NOT_BEARER, present: () => ({ authorization: ['Basic dXNlcjpwYXNzd29yZA=='] }) },
  { name: 'a token without its scheme', because: NOT_BEARER, present: (issuer) => ({ authorization: [issuer.token()] }) },
  { name: 'a token under another scheme', because: NOT_BEARER, present: (issuer) => ({ authorization: [`DPoP ${issuer.token()}`] }) },
  { name: 'something after the token', because: NOT_BEARER, present: (issuer) => bearer(`${issuer.token()} x`) },
  {
    name: 'two Authorization headers',
    because: /more than one Authorization header/,
    present: (issuer) => ({ authorization: [`Bearer ${issuer.token()}`, `Bearer ${issuer.token()}`] }),
  },
  {
    name: 'the same Authorization header twice',
    because: /more than one Authorization header/,
    present: (issuer) => ({ authorization: Array<string>(2).fill(`Bearer ${issuer.token()}`) }),
  },
  {
    name: 'two tokens in one header',
    because: /three parts/,
    present: (issuer) => bearer(`${issuer.token()},${issuer.token()}`),
  },
  { name: 'a token in the query', because: NO_TOKEN, present: (issuer) => ({ path: `/me?access_token=${issuer.token()}` }) },
  {
    name: 'a token in the JSON body',
    because: NO_TOKEN,
    present: (issuer) => ({
      method: 'POST',
      path: '/write',
      body: JSON.stringify({ access_token: issuer.tokenFor({ roles: ['governance.admin'] }) }),
    }),
  },
];

const SHAPES: BadToken[] = [
  withToken('a word', /three parts/, () => 'token'),
  withToken('two parts', /three parts/, (issuer) => parts(issuer.token()).slice(0, 2).join('.')),
  withToken('four parts', /three parts/, (issuer) => `${issuer.token()}.x`),
  withToken('five parts, as an encrypted token has', /three parts/, (issuer) => `${issuer.token()}.x.y`),
  withToken('an empty signature', /not base64url/, (issuer) => `${parts(issuer.token()).slice(0, 2).join('.')}.`),
  withToken('an empty payload', /not base64url/, (issuer) => issuer.sign(headerPart(issuer), '')),
  withToken('an empty header', /not base64url/, (issuer) => issuer.sign('', encodePart(issuer.claims()))),
  withToken('a payload cut short', /not a JSON object|not base64url/, (issuer) => {
    const [header, payload, signature] = parts(issuer.token());
    return [header, payload.slice(0, payload.length >> 1), signature].join('.');
  }),
  withToken('padding', /not base64url/, (issuer) => `${issuer.token()}==`),
  withToken('another spelling of the same signature', /not base64url/, (issuer) => respell(issuer.token())),
  withToken('base64 of the other alphabet', /not base64url/, (issuer) => {
    const [header, payload] = parts(issuer.token());
    return `${header}.${payload}.${Buffer.alloc(256, 0xfb).toString('base64')}`;
  }),
  withToken('a header that is no JSON', /not a JSON object/, (issuer) => signedHeader(issuer, '{"alg":"RS256"')),
  withToken('a header that is a list', /not a JSON object/, (issuer) => signedHeader(issuer, '[]')),
  withToken('a header with a byte order mark', /not a JSON object/, (issuer) =>
    signedHeader(issuer, `\ufeff{"typ":"JWT","alg":"RS256","kid":"${issuer.key.kid}"}`),
  ),
  withToken('a header that is not UTF-8', /not UTF-8/, (issuer) => signedHeader(issuer, Buffer.from([0x7b, 0xff, 0x7d]))),
  withToken('a header with alg twice', /appears twice/, (issuer) =>
    signedHeader(issuer, `{"typ":"JWT","alg":"none","alg":"RS256","kid":"${issuer.key.kid}"}`),
  ),
  withToken('a payload that is no JSON', /not a JSON object/, (issuer) => signedPayload(issuer, 'claims')),
  withToken('a payload that is null', /not a JSON object/, (issuer) => signedPayload(issuer, 'null')),
  withToken('a payload that is a string', /not a JSON object/, (issuer) => signedPayload(issuer, '"claims"')),
  withToken('a payload that is not UTF-8', /not UTF-8/, (issuer) =>
    signedPayload(issuer, Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d])),
  ),
  withToken('a payload with roles twice', /appears twice/, (issuer) =>
    signedPayload(issuer, `{"roles":["governance.admin"],${JSON.stringify(issuer.claims()).slice(1)}`),
  ),
  withToken('a payload with a member twice, once in escapes', /appears twice/, (issuer) =>
    signedPayload(issuer, `{"s\\u0075b":"somebody",${JSON.stringify(issuer.claims()).slice(1)}`),
  ),
  withToken('a payload nested too deeply', NOT_VALID, (issuer) => signedPayload(issuer, `{"a":${'['.repeat(4_000)}${']'.repeat(4_000)}}`)),
];

/** Flips the last of the bits that base64url leaves unused at the end of 256 bytes. */
function respell(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + alphabet.charAt(alphabet.indexOf(token.slice(-1)) ^ 1);
}

const ALGORITHMS: BadToken[] = [
  withToken(
    'alg none without a signature',
    /not base64url/,
    (issuer) => `${encodePart({ typ: 'JWT', alg: 'none' })}.${encodePart(issuer.claims())}.`,
  ),
  withHeader('alg none with a signature', /algorithm/, { alg: 'none' }),
  withHeader('alg None', /algorithm/, { alg: 'None' }),
  withHeader('alg rs256 in small letters', /algorithm/, { alg: 'rs256' }),
  withHeader('no alg', /algorithm/, { alg: undefined }),
  withHeader('alg as a list', /algorithm/, { alg: ['RS256'] }),
  minted('HS256 with the public key as the secret', /algorithm/, (issuer) => ({
    header: { alg: 'HS256' },
    signature: hmac(issuer.key.publicKey.export({ type: 'spki', format: 'pem' }) as string),
  })),
  minted('RS256 in the header and an HMAC with the public key as the signature', NOT_VALID, (issuer) => ({
    signature: hmac(issuer.key.publicKey.export({ type: 'spki', format: 'pem' }) as string),
  })),
  minted('RS384, rightly signed', /algorithm/, (issuer) => ({
    header: { alg: 'RS384' },
    signature: (signedPart) => sign('RSA-SHA384', Buffer.from(signedPart), issuer.key.privateKey),
  })),
  minted('RS512, rightly signed', /algorithm/, (issuer) => ({
    header: { alg: 'RS512' },
    signature: (signedPart) => sign('RSA-SHA512', Buffer.from(signedPart), issuer.key.privateKey),
  })),
  minted('PS256, rightly signed', /algorithm/, (issuer) => ({
    header: { alg: 'PS256' },
    signature: (signedPart) =>
      sign('sha256', Buffer.from(signedPart), { key: issuer.key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }),
  })),
  minted('ES256', /algorithm/, {
    header: { alg: 'ES256' },
    signature: (signedPart) => sign('sha256', Buffer.from(signedPart), generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  }),
  minted('RS256 in the header and an RS512 signature', NOT_VALID, (issuer) => ({
    signature: (signedPart) => sign('RSA-SHA512', Buffer.from(signedPart), issuer.key.privateKey),
  })),
];

const HEADERS: BadToken[] = [
  withHeader('no typ', /type is not JWT/, { typ: undefined }),
  withHeader('another typ', /type is not JWT/, { typ: 'dpop+jwt' }),
  withHeader('crit naming an extension nobody knows', /header has crit/, { crit: ['urn:example:unknown'], 'urn:example:unknown': true }),
  withHeader('an empty crit', /header has crit/, { crit: [] }),
  withHeader('b64', /header has b64/, { b64: false }),
  withHeader('zip', /header has zip/, { zip: 'DEF' }),
  withHeader('jku', /header has jku/, { jku: 'https://keys.example/keys' }),
  withHeader('x5u', /header has x5u/, { x5u: 'https://keys.example/chain' }),
  withHeader('x5c', /header has x5c/, { x5c: ['MIIB'] }),
  minted('jwk with the key that it is signed with', /header has jwk/, () => ({ header: { jwk: publicJwk(stranger()) }, key: stranger() })),
  withHeader('no kid', /names no key/, { kid: undefined }),
  withHeader('an empty kid', /names no key/, { kid: '' }),
  withHeader('a kid that is a number', /names no key/, { kid: 1 }),
  withHeader('a kid of a thousand characters', /names no key/, { kid: 'k'.repeat(1_000) }),
  withHeader('a kid that nobody published', /its key is unknown/, { kid: 'unknown' }),
  withHeader('a kid that every object has', /its key is unknown/, { kid: '__proto__' }),
  minted('the x5t of a published key and a kid of none', /its key is unknown/, (issuer) => ({
    header: { kid: 'unknown', x5t: issuer.key.kid },
  })),
];

const SIGNATURES: BadToken[] = [
  minted('the kid of a published key and the signature of another', NOT_VALID, (issuer) => ({
    header: { kid: issuer.key.kid },
    key: stranger(),
  })),
  withToken('the signature of another token', NOT_VALID, (issuer) => {
    const [header, payload] = parts(issuer.token());
    return [header, payload, parts(issuer.token())[2]].join('.');
  }),
  withToken('a payload changed after signing', NOT_VALID, (issuer) => {
    const [header, , signature] = parts(issuer.token());
    return [header, encodePart({ ...issuer.claims(), roles: ['governance.admin'] }), signature].join('.');
  }),
  withToken('a header changed after signing', NOT_VALID, (issuer) => {
    const [, payload, signature] = parts(issuer.token());
    return [encodePart({ typ: 'JWT', alg: 'RS256', kid: issuer.key.kid, more: 1 }), payload, signature].join('.');
  }),
  minted('a signature of zeros', NOT_VALID, { signature: () => Buffer.alloc(256) }),
  minted('a signature cut short', NOT_VALID, (issuer) => ({
    signature: (signedPart) => sign('RSA-SHA256', Buffer.from(signedPart), issuer.key.privateKey).subarray(0, -1),
  })),
  minted('a signature of one byte', NOT_VALID, { signature: () => Buffer.alloc(1) }),
  minted('a signature with a byte too many', NOT_VALID, (issuer) => ({
    signature: (signedPart) => Buffer.concat([sign('RSA-SHA256', Buffer.from(signedPart), issuer.key.privateKey), Buffer.alloc(1)]),
  })),
];

const OTHER_TENANT = '11111111-2222-4333-8444-555555555555';

const ORIGINS: BadToken[] = [
  withClaims('another audience', NOT_VALID, { aud: 'api://another' }),
  withClaims('the audience in another case', NOT_VALID, { aud: 'API://ACCESS-GOVERNANCE' }),
  withClaims('no audience', NOT_VALID, { aud: undefined }),
  withClaims('an empty audience', NOT_VALID, { aud: '' }),
  minted('a list of audiences, ours among them', NOT_VALID, (issuer) => ({ claims: { aud: [issuer.audience, 'api://another'] } })),
  minted('a list of our audience alone', /audience is another/, (issuer) => ({ claims: { aud: [issuer.audience] } })),
  withClaims('another tenant', /tenant is another/, { tid: OTHER_TENANT }),
  withClaims('no tenant', /tenant is another/, { tid: undefined }),
  minted('a list of tenants', /tenant is another/, (issuer) => ({ claims: { tid: [issuer.tenantId] } })),
  withClaims('another issuer', NOT_VALID, { iss: 'https://issuer.example/' }),
  withClaims('no issuer', NOT_VALID, { iss: undefined }),
  minted('a list of issuers', NOT_VALID, (issuer) => ({ claims: { iss: [issuer.issuer(2)] } })),
  minted('the v2 issuer with a slash at its end', NOT_VALID, (issuer) => ({ claims: { iss: `${issuer.issuer(2)}/` } })),
  minted('the v1 issuer without its slash', NOT_VALID, (issuer) => ({ version: 1, claims: { iss: issuer.issuer(1).slice(0, -1) } })),
  minted('the issuer of another tenant, and ours as the tenant', NOT_VALID, {
    version: 1,
    claims: { iss: `https://sts.windows.net/${OTHER_TENANT}/` },
  }),
  minted('version 2.0 from the v1 issuer', /issuer is another/, { version: 1, claims: { ver: '2.0' } }),
  minted('version 1.0 from the v2 issuer', /issuer is another/, { version: 2, claims: { ver: '1.0' } }),
  withClaims('no version', /version/, { ver: undefined }),
  withClaims('a version that is a number', /version/, { ver: 2 }),
  withClaims('version 3.0', /version/, { ver: '3.0' }),
];

const raw = (name: string, because: RegExp, member: string, text: string): BadToken =>
  withToken(name, because, (issuer) => {
    const claims = { ...issuer.claims() };
    delete claims[member];
    return signedPayload(issuer, `{"${member}":${text},${JSON.stringify(claims).slice(1)}`);
  });

const TIMES: BadToken[] = [
  withClaims('expired two minutes ago', NOT_VALID, { iat: now() - 3_720, nbf: now() - 3_720, exp: now() - 120 }),
  withClaims('expired 61 seconds ago', NOT_VALID, { iat: now() - 3_661, nbf: now() - 3_661, exp: now() - 61 }),
  withClaims('no expiry', NOT_VALID, { exp: undefined }),
  withClaims('an expiry that is a string', NOT_VALID, { exp: String(now() + 3_600) }),
  withClaims('an expiry in milliseconds', /exp is not a time/, { exp: (now() + 3_600) * 1_000 }),
  raw('an expiry beyond all numbers', /exp is not a time/, 'exp', '1e999'),
  withClaims('an expiry that is null', NOT_VALID, { exp: null }),
  withClaims('valid from two minutes from now', NOT_VALID, { nbf: now() + 180 }),
  withClaims('no beginning', /nbf is not a time/, { nbf: undefined }),
  withClaims('a beginning that is a string', NOT_VALID, { nbf: '0' }),
  withClaims('a beginning before 1970', /nbf is not a time/, { nbf: -1 }),
  withClaims('an end before the beginning', NOT_VALID, { nbf: now() + 30, exp: now() + 20 }),
  withClaims('issued two minutes from now', /issued in the future/, { iat: now() + 180 }),
  withClaims('no time of issue', /iat is not a time/, { iat: undefined }),
  withClaims('a time of issue that is a list', /iat is not a time/, { iat: [now()] }),
];

const SUBJECTS: BadToken[] = [
  withClaims('neither scp nor roles', /neither scp nor roles/, { scp: undefined, roles: undefined }),
  withClaims('scp as a list', /scp is not a string/, { scp: ['access_as_user'] }),
  withClaims('an empty scp', /scp is not a string/, { scp: '' }),
  withClaims('scp as a number', /scp is not a string/, { scp: 7 }),
  withClaims('roles as a string', /roles are not a list/, { roles: 'governance.admin' }),
  withClaims('roles as an object', /roles are not a list/, { roles: { includes: 'governance.admin' } }),
  withClaims('roles that are not all strings', /roles are not a list/, { roles: ['governance.admin', 1] }),
  withClaims('no subject', /sub is not an id/, { sub: undefined }),
  withClaims('a subject that is an object', /sub is not an id/, { sub: {} }),
  withClaims('an empty subject', /sub is not an id/, { sub: '' }),
  withClaims('a subject with a NUL', /sub is not an id/, { sub: 'a\0b' }),
  withClaims('an oid that is a number', /oid is not an id/, { oid: 7 }),
  withClaims('an empty oid', /oid is not an id/, { oid: '' }),
  withClaims('an ID token, by its nonce', /has nonce/, { nonce: 'n-0S6_WzA2Mj' }),
  withClaims('an ID token, by its at_hash', /has at_hash/, { at_hash: '77QmUPtjPfzWtF2AnpK9RQ' }),
  withClaims('a token bound to a key of its holder', /has cnf/, { cnf: { kid: 'holder' } }),
];

export const BAD_TOKENS: readonly BadToken[] = [
  ...PLACES,
  ...SHAPES,
  ...ALGORITHMS,
  ...HEADERS,
  ...SIGNATURES,
  ...ORIGINS,
  ...TIMES,
  ...SUBJECTS,
];
