import { ConfigError, loadConfig } from '#libs/config/config.js';
import { createLogger } from '#libs/observability/logging.js';
import { startGateway } from './start.js';

/** The gateway as a process: reads its configuration, serves, and stops on SIGTERM or SIGINT when all is answered. */
async function main(): Promise<void> {
  const { config, warnings } = loadConfig(process.env);
  const logger = createLogger(config.logLevel);
  for (const warning of warnings) logger.warn(warning);
  const gateway = await startGateway(config);
  logger.info({ msg: 'listening', url: gateway.url });
  const stop = (signal: string, drainSeconds: number): void => {
    logger.info({ msg: 'stopping', signal, drainSeconds });
    gateway.close(drainSeconds).then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ msg: 'did not stop cleanly', err: error });
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM', config.drainSeconds));
  process.once('SIGINT', () => stop('SIGINT', 0));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : `The gateway did not start: ${(error as Error).message}`}\n`);
  process.exit(1);
});
