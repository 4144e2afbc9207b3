import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { RunSummary } from './run.js';

/** What Prometheus is told of a connector's runs. */
export class ConnectorMetrics {
  readonly registry = new Registry();
  private readonly runs = new Counter({
    name: 'connector_runs_total',
    help: 'Runs, by how they ended.',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  private readonly changes = new Counter({
    name: 'connector_changes_total',
    help: 'Changes at the gateway, by kind.',
    labelNames: ['kind'] as const,
    registers: [this.registry],
  });
  private readonly statements = new Counter({
    name: 'connector_usage_statements_total',
    help: 'Statements that were run at the target since the run before: all, those that could not be read, and those that name what could not be told.',
    labelNames: ['which'] as const,
    registers: [this.registry],
  });
  private readonly uses = new Counter({
    name: 'connector_usage_events_total',
    help: 'Uses of privileges that were sent, by whether the gateway took them.',
    labelNames: ['outcome'] as const,
    registers: [this.registry],
  });
  private readonly tracked = new Gauge({
    name: 'connector_usage_tracked',
    help: 'Whether the last run could see the use of privileges: 1 or 0.',
    registers: [this.registry],
  });
  private readonly duration = new Gauge({
    name: 'connector_last_run_duration_seconds',
    help: 'How long the last run took.',
    registers: [this.registry],
  });
  private readonly succeeded = new Gauge({
    name: 'connector_last_success_timestamp_seconds',
    help: 'When a run last ended well; 0 before the first.',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const outcome of ['done', 'stopped', 'failed', 'interrupted']) this.runs.inc({ outcome }, 0);
  }

  ended({ outcome, changed, usage, durationMs }: RunSummary): void {
    this.runs.inc({ outcome });
    this.duration.set(durationMs / 1000);
    if (outcome === 'done') this.succeeded.setToCurrentTime();
    for (const [kind, count] of Object.entries(changed)) this.changes.inc({ kind }, count);
    if (!usage) return;
    this.tracked.set(usage.tracked ? 1 : 0);
    this.statements.inc({ which: 'all' }, usage.statements);
    this.statements.inc({ which: 'unreadable' }, usage.unreadable);
    this.statements.inc({ which: 'unresolved' }, usage.unresolved);
    this.uses.inc({ outcome: 'accepted' }, usage.events);
    this.uses.inc({ outcome: 'rejected' }, usage.rejected);
  }
}
