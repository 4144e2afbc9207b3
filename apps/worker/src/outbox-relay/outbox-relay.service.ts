import { AuditLog } from '#libs/clickhouse/audit-log.js';
import type { Config } from '#libs/config/config.js';
import { ChainStore, CHECKPOINT_INTERVAL_MS, HeadMoved } from '#libs/events/chain-store.js';
import { parseSigningKey, type SigningKey } from '#libs/events/chain-keys.js';
import { eventMessage } from '#libs/kafka/event-message.js';
import { MESSAGE_BROKER, type MessageBroker } from '#libs/kafka/message.js';
import { EVENTS_TOPIC } from '#libs/kafka/topics.js';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { setTimeout as pause } from 'node:timers/promises';
import { Retention } from '../maintenance/retention.js';
import { whileLeading } from './leadership.js';
import { RelayMetrics } from './relay-metrics.js';
import { assertNotRestored, ChainBehind } from './restore-check.js';

/** How often the outbox is looked at while it is empty, in milliseconds. */
const POLL_MS = 100;
const TROUBLE_MS = 1_000;
const REFUSAL_MS = 15_000;
const PUBLISH_BATCH = 2_000;
const TIDY_UP_MS = 3_600_000;

/** The outbox relay: gives every committed event its place in the chain, and publishes it. One is active at a time; any other waits to take over. */
@Injectable()
export class OutboxRelay implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(OutboxRelay.name);
  private readonly stopping = new AbortController();
  private readonly key: SigningKey;
  private running: Promise<void> = Promise.resolve();
  private lastTrouble = '';

  constructor(
    private readonly config: ConfigService<Config, true>,
    private readonly chain: ChainStore,
    private readonly log: AuditLog,
    @Inject(MESSAGE_BROKER) private readonly broker: MessageBroker,
    private readonly metrics: RelayMetrics,
    private readonly retention: Retention,
  ) {
    const key = config.get('auditSigningKey', { infer: true });
    if (key === null) throw new Error('API_AUDIT_SIGNING_KEY is required by the worker');
    this.key = parseSigningKey(key);
  }

  onApplicationBootstrap(): void {
    const url = this.config.get('databaseUrl', { infer: true });
    this.running = whileLeading(
      url,
      this.stopping.signal,
      (leading) => this.lead(leading),
      (error) => this.note(error),
    );
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async lead(leading: AbortSignal): Promise<void> {
    try {
      if (!(await this.mayGoOn(leading))) return;
      await this.chain.registerKey(this.key, new Date());
      this.logger.log({ msg: 'this relay is the active one', keyId: this.key.keyId });
      this.metrics.setActive(true);
      // Apart: events get their places, and their checkpoints, also while Kafka is away.
      const term = new AbortController();
      const signal = AbortSignal.any([leading, term.signal]);
      const loops = [
        this.repeat(signal, () => this.sequence()),
        this.repeat(signal, () => this.publish()),
        this.repeat(signal, () => this.tidyUp(), TIDY_UP_MS),
      ];
      try {
        await Promise.race(loops);
      } finally {
        term.abort();
        // The lock is kept until all have ended, lest two relays of one installation publish at once.
        await Promise.allSettled(loops);
      }
    } finally {
      this.metrics.setActive(false);
    }
  }

  /** Answers true once it is certain that PostgreSQL was not restored behind what it gave out; false where the lead is lost first. */
  private async mayGoOn(leading: AbortSignal): Promise<boolean> {
    while (!leading.aborted) {
      try {
        await assertNotRestored(this.chain, this.log);
        this.metrics.setRefusing(false);
        return true;
      } catch (error) {
        const refusal = error instanceof ChainBehind;
        this.metrics.setRefusing(refusal);
        if (refusal) this.logger.error({ msg: 'the relay refuses to go on', reason: error.message });
        else this.note(error as Error);
        await pause(refusal ? REFUSAL_MS : TROUBLE_MS, undefined, { signal: leading }).catch(() => undefined);
      }
    }
    return false;
  }

  /** Runs `step` until the lead is lost. A step answers whether there may be more to do at once. @throws HeadMoved */
  private async repeat(leading: AbortSignal, step: () => Promise<boolean>, idleMs = POLL_MS): Promise<void> {
    while (!leading.aborted) {
      let delayMs = idleMs;
      try {
        if (await step()) delayMs = 0;
      } catch (error) {
        if (error instanceof HeadMoved) throw error;
        this.note(error as Error);
        delayMs = TROUBLE_MS;
      }
      if (delayMs > 0) await pause(delayMs, undefined, { signal: leading }).catch(() => undefined);
    }
  }

  private lastCheckpointAt = 0;
  private lastCheckpointed = 0;

  private async sequence(): Promise<boolean> {
    const now = new Date();
    const { head, events } = await this.chain.extend(this.key, now);
    if (events > 0) {
      this.metrics.sequenced(events, head.sequence);
      this.logger.debug({ msg: 'sequenced', from: head.sequence - events + 1, to: head.sequence });
    }
    if (head.sequence > this.lastCheckpointed && now.getTime() - this.lastCheckpointAt >= CHECKPOINT_INTERVAL_MS) {
      await this.chain.checkpoint(this.key, now);
      this.lastCheckpointAt = now.getTime();
      this.lastCheckpointed = head.sequence;
    }
    return events > 0;
  }

  private async publish(): Promise<boolean> {
    const { published } = await this.chain.state();
    const events = await this.chain.eventsAfter(published, PUBLISH_BATCH);
    const last = events.at(-1);
    if (!last) return false;
    await this.broker.producer.send(EVENTS_TOPIC, events.map(eventMessage));
    await this.chain.setPublished(last.sequence);
    this.metrics.published(last.sequence);
    this.logger.debug({ msg: 'published', from: published + 1, to: last.sequence });
    return events.length === PUBLISH_BATCH;
  }

  private async tidyUp(): Promise<boolean> {
    const now = new Date();
    const answers = await this.retention.forgetOldAnswers(now);
    const days = this.config.get('eventRetentionDays', { infer: true });
    const base = days === null ? null : await this.retention.prune(days, now);
    if (answers > 0 || base !== null) this.logger.log({ msg: 'tidied up', answersForgotten: answers, eventsPrunedTo: base });
    return false;
  }

  private note(error: Error): void {
    const level = error.message === this.lastTrouble ? 'debug' : 'warn';
    this.lastTrouble = error.message;
    this.logger[level]({ msg: 'the relay could not go on and tries again', reason: error.message });
  }
}
