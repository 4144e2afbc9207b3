import { Database } from '#libs/database/database.js';
import { type InboundMessage, MESSAGE_BROKER, type MessageBroker, PoisonMessageError } from '#libs/kafka/message.js';
import { USAGE_TOPIC } from '#libs/kafka/topics.js';
import { eventKey, parseSentUsageEvent, type SentUsageEvent, UsageEventError } from '#libs/scoring/usage-event.js';
import { UsageSubjects } from '#libs/scoring/usage-subjects.js';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { EngineMetrics } from '../engine-metrics.js';
import { Loops } from '../loops.js';
import type { Rows } from '../scoring/scores.repository.js';
import { ScoringService } from '../scoring/scoring.service.js';
import { cadenceOfUsage, mergeUsage, type Use } from './merge-usage.js';
import { type GrantUsage, UsageRepository, type UseOf } from './usage.repository.js';

export const ENGINE_GROUP = 'decay-engine';

/** How many events share a transaction. */
const EVENTS_AT_ONCE = 5_000;
const SEEN_KEPT_DAYS = 401;
const FORGET_EVERY_MS = 3_600_000;
const FORGET_AT_ONCE = 20_000;

interface KnownEvent {
  key: string;
  use: UseOf;
}

/** Takes usage in: credits grants and rescores them in the same transaction, so that what counts as taken in can be seen. */
@Injectable()
export class UsageIngestService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loops = new Loops('forgetting old usage events');

  constructor(
    private readonly database: Database,
    private readonly subjects: UsageSubjects,
    private readonly usage: UsageRepository,
    private readonly scoring: ScoringService,
    private readonly metrics: EngineMetrics,
    @Inject(MESSAGE_BROKER) broker: MessageBroker,
  ) {
    metrics.watch('usage_lag_events', 'Usage events that the engine has not taken in yet.', async () =>
      (await broker.consumerLag(ENGINE_GROUP, [USAGE_TOPIC])).reduce((sum, { lag }) => sum + lag, 0),
    );
  }

  onApplicationBootstrap(): void {
    this.loops.start(FORGET_EVERY_MS, () =>
      this.database.bookkeeping((rows) => this.usage.forgetSeen(rows, SEEN_KEPT_DAYS, FORGET_AT_ONCE)),
    );
  }

  onModuleDestroy(): Promise<void> {
    return this.loops.stop();
  }

  /** Resolves when all of them are stored. @throws PoisonMessageError for those that are no events, or of things that are not there */
  async take(messages: readonly InboundMessage[]): Promise<void> {
    const events = await this.understand(messages);
    for (let start = 0; start < events.length; start += EVENTS_AT_ONCE) {
      await this.database.bookkeeping((rows) => this.takeIn(rows, events.slice(start, start + EVENTS_AT_ONCE)));
    }
  }

  private async understand(messages: readonly InboundMessage[]): Promise<KnownEvent[]> {
    const now = new Date();
    const poisoned: { index: number; reason: string }[] = [];
    const parsed = messages.flatMap(({ body }, index): { index: number; event: SentUsageEvent }[] => {
      try {
        return [{ index, event: parseSentUsageEvent(body, now) }];
      } catch (error) {
        if (!(error instanceof UsageEventError)) throw error;
        poisoned.push({ index, reason: error.message });
        return [];
      }
    });
    const subjects = await this.subjects.find(parsed.map(({ event }) => event));
    const known = parsed.flatMap(({ index, event }, place): KnownEvent[] => {
      const subject = subjects[place] ?? { missing: 'grant' };
      if (!('missing' in subject)) return [{ key: eventKey(event), use: { ...subject, usedAt: event.usedAt } }];
      poisoned.push({ index, reason: `names a ${subject.missing} that does not exist` });
      return [];
    });
    if (poisoned.length > 0) {
      this.metrics.took('unknown', poisoned.length);
      throw new PoisonMessageError(poisoned);
    }
    return known;
  }

  private async takeIn(rows: Rows, events: readonly KnownEvent[]): Promise<void> {
    // The first one stays, as it does where they come in apart.
    const once = new Map([...events].reverse().map((event) => [event.key, event]));
    const fresh = await this.usage.noteSeen(rows, [...once.keys()]);
    const uses = [...once.values()].filter(({ key }) => fresh.has(key)).map(({ use }) => use);
    const credited = uses.length > 0 ? await this.usage.credited(rows, uses) : [];
    const byGrant = usesByGrant(uses, credited);
    if (byGrant.size > 0) {
      await this.usage.store(rows, await this.merged(rows, byGrant));
      await this.usage.keep(rows, distinctUses(byGrant));
      await this.scoring.score(rows, { ids: [...byGrant.keys()] }, 'use');
    }
    const places = new Set(credited.map(({ place }) => place)).size;
    this.metrics.took('duplicate', events.length - uses.length);
    this.metrics.took('credited', places);
    this.metrics.took('uncredited', uses.length - places);
  }

  private async merged(rows: Rows, byGrant: ReadonlyMap<string, Use[]>): Promise<GrantUsage[]> {
    const first = [...byGrant].flatMap(([grantId, [use]]) => (use ? [{ grantId, ...use }] : []));
    const known = await this.usage.lock(rows, first);
    return [...byGrant].map(([grantId, uses]) => {
      const usage = mergeUsage(known.get(grantId) ?? null, uses);
      return { grantId, usage, cadence: cadenceOfUsage(usage) };
    });
  }
}

/** Each instant of a grant once, in the order of grants, which is that of the index. */
function distinctUses(byGrant: ReadonlyMap<string, readonly Use[]>): { grantId: string; usedAt: Date }[] {
  return [...byGrant.keys()].sort().flatMap((grantId) => {
    const instants = new Set(byGrant.get(grantId)?.map(({ usedAt }) => usedAt.getTime()));
    return [...instants].map((usedMs) => ({ grantId, usedAt: new Date(usedMs) }));
  });
}

function usesByGrant(uses: readonly UseOf[], credited: readonly { place: number; grantId: string }[]): Map<string, Use[]> {
  const byGrant = new Map<string, Use[]>();
  for (const { place, grantId } of credited) {
    const use = uses[place];
    if (!use) continue;
    const all = byGrant.get(grantId) ?? [];
    all.push({ usedAt: use.usedAt, inferred: !('grantId' in use) });
    byGrant.set(grantId, all);
  }
  return byGrant;
}
