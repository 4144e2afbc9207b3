import type { KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import BearerStrategy, { type BearerMetadata } from 'passport-azure-ad/lib/bearerstrategy.js';
import type { Config } from '#libs/config/config.js';
import { UnauthenticatedError } from '#libs/errors/errors.js';
import type { Identity } from './caller.js';
import { headerValues } from './header-values.js';
import type { SigningKeys } from './signing-keys.js';
import { CLOCK_SKEW_SECONDS, identityOf, type TokenRules } from './token-claims.js';
import { type PresentedToken, readToken } from './token-shape.js';

/** How many tokens are remembered whose form is known. */
const REMEMBERED = 1_000;

export type AzureAdOptions = NonNullable<Config['azureAd']>;

/** The issuers and audiences of one tenant's tokens for this API. The v2 tokens of an application carry its client id as audience. */
export function tokenRules({ tenantId, clientId, audience, authority }: AzureAdOptions): TokenRules {
  return {
    tenantId,
    issuers: { '1.0': `https://sts.windows.net/${tenantId}/`, '2.0': `${authority}/${tenantId}/v2.0` },
    audiences: [audience, clientId],
  };
}

/**
 * Access tokens of one Entra tenant, versions 1 and 2. `passport-azure-ad` verifies them, and does that alone: it never fetches, since
 * the keys are handed to it, and it never sees the request, only a header that `readToken` has admitted. `identityOf` checks the claims
 * once more after it, and more strictly. The library is no longer maintained, and does each of these things badly by itself.
 *
 * Passport makes an object for each request with this one as its prototype, so what is set on `this` while a request is checked is that
 * request's own. `#private` members would throw on such an object.
 */
export class AzureAdStrategy extends PassportStrategy(BearerStrategy) implements OnModuleInit, OnModuleDestroy {
  private key: KeyObject;
  private readonly rules: TokenRules;
  /**
   * What `readToken` made of the headers of callers that were let in, for it is the same each time, and they send them for an hour. Everything else
   * is verified anew at each request.
   */
  private readonly known = new Map<string, PresentedToken>();

  constructor(
    options: AzureAdOptions,
    private readonly keys: SigningKeys,
  ) {
    const rules = tokenRules(options);
    super({
      // Never fetched, and asked for all the same.
      identityMetadata: 'https://localhost/.well-known/openid-configuration',
      clientID: options.clientId,
      audience: rules.audiences,
      issuer: Object.values(rules.issuers),
      validateIssuer: true,
      allowMultiAudiencesInToken: false,
      clockSkew: CLOCK_SKEW_SECONDS,
      loggingNoPII: true,
    });
    this.rules = rules;
  }

  onModuleInit(): void {
    this.keys.start();
  }

  onModuleDestroy(): void {
    this.keys.stop();
  }

  override authenticate(request: IncomingMessage): void {
    this.check(request).catch((error: unknown) => this.error(error));
  }

  private async check(request: IncomingMessage): Promise<void> {
    const sent = headerValues(request.rawHeaders, 'authorization');
    const [credentials = ''] = sent;
    const known = sent.length === 1 ? this.known.get(credentials) : undefined;
    const presented = known ?? readToken(sent);
    const { token, kid } = presented;
    const key = await this.keys.find(kid);
    if (key === null) throw new UnauthenticatedError('The bearer token is not valid: its key is unknown.');
    this.key = key;
    if (!known) this.rememberWhenLetIn(credentials, presented);
    super.authenticate({ headers: { authorization: `Bearer ${token}` } }, {});
  }

  private rememberWhenLetIn(credentials: string, presented: PresentedToken): void {
    const letIn = this.success.bind(this);
    this.success = (...found) => {
      if (this.known.size >= REMEMBERED) this.known.clear();
      this.known.set(credentials, presented);
      letIn(...found);
    };
  }

  /**
   * The library's only way to the network. The key has been found already; what the library asks for is ignored, since it prefers `x5t`
   * to `kid`. `next` is called at once, because an error thrown after it in another tick would end the process.
   */
  override loadMetadata(_parameters: unknown, next: (error: Error | null, metadata: BearerMetadata) => void): void {
    const { key } = this;
    next(null, { oidc: { issuer: this.rules.issuers['2.0'], algorithms: ['RS256'] }, generateOidcPEM: () => key });
  }

  validate(claims: Record<string, unknown>): Identity {
    return identityOf(claims, this.rules, Date.now() / 1000);
  }
}
