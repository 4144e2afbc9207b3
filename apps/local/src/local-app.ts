import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config, Environment } from '#libs/config/config.js';
import { loadConfig } from '#libs/config/config.js';
import type { DataFolder } from './data-folder.js';
import { openDataFolder } from './data-folder.js';
import { keptSigningKey } from './audit-signing-key.js';
import { ensureDemo } from './demo.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import type { LocalSettings } from './local-settings.js';
import { localSettings } from './local-settings.js';
import { StartError, StopRequest, systemCode } from './start-error.js';

/** The whole application in this process. */
export interface LocalApp {
  /** Where it answers, without a slash at its end. */
  origin: string;
  /** Resolves, with the reason, when a part that it cannot do without has ended by itself. */
  lost: Promise<string>;
  /** Stops all parts in turn and gives the data folder back; again: the same stop. */
  stop(): Promise<void>;
}

interface Plan {
  settings: LocalSettings;
  config: Config;
  hasEmbeddedDatabase: boolean;
}

const CHDB = 'chdb';
/** Stands in for the address of the embedded database, which is known once it runs. */
const TO_BE_EMBEDDED = 'postgresql://127.0.0.1/embedded';

/**
 * Starts everything that `environment` does not name as running elsewhere. What it says to the user goes through `say`.
 *
 * @throws StartError, ConfigError with what the user can put right; nothing is left running
 */
export async function startLocalApp(environment: Environment, signal: AbortSignal, say: (line: string) => void): Promise<LocalApp> {
  const plan = readPlan(environment, say);
  await assertPortIsFree(plan.config);
  const closers: (() => Promise<void>)[] = [];
  const stop = stopOnce(closers);
  try {
    const folder = await openDataFolder(plan.settings.dataDir);
    closers.push(() => folder.release());
    // Made here, since the data folder lets others pass through.
    await mkdir(path.join(folder.path, CHDB), { recursive: true, mode: 0o700 });
    return { ...(await startParts(plan, folder, { signal, say, closers })), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readPlan(environment: Environment, say: (line: string) => void): Plan {
  const { settings, warnings: localWarnings } = localSettings(environment);
  const defaults = {
    API_DATABASE_URL: TO_BE_EMBEDDED,
    API_CLICKHOUSE_URL: `chdb://${pathToFileURL(path.join(settings.dataDir, CHDB)).pathname}`,
    API_KAFKA_BOOTSTRAP: 'in-process',
    API_REPORT_STORAGE_URL: pathToFileURL(path.join(settings.dataDir, 'reports')).href,
    API_AUTH_MODE: 'dev',
    API_HOST: '127.0.0.1',
    // Nothing that balances load stands before a laptop.
    API_DRAIN_SECONDS: '0',
  };
  const { config, warnings } = loadConfig(environment, defaults);
  for (const warning of [...localWarnings, ...warnings]) say(warning);
  return { settings, config, hasEmbeddedDatabase: config.databaseUrl === TO_BE_EMBEDDED };
}

interface Surroundings {
  signal: AbortSignal;
  say: (line: string) => void;
  closers: (() => Promise<void>)[];
}

async function startParts(plan: Plan, folder: DataFolder, { signal, say, closers }: Surroundings): Promise<Omit<LocalApp, 'stop'>> {
  // Loading the gateway's code takes about as long as PostgreSQL takes to start.
  const code = Promise.all([
    import('#apps/gateway/src/start.js'),
    import('#apps/worker/src/start.js'),
    import('#apps/decay-engine/src/start.js'),
    import('#libs/database/migrate.js'),
  ]);
  code.catch(() => undefined);
  let { config } = plan;
  let lost = new Promise<string>(() => undefined);
  if (plan.hasEmbeddedDatabase) {
    const postgres = await startEmbeddedPostgres(folder.path, signal);
    closers.push(() => postgres.stop());
    config = { ...config, databaseUrl: postgres.url };
    lost = postgres.exited.then(() => `The embedded PostgreSQL has ended; ${path.join(folder.path, 'postgres.log')} says why.`);
  }
  const [{ startGateway }, { startWorker }, { startDecayEngine }, { migrate }] = await code;
  signal.throwIfAborted();
  await migrate(config.databaseUrl).catch((error: unknown) => {
    throw new StartError(`The database cannot be used: ${systemCode(error) ?? (error as Error).message}`);
  });
  signal.throwIfAborted();
  const gateway = await startGateway(config).catch((error: unknown) => {
    throw portProblem(error, config) ?? error;
  });
  // Who presses Ctrl-C waits for it.
  closers.push(() => gateway.close(isCtrlC(signal) ? 0 : config.drainSeconds));
  const auditSigningKey = config.auditSigningKey ?? (await keptSigningKey(folder.path));
  const worker = await startWorker({ ...config, auditSigningKey, metricsPort: null });
  closers.push(() => worker.close());
  const engine = await startDecayEngine({ ...config, metricsPort: null });
  closers.push(() => engine.close());
  if (plan.settings.demo) await showDemo(plan, config, folder, gateway.url, signal, say);
  return { origin: gateway.url, lost };
}

/** A demo that cannot be loaded is no reason not to run: it is said, and the next start tries again. */
async function showDemo(plan: Plan, config: Config, folder: DataFolder, origin: string, signal: AbortSignal, say: (line: string) => void) {
  if (config.authMode !== 'dev') {
    say('No demo data is loaded: that needs API_AUTH_MODE dev.');
    return;
  }
  try {
    await ensureDemo(folder.path, plan.hasEmbeddedDatabase ? null : config.databaseUrl, origin, signal);
  } catch (error) {
    signal.throwIfAborted();
    say(`The demo data was not loaded in full, the next start goes on with it: ${(error as Error).message}`);
  }
}

/** Asked before anything is started, so that a second start in the same place changes nothing; the gateway may still find it taken. */
async function assertPortIsFree(config: Config): Promise<void> {
  const server = createServer();
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    throw portProblem(error, config) ?? error;
  }
  server.close();
  await once(server, 'close');
}

function portProblem(error: unknown, { host, port }: Config): StartError | null {
  const code = systemCode(error);
  if (code === 'EADDRINUSE') return new StartError(`Port ${port} on ${host} is in use; set API_PORT to another one.`);
  if (code === 'EACCES') return new StartError(`Port ${port} on ${host} is not allowed to this user; set API_PORT to another one.`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return new StartError('API_HOST is no address of this machine.');
  return null;
}

const isCtrlC = ({ reason }: AbortSignal): boolean => reason instanceof StopRequest && reason.by === 'SIGINT';

function stopOnce(closers: (() => Promise<void>)[]): () => Promise<void> {
  let stopped: Promise<void> | null = null;
  return () => (stopped ??= closeInTurn(closers));
}

async function closeInTurn(closers: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  // The last one started goes first; one that fails must not keep the others running.
  for (const close of [...closers].reverse()) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
