import { ChainStore } from '#libs/events/chain-store.js';
import { counter, gauge } from '#libs/observability/registered.js';
import { Injectable } from '@nestjs/common';
import type { Gauge } from 'prom-client';

/** What Prometheus is told of the relay. Depth and age are asked for at each scrape. */
@Injectable()
export class RelayMetrics {
  private readonly active = gauge({ name: 'outbox_relay_active', help: 'Whether this process is the active relay: 1 or 0.' });
  private readonly refusing = gauge({
    name: 'outbox_relay_refusing',
    help: 'Whether the relay refuses to go on because PostgreSQL is behind the log: 1 or 0.',
  });
  private readonly sequence = gauge({ name: 'outbox_sequence', help: 'The last event that has its place in the chain.' });
  private readonly publishedTo = gauge({ name: 'outbox_published_sequence', help: 'The last event that Kafka has.' });
  private readonly events = counter({ name: 'outbox_events_sequenced_total', help: 'Events that were given their place in the chain.' });

  constructor(chain: ChainStore) {
    const depth = gauge({ name: 'outbox_depth', help: 'Events that wait for their place in the chain.' });
    gauge({
      name: 'outbox_oldest_seconds',
      help: 'How long the oldest of them has waited, in seconds.',
      async collect(this: Gauge) {
        const waiting = await chain.waiting().catch(() => null);
        if (!waiting) return;
        depth.set(waiting.events);
        this.set(waiting.oldestSeconds);
      },
    });
  }

  setActive(active: boolean): void {
    this.active.set(active ? 1 : 0);
  }

  setRefusing(refusing: boolean): void {
    this.refusing.set(refusing ? 1 : 0);
  }

  sequenced(events: number, sequence: number): void {
    this.events.inc(events);
    this.sequence.set(sequence);
  }

  published(sequence: number): void {
    this.publishedTo.set(sequence);
  }
}
