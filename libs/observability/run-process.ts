import { type Config, ConfigError, loadConfig } from '#libs/config/config.js';
import { createLogger } from './logging.js';

/**
 * Runs an app as a process: reads its configuration, starts it, and stops it on SIGTERM or SIGINT. A configuration that is not valid, or a
 * start that fails, is one message on stderr and exit code 1.
 *
 * @param start answers what stops it; it is given how long to drain, in seconds: none after Ctrl-C
 * @param alsoRequired variables without which this app does not start, and others do
 */
export async function runProcess(
  start: (config: Config) => Promise<{ url?: string; close(drainSeconds: number): Promise<void> }>,
  alsoRequired: readonly string[] = [],
): Promise<void> {
  try {
    const { config, warnings } = loadConfig(process.env, {}, alsoRequired);
    const logger = createLogger(config.logLevel);
    for (const warning of warnings) logger.warn(warning);
    const app = await start(config);
    logger.info({ msg: app.url ? 'listening' : 'running', url: app.url });
    let stopping = false;
    const stop = (signal: string, drainSeconds: number): void => {
      if (stopping) return;
      stopping = true;
      logger.info({ msg: 'stopping', signal, drainSeconds });
      app.close(drainSeconds).then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ msg: 'did not stop cleanly', err: error });
          process.exit(1);
        },
      );
    };
    process.on('SIGTERM', () => stop('SIGTERM', config.drainSeconds));
    process.on('SIGINT', () => stop('SIGINT', 0));
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : `The start failed: ${(error as Error).message}`}\n`);
    process.exit(1);
  }
}
