import type { Credentials } from './connector.config.js';
import { GatewayError } from './gateway.errors.js';

type ClientCredentials = Extract<Credentials, { kind: 'client_credentials' }>;

interface IssuedToken {
  value: string;
  renewAtMs: number;
}

/** A token is renewed this long before it ends, so that none ends on its way; a short-lived one when half its time is over. */
const RENEW_BEFORE_MS = 60_000;
const DEFAULT_LIFETIME_S = 300;

/** The bearer token of every request: the configured one, or one of the OAuth 2.0 client credentials grant (RFC 6749, section 4.4), kept while it lasts. */
export class AccessToken {
  private known: IssuedToken | null = null;
  private underWay: Promise<IssuedToken> | null = null;

  constructor(
    private readonly credentials: Credentials,
    private readonly send: (request: Request) => Promise<Response>,
  ) {}

  /** Null where no credentials are configured. @throws GatewayError when the token endpoint does not give a token */
  async current(): Promise<string | null> {
    if (this.credentials === null) return null;
    if (this.credentials.kind === 'token') return this.credentials.token;
    if (this.known && Date.now() < this.known.renewAtMs) return this.known.value;
    // One request for all that wait for it.
    this.underWay ??= this.request(this.credentials).finally(() => (this.underWay = null));
    this.known = await this.underWay;
    return this.known.value;
  }

  /** Forgets a token that was refused although its time had not come; false where there can be no other. */
  discard(refused: string | null): boolean {
    if (this.known?.value === refused) this.known = null;
    return this.credentials?.kind === 'client_credentials';
  }

  private async request({ tokenUrl, clientId, clientSecret, scope }: ClientCredentials): Promise<IssuedToken> {
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret });
    if (scope !== null) form.set('scope', scope);
    const response = await this.send(new Request(tokenUrl, { method: 'POST', body: form, redirect: 'manual' }));
    if (!response.ok) throw new GatewayError(`The token endpoint answered ${response.status}.`);
    const body: unknown = await response.json().catch(() => null);
    if (!isTokenAnswer(body)) throw new GatewayError('The token endpoint answered without a token.');
    const lifetimeMs = Number(body.expires_in ?? DEFAULT_LIFETIME_S) * 1000;
    return { value: body.access_token, renewAtMs: Date.now() + Math.max(lifetimeMs / 2, lifetimeMs - RENEW_BEFORE_MS) };
  }
}

/** `expires_in` is a number in RFC 6749 and a string in version 1 of Entra's endpoint. */
function isTokenAnswer(body: unknown): body is { access_token: string; expires_in?: number | string } {
  if (typeof body !== 'object' || body === null || !('access_token' in body) || typeof body.access_token !== 'string') return false;
  return !('expires_in' in body) || Number(body.expires_in) > 0;
}
