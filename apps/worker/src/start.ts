import type { Config } from '#libs/config/config.js';
import { BatchServer } from '#libs/kafka/batch.server.js';
import { MESSAGE_BROKER, type MessageBroker } from '#libs/kafka/message.js';
import { serveMetrics } from '#libs/observability/metrics-server.js';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import type { Server } from 'node:http';
import { AUDIT_SINK_GROUP } from './audit-sink/audit-sink.service.js';
import { SinkMetrics } from './audit-sink/sink-metrics.js';
import { WorkerModule } from './worker.module.js';

export interface RunningWorker {
  close(): Promise<void>;
}

/** Starts the worker. Parts that are away do not stop the start: each is tried until it comes. */
export async function startWorker(config: Config): Promise<RunningWorker> {
  const app = await NestFactory.create(WorkerModule.forRoot(config), { bufferLogs: true, abortOnError: false });
  app.useLogger(app.get(Logger));
  const strategy = new BatchServer(app.get<MessageBroker>(MESSAGE_BROKER), AUDIT_SINK_GROUP, { observer: app.get(SinkMetrics) });
  app.connectMicroservice({ strategy });
  await app.init();
  await app.startAllMicroservices();
  const metrics: Server | null = config.metricsPort === null ? null : await serveMetrics(config.metricsPort, config.host);
  return {
    close: async () => {
      metrics?.close();
      await app.close();
    },
  };
}
