import { ChainStore } from '#libs/events/chain-store.js';
import type { DeliveryObserver } from '#libs/kafka/batch-delivery.js';
import { counter, gauge } from '#libs/observability/registered.js';
import { Injectable } from '@nestjs/common';
import type { Gauge } from 'prom-client';

/** What Prometheus is told of the audit sink. */
@Injectable()
export class SinkMetrics implements DeliveryObserver {
  private readonly events = counter({
    name: 'audit_sink_events_total',
    help: 'Events written to ClickHouse, redelivered ones counted again.',
  });
  private readonly deadLetters = counter({
    name: 'dead_letters_total',
    help: 'Messages put on a dead-letter topic.',
    labelNames: ['topic'],
  });
  private readonly failures = counter({
    name: 'consumer_failures_total',
    help: 'Batches that could not be taken and were tried again.',
    labelNames: ['topic'],
  });
  private readonly completeTo = gauge({ name: 'audit_complete_sequence', help: 'The event up to which the audit log is complete.' });

  constructor(chain: ChainStore) {
    gauge({
      name: 'audit_sink_lag_events',
      help: 'Events that have their place in the chain and are not in the audit log yet.',
      async collect(this: Gauge) {
        const lag = await Promise.all([chain.state(), chain.completeTo()]).catch(() => null);
        if (lag) this.set(Math.max(0, lag[0].sequence - lag[1]));
      },
    });
  }

  took(events: number, completeTo: number): void {
    this.events.inc(events);
    this.completeTo.set(completeTo);
  }

  failed(topic: string): void {
    this.failures.inc({ topic });
  }

  deadLettered(topic: string, count: number): void {
    this.deadLetters.inc({ topic }, count);
  }
}
