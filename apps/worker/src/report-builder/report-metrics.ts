import { counter, gauge, histogram } from '#libs/observability/registered.js';
import { ReportJobs } from '#libs/reports/report-jobs.js';
import { Injectable } from '@nestjs/common';
import type { Counter, Gauge, Histogram } from 'prom-client';

/** What became of an attempt at a report. */
export type BuildOutcome = 'completed' | 'failed' | 'tried again' | 'cancelled' | 'lost' | 'given back';

/** What Prometheus is told of reports. Depth and age of the queue are asked for at each scrape. */
@Injectable()
export class ReportMetrics {
  private readonly attempts: Counter<'kind' | 'outcome'>;
  private readonly durations: Histogram<'kind' | 'format'>;

  constructor(jobs: ReportJobs) {
    this.attempts = counter({
      name: 'report_attempts_total',
      help: 'Attempts at building reports, by what became of them.',
      labelNames: ['kind', 'outcome'],
    });
    this.durations = histogram({
      name: 'report_build_duration_seconds',
      help: 'How long it took to build a report that was completed.',
      labelNames: ['kind', 'format'],
      buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 1_800],
    });
    const waiting = gauge({ name: 'reports_waiting', help: 'Reports that wait or are being built.', labelNames: ['status'] });
    gauge({
      name: 'reports_oldest_waiting_seconds',
      help: 'For how long the report that has waited longest could have been begun, in seconds.',
      async collect(this: Gauge): Promise<void> {
        const depth = await jobs.depth().catch(() => null);
        if (!depth) return;
        waiting.set({ status: 'queued' }, depth.queued);
        waiting.set({ status: 'running' }, depth.running);
        this.set(depth.oldestSeconds);
      },
    });
  }

  ended(kind: string, outcome: BuildOutcome): void {
    this.attempts.inc({ kind, outcome: outcome.replaceAll(' ', '_') });
  }

  built(kind: string, format: string, seconds: number): void {
    this.durations.observe({ kind, format }, seconds);
  }
}
