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

/** How long answers may take once no more connections are taken, in milliseconds; with the drain, less than orchestrators wait before they kill. */
const LAST_ANSWERS_MS = 15_000;

/** How long a closing server waits for what a client may be about to finish sending, in milliseconds. */
const QUIET_MS = 1_000;

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
  const { address, port, family } = app.getHttpServer().address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `http://${host === '0.0.0.0' || host === '[::]' ? '127.0.0.1' : host}:${port}`,
    app,
    close: async (drainSeconds = config.drainSeconds) => {
      app.get(Draining).start();
      await delay(drainSeconds * 1000);
      metrics?.close();
      const cutting = cutLateSenders(app);
      await app.close().finally(() => clearInterval(cutting));
    },
  };
}

/**
 * From now on cuts connections on which nothing is being answered for a second, and all of them at the latest when `LAST_ANSWERS_MS` are over.
 * Without it a client that never finishes sending, or never begins, would keep a closing server alive for ever: Node stops looking at its
 * time-outs then.
 */
function cutLateSenders(app: NestExpressApplication): NodeJS.Timeout {
  const draining = app.get(Draining);
  const latest = performance.now() + LAST_ANSWERS_MS;
  let quietSince = performance.now();
  return setInterval(() => {
    const now = performance.now();
    if (draining.answering) quietSince = now;
    if (now < latest && now - quietSince < QUIET_MS) return;
    app.getHttpServer().closeAllConnections();
  }, QUIET_MS / 10);
}
