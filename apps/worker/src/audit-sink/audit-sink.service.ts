import { AuditLog, type LoggedEvent } from '#libs/clickhouse/audit-log.js';
import { ChainStore } from '#libs/events/chain-store.js';
import { eventHash, isHash } from '#libs/events/chain.js';
import { type InboundMessage, PoisonMessageError } from '#libs/kafka/message.js';
import { Injectable, Logger } from '@nestjs/common';
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
    const events = eventsOf(messages);
    await this.log.insert(events);
    const completeTo = await this.log.contiguousTo(await this.chain.completeTo());
    await this.chain.setCompleteTo(completeTo);
    const sequences = events.map(({ sequence }) => sequence);
    this.metrics.took(events.length, completeTo);
    this.logger.debug({ msg: 'logged', events: events.length, from: Math.min(...sequences), to: Math.max(...sequences), completeTo });
  }
}

/** The events in messages of the topic; a message whose bytes do not fit its hash is no event of ours. */
function eventsOf(messages: readonly InboundMessage[]): LoggedEvent[] {
  const poisoned: { index: number; reason: string }[] = [];
  const events = messages.flatMap(({ headers, value }, index) => {
    const event = {
      sequence: Number(headers['ce_sequence']),
      prevHash: headers['ce_prevhash'] ?? '',
      hash: headers['ce_hash'] ?? '',
      canonical: value,
    };
    if (Number.isSafeInteger(event.sequence) && isHash(event.prevHash) && eventHash(event.prevHash, value) === event.hash) return [event];
    poisoned.push({ index, reason: 'is no event of the chain: its hash does not fit its bytes' });
    return [];
  });
  if (poisoned.length > 0) throw new PoisonMessageError(poisoned);
  return events;
}
