import type { Config } from '#libs/config/config.js';
import { type RunningApp, startBatchApp } from '#libs/kafka/batch-app.js';
import { EngineMetrics } from './engine-metrics.js';
import { EngineModule } from './engine.module.js';
import { ENGINE_GROUP } from './usage-ingest/usage-ingest.service.js';

export function startDecayEngine(config: Config): Promise<RunningApp> {
  return startBatchApp(config, { module: EngineModule.forRoot(config), group: ENGINE_GROUP, observer: EngineMetrics });
}
