import {
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  register,
} from 'prom-client';

// The registry is one for the process. What starts anew in it, as the local app and tests do, takes its figures over from the one before.

export function counter<Label extends string = never>(configuration: CounterConfiguration<Label>): Counter<Label> {
  register.removeSingleMetric(configuration.name);
  return new Counter(configuration);
}

export function gauge<Label extends string = never>(configuration: GaugeConfiguration<Label>): Gauge<Label> {
  register.removeSingleMetric(configuration.name);
  return new Gauge(configuration);
}

export function histogram<Label extends string = never>(configuration: HistogramConfiguration<Label>): Histogram<Label> {
  register.removeSingleMetric(configuration.name);
  return new Histogram(configuration);
}
