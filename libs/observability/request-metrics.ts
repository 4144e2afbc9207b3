import { Injectable } from '@nestjs/common';
import { InjectMetric, makeCounterProvider, makeGaugeProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import type { Counter, Gauge, Histogram } from 'prom-client';

const LABELS = ['method', 'route', 'status'] as const;
type Label = (typeof LABELS)[number];

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What Prometheus is told of requests: by route template and status, never by address, so that the number of series stays bounded. */
@Injectable()
export class RequestMetrics {
  constructor(
    @InjectMetric('http_request_duration_seconds') private readonly durations: Histogram<Label>,
    @InjectMetric('http_request_errors_total') private readonly errors: Counter<Label>,
    @InjectMetric('http_requests_in_flight') private readonly inFlight: Gauge,
  ) {}

  started(): void {
    this.inFlight.inc();
  }

  ended(method: string, route: string, status: number, seconds: number): void {
    const labels = { method: METHODS.has(method) ? method : 'other', route, status: String(status) };
    this.inFlight.dec();
    this.durations.observe(labels, seconds);
    if (status >= 500) this.errors.inc(labels);
  }
}

export const REQUEST_METRICS = [
  RequestMetrics,
  makeHistogramProvider({
    name: 'http_request_duration_seconds',
    help: 'How long requests took, from their first byte read to their last byte written.',
    labelNames: [...LABELS],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  }),
  makeCounterProvider({
    name: 'http_request_errors_total',
    help: 'Requests that were answered with a status of 500 or more.',
    labelNames: [...LABELS],
  }),
  makeGaugeProvider({ name: 'http_requests_in_flight', help: 'Requests that are being answered.' }),
];
