import { ChainStore } from '#libs/events/chain-store.js';
import { Injectable } from '@nestjs/common';
import { Counter, Gauge, register } from 'prom-client';

/** What Prometheus is told of the relay. Depth and age are asked for at each scrape. */
@Injectable()
export class RelayMetrics {
  private readonly active = gauge('outbox_relay_active', 'Whether this process is the active relay: 1 or 0.');
  private readonly refusing = gauge(
    'outbox_relay_refusing',
    'Whether the relay refuses to go on because PostgreSQL is behind the log: 1 or 0.',
  );
  private readonly sequence = gauge('outbox_sequence', 'The last event that has its place in the chain.');
  private readonly publishedTo = gauge('outbox_published_sequence', 'The last event that Kafka has.');
  private readonly events = counter('outbox_events_sequenced_total', 'Events that were given their place in the chain.');

  constructor(chain: ChainStore) {
    const depth = gauge('outbox_depth', 'Events that wait for their place in the chain.');
    gauge('outbox_oldest_seconds', 'How long the oldest of them has waited, in seconds.', async function collect(this: Gauge) {
      const waiting = await chain.waiting().catch(() => null);
      if (!waiting) return;
      depth.set(waiting.events);
      this.set(waiting.oldestSeconds);
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

function gauge(name: string, help: string, collect?: (this: Gauge) => Promise<void>): Gauge {
  register.removeSingleMetric(name);
  return new Gauge({ name, help, ...(collect ? { collect } : {}) });
}

function counter(name: string, help: string): Counter {
  register.removeSingleMetric(name);
  return new Counter({ name, help });
}
