import type { Config } from '#libs/config/config.js';
import { Draining } from '#libs/observability/draining.js';
import { serveMetrics } from '#libs/observability/metrics-server.js';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Logger } from 'nestjs-pino';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { GatewayAdapter } from './http/gateway.adapter.js';

export interface RunningGateway {
  /** Where it listens: `http://127.0.0.1:8000`. */
  url: string;
  app: NestExpressApplication;
  /**
   * Stops without dropping a request: readiness turns red, `drainSeconds` later (the configuration's where it is not given) no more
   * connections are taken, and what is under way is finished.
   */
  close(drainSeconds?: number): Promise<void>;
}

/** The gateway, configured but not listening: for tests and for its document. */
export async function createGateway(config: Config): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(config), new GatewayAdapter(), {
    bodyParser: false,
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  configureApp(app, config);
  return app;
}

/**
 * Starts the gateway; resolves when it listens.
 *
 * @throws Error with `code` EADDRINUSE where the port is taken
 */
export async function startGateway(config: Config): Promise<RunningGateway> {
  const app = await createGateway(config);
  let metrics: Server | undefined;
  try {
    await app.listen(config.port, config.host);
    metrics = config.metricsPort === null ? undefined : await serveMetrics(config.metricsPort, config.host);
  } catch (error) {
    await app.close();
    throw error;
  }
  const { address, port, family } = (app.getHttpServer() as Server).address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host}:${port}`,
    app,
    close: async (drainSeconds = config.drainSeconds) => {
      app.get(Draining).start();
      await delay(drainSeconds * 1000);
      metrics?.close();
      await app.close();
    },
  };
}
