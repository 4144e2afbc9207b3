import type { DeliveryObserver } from '#libs/kafka/batch-delivery.js';
import { counter, gauge, histogram } from '#libs/observability/registered.js';
import { Injectable } from '@nestjs/common';
import type { Gauge } from 'prom-client';

/** Why grants were scored: a use, a change of what else a score depends on, or time. */
export type ScoringCause = 'use' | 'change' | 'schedule';

/** What became of a usage event: it moved a grant, it was there already, no grant could have allowed it, or it names what does not exist. */
export type UsageOutcome = 'credited' | 'duplicate' | 'uncredited' | 'unknown';

/** What Prometheus is told of the decay engine. What has to be asked for is set by those who know, see `watch`. */
@Injectable()
export class EngineMetrics implements DeliveryObserver {
  private readonly events = counter({
    name: 'usage_events_total',
    help: 'Usage events that the engine took in, by what became of them.',
    labelNames: ['outcome'],
  });
  private readonly deadLetters = counter({
    name: 'usage_dead_letters_total',
    help: 'Usage events put on the dead-letter topic.',
    labelNames: ['topic'],
  });
  private readonly failures = counter({
    name: 'usage_batch_failures_total',
    help: 'Batches of usage events that could not be taken and were tried again.',
    labelNames: ['topic'],
  });
  private readonly rows = counter({ name: 'scored_grants_total', help: 'Scores that were computed, by why.', labelNames: ['cause'] });
  private readonly bands = gauge({
    name: 'scores',
    help: 'Grants by the band of their score, as of the last count.',
    labelNames: ['band'],
  });
  private readonly run = gauge({
    name: 'rescoring_run_duration_seconds',
    help: 'How long the last scheduled run took from its begin to its last range.',
  });
  private readonly range = histogram({
    name: 'rescoring_range_duration_seconds',
    help: 'How long one range of a scheduled run took.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });

  took(outcome: UsageOutcome, count: number): void {
    if (count > 0) this.events.inc({ outcome }, count);
  }

  failed(topic: string): void {
    this.failures.inc({ topic });
  }

  deadLettered(topic: string, count: number): void {
    this.deadLetters.inc({ topic }, count);
  }

  scored(cause: ScoringCause, count: number): void {
    this.rows.inc({ cause }, count);
  }

  rangeDone(seconds: number): void {
    this.range.observe(seconds);
  }

  runDone(seconds: number): void {
    this.run.set(seconds);
  }

  countedBands(counts: readonly { band: string; count: number }[]): void {
    this.bands.reset();
    for (const { band, count } of counts) this.bands.set({ band }, count);
  }

  /** Asks at each scrape; a part that is away leaves the figure out. */
  watch(name: 'usage_lag_events' | 'score_history_waiting', help: string, ask: () => Promise<number>): void {
    gauge({
      name,
      help,
      async collect(this: Gauge) {
        const value = await ask().catch(() => null);
        if (value === null) this.reset();
        else this.set(value);
      },
    });
  }
}
