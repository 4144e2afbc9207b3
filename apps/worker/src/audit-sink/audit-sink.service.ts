import { AuditLog, type LoggedEvent } from '#libs/clickhouse/audit-log.js';
import { ChainStore } from '#libs/events/chain-store.js';
import { type InboundMessage, PoisonMessageError } from '#libs/kafka/message.js';
import { Injectable, Logger } from '@nestjs/common';
import { loggedEvent } from './logged-event.js';
import { SinkMetrics } from './sink-metrics.js';

export const AUDIT_SINK_GROUP = 'audit-sink';

/** The audit sink: makes the log in ClickHouse of the events on the topic, and notes up to which event it is complete. */
@Injectable()
export class AuditSink {
  private readonly logger = new Logger(AuditSink.name);

  constructor(
    private readonly log: AuditLog,
    private readonly chain: ChainStore,
    private readonly metrics: SinkMetrics,
  ) {}

  /** Resolves when ClickHouse has the events. @throws PoisonMessageError for messages that are no events; others for what may pass */
  async take(messages: readonly InboundMessage[]): Promise<void> {
    const events = await this.eventsOf(messages);
    await this.log.insert(events);
    const completeTo = await this.log.contiguousTo(await this.chain.completeTo());
    await this.chain.setCompleteTo(completeTo);
    this.metrics.took(events.length, completeTo);
    const sequences = events.map(({ sequence }) => sequence);
    this.logger.debug({ msg: 'logged', events: events.length, from: Math.min(...sequences), to: Math.max(...sequences), completeTo });
  }

  /** An event that is another than the chain's own of its number is none; what has been pruned since comes into no log again. */
  private async eventsOf(messages: readonly InboundMessage[]): Promise<LoggedEvent[]> {
    const [read, { base }] = [messages.map(loggedEvent), await this.chain.state()];
    const hashes = await this.chain.hashesOf(read.flatMap((event) => (typeof event === 'string' ? [] : [event.sequence])));
    const events: LoggedEvent[] = [];
    const poisoned: { index: number; reason: string }[] = [];
    for (const [index, event] of read.entries()) {
      if (typeof event === 'string') poisoned.push({ index, reason: event });
      else if ((hashes.get(event.sequence) ?? event.hash) !== event.hash)
        poisoned.push({ index, reason: 'is another event than the chain has' });
      else if (event.sequence > base.sequence) events.push(event);
    }
    if (poisoned.length > 0) throw new PoisonMessageError(poisoned);
    return events;
  }
}
