import type { Identity } from '#libs/auth/caller.js';
import { Transactions } from '#libs/database/transaction.js';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';

/** A request that was refused: by whom, where, and why. */
export interface Denial {
  identity: Identity | null;
  clientIp: string | null;
  /** `GET /v1/grants/{id}`, never an address. */
  route: string;
  reason: 'unauthenticated' | 'forbidden';
  requestId: string;
  traceId: string;
}

interface Kind {
  denial: Denial;
  repeats: number;
}

const PERIOD_MS = 60_000;

/** So many kinds of denials are told apart within a period; what comes on top is counted as one kind, so that a flood from many addresses stays small too. */
const MOST_KINDS = 500;

/**
 * Makes events of refused requests without letting a flood of them become a flood of rows: the first of a kind (the same caller, route and
 * reason) is written at once, and its repeats within a minute are one more event, with their count, when the minute is over.
 */
@Injectable()
export class Denials implements OnModuleDestroy {
  private readonly logger = new Logger(Denials.name);
  private readonly kinds = new Map<string, Kind>();
  private writing: Promise<void> = Promise.resolve();
  private readonly timer = setInterval(() => this.closePeriod(), PERIOD_MS).unref();

  constructor(private readonly transactions: Transactions) {}

  /** Never throws, and nobody waits for it: a refusal is answered whether or not it can be written down at once. */
  note(denial: Denial): void {
    const own = [denial.identity?.id ?? denial.clientIp, denial.route, denial.reason].join('\n');
    const known = this.kinds.has(own) || this.kinds.size < MOST_KINDS;
    const key = known ? own : 'others';
    const kind = this.kinds.get(key);
    if (kind) {
      kind.repeats += 1;
      return;
    }
    // Of the many that no longer are told apart, none may be named as if it had been all of them.
    const told = known ? denial : { ...denial, identity: null, clientIp: null, route: 'others' };
    this.kinds.set(key, { denial: told, repeats: 0 });
    this.write(told, 1);
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.closePeriod();
    await this.writing;
  }

  private closePeriod(): void {
    const kinds = [...this.kinds.values()];
    this.kinds.clear();
    for (const { denial, repeats } of kinds) if (repeats > 0) this.write(denial, repeats);
  }

  /** One after the other: a flood must not take the connections of the pool. */
  private write({ identity, clientIp, route, reason, requestId, traceId }: Denial, count: number): void {
    const caller = {
      identity: identity ?? { id: 'anonymous', type: 'user' as const, roles: [] },
      ...{ requestId, traceId, clientIp, idempotency: null, replayed: false, ifMatch: null },
    };
    this.writing = this.writing
      .then(() =>
        this.transactions.write(caller, (tx) => {
          tx.record({ type: 'auth.denied', outcome: 'denied', resource: { type: 'route', id: route }, after: { count }, reason });
          return Promise.resolve();
        }),
      )
      .catch((error: unknown) =>
        this.logger.warn({ msg: 'a refusal could not be written down', requestId, reason: (error as Error).message }),
      );
  }
}
