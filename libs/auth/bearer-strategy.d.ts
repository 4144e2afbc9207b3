/** The one file of passport-azure-ad that is used, as far as it is used: its own types leave out `loadMetadata`. */
declare module 'passport-azure-ad/lib/bearerstrategy.js' {
  import type { KeyObject } from 'node:crypto';

  export interface BearerStrategyOptions {
    identityMetadata: string;
    clientID: string;
    audience: readonly string[];
    issuer: readonly string[];
    validateIssuer: boolean;
    allowMultiAudiencesInToken: boolean;
    /** Seconds; 0 is taken as 300. */
    clockSkew: number;
    loggingNoPII: boolean;
  }

  export interface BearerMetadata {
    oidc: { issuer: string; algorithms: readonly string[] };
    generateOidcPEM: () => KeyObject;
  }

  export default class BearerStrategy {
    constructor(options: BearerStrategyOptions, verify: (claims: unknown, done: (error: unknown, user?: unknown) => void) => void);
    name: string;
    authenticate(request: { headers: { authorization?: string | undefined } }, options?: object): void;
    loadMetadata(parameters: unknown, next: (error: Error | null, metadata: BearerMetadata) => void): void;
    success(user: object, info?: object): void;
    fail(challenge?: string | number, status?: number): void;
    redirect(url: string, status?: number): void;
    pass(): void;
    error(error: unknown): void;
  }
}
