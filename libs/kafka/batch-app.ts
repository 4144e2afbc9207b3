import type { Config } from '#libs/config/config.js';
import { serveMetrics } from '#libs/observability/metrics-server.js';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Logger } from 'nestjs-pino';
import type { DeliveryObserver } from './batch-delivery.js';
import { BatchServer } from './batch.server.js';
import { MESSAGE_BROKER, type MessageBroker } from './message.js';

export interface BatchApp {
  module: DynamicModule;
  /** The consumer group of its handlers. */
  group: string;
  /** The provider that is told how deliveries go. */
  observer: Type<DeliveryObserver>;
}

export interface RunningApp {
  /** Stops after what is at hand. */
  close(): Promise<void>;
}

/**
 * Starts an app that answers no requests: it takes batches of messages, works by itself, and shows its metrics on a port of their own where
 * there is one. Parts that are away do not stop the start: each is tried until it comes.
 */
export async function startBatchApp(config: Config, { module, group, observer }: BatchApp): Promise<RunningApp> {
  const app = await NestFactory.create(module, { bufferLogs: true, abortOnError: false });
  app.useLogger(app.get(Logger));
  const strategy = new BatchServer(app.get<MessageBroker>(MESSAGE_BROKER), group, { observer: app.get(observer) });
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
