import type { Config, LogLevel } from '#libs/config/config.js';
import { LoggerModule } from 'nestjs-pino';
import type { DynamicModule } from '@nestjs/common';
import { type Logger, pino } from 'pino';

const LEVELS: Record<LogLevel, string> = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error', CRITICAL: 'fatal' };

/** A logger that writes one JSON object a line to stdout. */
export function createLogger(level: LogLevel): Logger {
  return pino({
    level: LEVELS[level],
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

/** Nest's own log through pino. Requests are logged by `requestLog`, once each, at their end: pino-http's log of each costs a quarter of a list's throughput. */
export function loggingModule(config: Config): DynamicModule {
  return LoggerModule.forRoot({ pinoHttp: { logger: createLogger(config.logLevel), autoLogging: false }, forRoutes: [] });
}
