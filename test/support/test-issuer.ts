import { generateKeyPairSync, randomBytes, randomUUID, sign, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

/** What an endpoint does instead of answering. `hang` accepts the request and says nothing, `stall` falls silent half-way. */
export const ISSUER_FAILURES = ['status', 'html', 'garbage', 'hang', 'stall', 'redirect', 'oversize', 'empty', 'reset'] as const;
export type IssuerFailure = (typeof ISSUER_FAILURES)[number];
export type IssuerEndpoint = 'metadata' | 'keys';

export interface TokenOptions {
  version?: 1 | 2;
  /** Members of the header; `undefined` takes one away. */
  header?: Record<string, unknown>;
  /** Claims over the ones that a good token has; `undefined` takes one away. */
  claims?: Record<string, unknown>;
  key?: SigningKey;
  /** Makes the signature in another way, from what it is to cover. */
  signature?: (signedPart: string) => Buffer;
}

const VALID_SECONDS = 3_600;

// Generating an RSA key takes a tenth of a second and more; the tests of one file share them.
const generated: SigningKey[] = [];

/** An RSA key of its own for each index, the same one each time within a process. */
export function signingKey(index: number, modulusLength = 2048): SigningKey {
  const create = (): SigningKey => ({
    kid: `key-${index}-${randomBytes(8).toString('hex')}`,
    ...generateKeyPairSync('rsa', { modulusLength }),
  });
  return (generated[index] ??= create());
}

/** One base64url part of a token from a value, or from the very text or bytes of it. */
export function encodePart(value: object | string | Buffer): string {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return bytes.toString('base64url');
}

export function publicJwk(key: SigningKey): Record<string, unknown> {
  return { ...key.publicKey.export({ format: 'jwk' }), kid: key.kid, use: 'sig', x5t: key.kid };
}

/**
 * An Entra tenant for tests: an HTTP server on a free loopback port with OpenID metadata and keys, which signs tokens as Entra makes
 * them, of versions 1 and 2, and can be told to fail.
 */
export class TestIssuer {
  readonly tenantId = randomUUID();
  readonly clientId = randomUUID();
  readonly audience = 'api://access-governance';
  /** Requests that reached each endpoint, failed ones included. */
  readonly fetches: Record<IssuerEndpoint, number> = { metadata: 0, keys: 0 };
  /** The documents as they are served; a test may change them. */
  metadata: Record<string, unknown>;
  publishedKeys: Record<string, unknown>[];
  private keyIndex = 0;
  private failures: Partial<Record<IssuerEndpoint, IssuerFailure>> = {};

  private constructor(
    private readonly server: Server,
    /** `API_AZURE_AD_AUTHORITY`. */
    readonly authority: string,
  ) {
    this.metadata = { issuer: this.issuer(2), jwks_uri: `${authority}/${this.tenantId}/discovery/v2.0/keys` };
    this.publishedKeys = [publicJwk(this.key)];
  }

  static async start(): Promise<TestIssuer> {
    const server = createServer((request, response) => issuer.answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const issuer: TestIssuer = new TestIssuer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return issuer;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  /** The variables that make a gateway trust this issuer. */
  get environment(): Record<string, string> {
    return {
      API_AUTH_MODE: 'azure_ad',
      API_AZURE_AD_TENANT_ID: this.tenantId,
      API_AZURE_AD_CLIENT_ID: this.clientId,
      API_AZURE_AD_AUDIENCE: this.audience,
      API_AZURE_AD_AUTHORITY: this.authority,
    };
  }

  /** The key that tokens are signed with now. */
  get key(): SigningKey {
    return signingKey(this.keyIndex);
  }

  issuer(version: 1 | 2): string {
    return version === 1 ? `https://sts.windows.net/${this.tenantId}/` : `${this.authority}/${this.tenantId}/v2.0`;
  }

  /** The claims of a good token of a person with `governance.reader`. */
  claims(version: 1 | 2 = 2): Record<string, unknown> {
    const now = Math.floor(Date.now() / 1000);
    return {
      aud: version === 1 ? this.audience : this.clientId,
      iss: this.issuer(version),
      iat: now,
      nbf: now,
      exp: now + VALID_SECONDS,
      tid: this.tenantId,
      ver: `${version}.0`,
      sub: randomBytes(32).toString('base64url'),
      oid: randomUUID(),
      scp: 'access_as_user',
      roles: ['governance.reader'],
      ...(version === 1 ? { appid: this.clientId, appidacr: '0' } : { azp: this.clientId, azpacr: '0' }),
    };
  }

  /** A token, good unless the options say otherwise. */
  token(options: TokenOptions = {}): string {
    const key = options.key ?? this.key;
    const header = { typ: 'JWT', alg: 'RS256', kid: key.kid, ...options.header };
    return this.sign(encodePart(header), encodePart({ ...this.claims(options.version), ...options.claims }), options);
  }

  /** Signs parts as they are, so that a test can write what no JSON writer would. */
  sign(header: string, payload: string, { key = this.key, signature }: Pick<TokenOptions, 'key' | 'signature'> = {}): string {
    const signedPart = `${header}.${payload}`;
    const bytes = signature ? signature(signedPart) : sign('RSA-SHA256', Buffer.from(signedPart), key.privateKey);
    return `${signedPart}.${bytes.toString('base64url')}`;
  }

  /** A good token of a caller with these roles: a person, or with `app` an application that acts for nobody. */
  tokenFor({ roles, oid = randomUUID(), app = false }: { roles: readonly string[]; oid?: string; app?: boolean }): string {
    return this.token({ claims: app ? { roles, oid, sub: oid, scp: undefined, idtyp: 'app' } : { roles, oid } });
  }

  /** From now on signs with a new key. Entra goes on publishing the old one for a while; `withdrawOld` does not. */
  rollOver({ withdrawOld = false } = {}): SigningKey {
    this.keyIndex += 1;
    this.publishedKeys = [publicJwk(this.key), ...(withdrawOld ? [] : this.publishedKeys)];
    return this.key;
  }

  fail(failure: IssuerFailure, endpoint: IssuerEndpoint = 'keys'): void {
    this.failures[endpoint] = failure;
  }

  recover(): void {
    this.failures = {};
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    if (path === `/${this.tenantId}/v2.0/.well-known/openid-configuration`) this.serve('metadata', this.metadata, response);
    else if (path === `/${this.tenantId}/discovery/v2.0/keys`) this.serve('keys', { keys: this.publishedKeys }, response);
    // Where the redirect of a failing endpoint leads: a key set like any other, which nobody may follow it to.
    else if (path === '/elsewhere') sendJson(response, { keys: this.publishedKeys });
    else response.writeHead(404).end();
  }

  private serve(endpoint: IssuerEndpoint, document: object, response: ServerResponse): void {
    this.fetches[endpoint] += 1;
    const failure = this.failures[endpoint];
    if (failure === undefined) sendJson(response, document);
    else FAILURES[failure](response, document);
  }
}

function sendJson(response: ServerResponse, document: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

const FAILURES: Record<IssuerFailure, (response: ServerResponse, document: object) => unknown> = {
  status: (response) => response.writeHead(503).end('{}'),
  html: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>'),
  garbage: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x7b, 0xff, 0x00, 0x22])),
  hang: () => undefined,
  stall: (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":['),
  redirect: (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
  oversize: (response, document) => sendJson(response, { ...document, padding: 'x'.repeat(2 ** 20) }),
  empty: (response) => sendJson(response, { keys: [] }),
  reset: (response) => response.destroy(),
};
