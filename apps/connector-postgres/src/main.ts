import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '#libs/config/config.js';
import { type ConnectorConfig, loadConnectorConfig } from './connector.config.js';
import { ConnectorMetrics } from './connector-metrics.js';
import { HealthServer } from './health.server.js';
import { ProgressBar } from './progress-bar.js';
import { run, type RunSummary } from './run.js';
import { UsageStateStore } from './usage/usage-state.js';

/** A run that a safeguard stopped wants a person's word, and not just another try. */
const EXIT_CODES: Readonly<Record<RunSummary['outcome'], number>> = { done: 0, interrupted: 0, failed: 1, stopped: 2 };

/** A run begins up to this share of the interval later than it is due. */
const JITTER = 0.1;

const warn = (line: string): void => console.error(line);

function readConfig(): ConnectorConfig | null {
  try {
    const { config, warnings } = loadConnectorConfig(process.env);
    warnings.forEach(warn);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    warn(error.message);
    return null;
  }
}

/** Everything that the runs of one process share. */
interface Runs {
  config: ConnectorConfig;
  signal: AbortSignal;
  store: UsageStateStore;
  health: HealthServer;
}

/** Summaries go to stdout, a line each; what a person has to know also goes to stderr. */
async function runAndTell({ config, signal, store, health }: Runs): Promise<RunSummary> {
  const bar = new ProgressBar();
  const summary = await run(config, signal, warn, { store, onProgress: bar.show }).finally(() => bar.end());
  health.ended(summary);
  console.log(JSON.stringify(summary));
  if (summary.reason !== null) warn(summary.reason);
  return summary;
}

async function runEvery(intervalMs: number, runs: Runs): Promise<void> {
  const { signal } = runs;
  for (let dueAtMs = performance.now(); !signal.aborted;) {
    await runAndTell(runs);
    // A run that took longer than the interval is followed at once, and not by all those that it kept from starting.
    dueAtMs = Math.max(dueAtMs + intervalMs, performance.now());
    // Connectors that were started together, by one deployment, must not come together for ever.
    const jitterMs = Math.random() * JITTER * intervalMs;
    await pause(dueAtMs + jitterMs - performance.now(), undefined, { signal }).catch(() => undefined);
  }
}

async function main(): Promise<number> {
  const config = readConfig();
  if (!config) return 1;
  const interruption = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => interruption.abort());
  const health = new HealthServer(new ConnectorMetrics());
  if (config.metricsPort !== null && !(await isListening(health, config.metricsPort, config.metricsHost))) return 1;
  const runs = { config, signal: interruption.signal, store: new UsageStateStore(config.stateFile), health };
  try {
    if (config.intervalSeconds === null) return EXIT_CODES[(await runAndTell(runs)).outcome];
    await runEvery(config.intervalSeconds * 1000, runs);
    return 0;
  } finally {
    health.close();
  }
}

async function isListening(health: HealthServer, port: number, host: string): Promise<boolean> {
  try {
    await health.listen(port, host);
    return true;
  } catch (error) {
    warn(
      `Nothing can listen at CONNECTOR_METRICS_HOST and CONNECTOR_METRICS_PORT (${error instanceof Error ? error.message : String(error)}).`,
    );
    return false;
  }
}

process.exitCode = await main();
