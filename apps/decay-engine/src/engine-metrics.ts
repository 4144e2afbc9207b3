import type { DeliveryObserver } from '#libs/kafka/batch-delivery.js';
import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram, register } from 'prom-client';

/** Why grants were scored: a use, a change of what else a score depends on, or time. */
export type ScoringCause = 'use' | 'change' | 'schedule';

/** What became of a usage event: it moved a grant, it was there already, no grant could have allowed it, or it names what does not exist. */
export type UsageOutcome = 'credited' | 'duplicate' | 'uncredited' | 'unknown';

/** What Prometheus is told of the decay engine. What has to be asked for is set by those who know, see `watch`. */
@Injectable()
export class EngineMetrics implements DeliveryObserver {
  private readonly events = counter('usage_events_total', 'Usage events that the engine took in, by what became of them.', 'outcome');
  private readonly deadLetters = counter('usage_dead_letters_total', 'Usage events put on the dead-letter topic.', 'topic');
  private readonly failures = counter(
    'usage_batch_failures_total',
    'Batches of usage events that could not be taken and were tried again.',
    'topic',
  );
  private readonly rows = counter('scored_grants_total', 'Scores that were computed, by why.', 'cause');
  private readonly bands = gauge('scores', 'Grants by the band of their score, as of the last count.', 'band');
  private readonly run = gauge('rescoring_run_duration_seconds', 'How long the last scheduled run took from its begin to its last range.');
  private readonly range: Histogram;

  constructor() {
    register.removeSingleMetric('rescoring_range_duration_seconds');
    this.range = new Histogram({
      name: 'rescoring_range_duration_seconds',
      help: 'How long one range of a scheduled run took.',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    });
  }

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
    register.removeSingleMetric(name);
    new Gauge({
      name,
      help,
      async collect() {
        const value = await ask().catch(() => null);
        if (value === null) this.reset();
        else this.set(value);
      },
    });
  }
}

// The registry is one for the process; an engine that starts in it anew takes its figures over.
function counter<Label extends string>(name: string, help: string, label: Label): Counter<Label> {
  register.removeSingleMetric(name);
  return new Counter({ name, help, labelNames: [label] });
}

function gauge<Label extends string>(name: string, help: string, ...labelNames: Label[]): Gauge<Label> {
  register.removeSingleMetric(name);
  return new Gauge({ name, help, labelNames });
}
