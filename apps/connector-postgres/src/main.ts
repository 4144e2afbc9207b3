import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '#libs/config/config.js';
import { type ConnectorConfig, loadConnectorConfig } from './connector.config.js';
import { run, type RunSummary } from './run.js';

/** A run that a safeguard stopped wants a person's word, and not just another try. */
const EXIT_CODES: Readonly<Record<RunSummary['outcome'], number>> = { done: 0, interrupted: 0, failed: 1, stopped: 2 };

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

/** Summaries go to stdout, a line each; what a person has to know also goes to stderr. */
async function runAndTell(config: ConnectorConfig, signal: AbortSignal): Promise<RunSummary> {
  const summary = await run(config, signal, warn);
  console.log(JSON.stringify(summary));
  if (summary.reason !== null) warn(summary.reason);
  return summary;
}

async function runEvery(config: ConnectorConfig, intervalMs: number, signal: AbortSignal): Promise<void> {
  for (let dueAtMs = performance.now(); !signal.aborted;) {
    await runAndTell(config, signal);
    // A run that took longer than the interval is followed at once, and not by all those that it kept from starting.
    dueAtMs = Math.max(dueAtMs + intervalMs, performance.now());
    await pause(dueAtMs - performance.now(), undefined, { signal }).catch(() => undefined);
  }
}

async function main(): Promise<number> {
  const config = readConfig();
  if (!config) return 1;
  const interruption = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => interruption.abort());
  if (config.intervalSeconds === null) return EXIT_CODES[(await runAndTell(config, interruption.signal)).outcome];
  await runEvery(config, config.intervalSeconds * 1000, interruption.signal);
  return 0;
}

process.exitCode = await main();
