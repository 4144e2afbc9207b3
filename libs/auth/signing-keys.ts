import type { KeyObject } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { UnavailableError } from '#libs/errors/errors.js';
import { fetchJson } from './fetch-json.js';
import { readKeySet, readKeysUrl, type KeySet } from './key-set.js';

/** Every period of the key store, in milliseconds. */
export interface KeyTimes {
  /** For metadata and keys together. */
  budgetMs: number;
  /** Between two loads while all is well: how long a key that the issuer has withdrawn may still be taken. */
  refreshMs: number;
  /** The first wait after a failure while there are no keys at all; it doubles up to `retryMs`. */
  firstRetryMs: number;
  /** The wait after a failure while there are keys. */
  retryMs: number;
  /** The least time between two loads that unknown key ids ask for. */
  unknownKeyMs: number;
  /** How long keys serve without having been confirmed. */
  staleMs: number;
}

export const KEY_TIMES: KeyTimes = {
  budgetMs: 2_000,
  refreshMs: 10 * 60_000,
  firstRetryMs: 1_000,
  retryMs: 30_000,
  unknownKeyMs: 30_000,
  staleMs: 24 * 3_600_000,
};

/** Milliseconds that only ever grow: an adjusted wall clock must neither age the keys nor keep them young. */
const monotonic = (): number => performance.now();

/**
 * The signing keys of one tenant, loaded from its OpenID metadata in the background: `start` returns at once, and no failure of the
 * issuer stops the application, takes known keys away before a day has passed, or makes a request wait longer than one load's budget.
 * There is never more than one load under way.
 */
export class SigningKeys {
  private readonly logger = new Logger(SigningKeys.name);
  private readonly issuer: string;
  private keys: KeySet = new Map();
  private loadedAt = -Infinity;
  private askedAt = -Infinity;
  private failures = 0;
  private loading: Promise<void> | null = null;
  private abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    authority: string,
    private readonly tenantId: string,
    private readonly times: KeyTimes = KEY_TIMES,
    private readonly now: () => number = monotonic,
  ) {
    this.issuer = `${authority}/${tenantId}/v2.0`;
  }

  start(): void {
    this.stopped = false;
    void this.load();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.abort.abort();
  }

  /**
   * The key of that id, or null where the issuer has none. An unknown id has the keys loaded anew, at most once in `unknownKeyMs`;
   * between two such loads the answer is immediate.
   *
   * @throws UnavailableError where there are no keys, or none young enough
   */
  async find(kid: string): Promise<KeyObject | null> {
    if (!this.areUsable() && this.loading) await this.loading;
    if (!this.areUsable()) throw new UnavailableError('The signing keys of the identity provider are not available.');
    const known = this.keys.get(kid);
    if (known !== undefined) return known;
    if (this.now() - this.askedAt >= this.times.unknownKeyMs) {
      this.askedAt = this.now();
      void this.load();
    }
    if (this.loading) await this.loading;
    return this.keys.get(kid) ?? null;
  }

  private areUsable(): boolean {
    return this.keys.size > 0 && this.now() - this.loadedAt < this.times.staleMs;
  }

  private load(): Promise<void> {
    if (this.stopped) return Promise.resolve();
    this.loading ??= this.attempt().finally(() => (this.loading = null));
    return this.loading;
  }

  /** Never rejects. */
  private async attempt(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const keys = await this.fetchKeys();
      this.keys = keys;
      this.loadedAt = this.now();
      if (this.failures > 0) this.logger.log('The signing keys have been loaded again.');
      this.failures = 0;
    } catch (error) {
      this.failures += 1;
      // Once for an outage, not once for each attempt.
      if (this.failures === 1 && !this.stopped)
        this.logger.warn(`The signing keys of ${this.issuer} could not be loaded: ${reason(error)}`);
    }
    this.schedule();
  }

  private schedule(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.load(), this.waitMs()).unref();
  }

  private waitMs(): number {
    if (this.failures === 0) return this.times.refreshMs;
    if (this.areUsable()) return this.times.retryMs;
    return Math.min(this.times.firstRetryMs * 2 ** (this.failures - 1), this.times.retryMs);
  }

  private async fetchKeys(): Promise<KeySet> {
    const abort = new AbortController();
    this.abort = abort;
    const budget = setTimeout(() => abort.abort(new Error('it took too long')), this.times.budgetMs).unref();
    try {
      const metadata = await fetchJson(`${this.issuer}/.well-known/openid-configuration`, abort.signal);
      const document = await fetchJson(readKeysUrl(metadata, this.issuer, this.tenantId), abort.signal);
      return readKeySet(document, this.issuer, this.tenantId);
    } finally {
      clearTimeout(budget);
    }
  }
}

/** `fetch` says only that it failed, and hides why one level down. */
function reason(error: unknown): string {
  const { message, cause } = error as Partial<Error & { cause: Partial<Error> }>;
  return cause?.message ?? message ?? 'for no reason given';
}
