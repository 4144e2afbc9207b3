import type { Config } from '#libs/config/config.js';
import { type RunningApp, startBatchApp } from '#libs/kafka/batch-app.js';
import { AUDIT_SINK_GROUP } from './audit-sink/audit-sink.service.js';
import { SinkMetrics } from './audit-sink/sink-metrics.js';
import { WorkerModule } from './worker.module.js';

export function startWorker(config: Config): Promise<RunningApp> {
  return startBatchApp(config, { module: WorkerModule.forRoot(config), group: AUDIT_SINK_GROUP, observer: SinkMetrics });
}
