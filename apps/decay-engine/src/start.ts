import type { Config } from '#libs/config/config.js';
import { BatchServer } from '#libs/kafka/batch.server.js';
import { MESSAGE_BROKER, type MessageBroker } from '#libs/kafka/message.js';
import { serveMetrics } from '#libs/observability/metrics-server.js';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import { EngineMetrics } from './engine-metrics.js';
import { EngineModule } from './engine.module.js';
import { ENGINE_GROUP } from './usage-ingest/usage-ingest.service.js';

export interface RunningEngine {
  /** Stops after the batch and the ranges at hand. */
  close(): Promise<void>;
}

/** Starts the decay engine. Parts that are away do not stop the start: each is tried until it comes. */
export async function startDecayEngine(config: Config): Promise<RunningEngine> {
  const app = await NestFactory.create(EngineModule.forRoot(config), { bufferLogs: true, abortOnError: false });
  app.useLogger(app.get(Logger));
  const strategy = new BatchServer(app.get<MessageBroker>(MESSAGE_BROKER), ENGINE_GROUP, { observer: app.get(EngineMetrics) });
  app.connectMicroservice({ strategy });
  await app.init();
  await app.startAllMicroservices();
  const metrics = config.metricsPort === null ? null : await serveMetrics(config.metricsPort, config.host);
  return {
    close: async () => {
      metrics?.close();
      await app.close();
    },
  };
}
