import type { Config, LogLevel } from '#libs/config/config.js';
import { LoggerModule } from 'nestjs-pino';
import type { DynamicModule } from '@nestjs/common';
import { type Logger, pino } from 'pino';

const LEVELS: Record<LogLevel, string> = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error', CRITICAL: 'fatal' };

interface LoggedError {
  type: string;
  message: string;
  /** Of PostgreSQL (SQLSTATE) or of Node. */
  code?: string;
  stack?: string;
}

/**
 * What a log line holds of an error: where it happened, and of which kind. What PostgreSQL and the driver say besides (values, parameters, the
 * failing row) may be somebody's name or address, and its message quotes them too.
 */
export function describeError(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'Something that is no error was thrown.' };
  const { code } = error as { code?: unknown };
  const fromDatabase = 'severity' in error || 'driverError' in error;
  const known = typeof code === 'string' ? code : undefined;
  return {
    type: error.name,
    message: fromDatabase ? `PostgreSQL refused a statement (${known ?? 'no code'})` : error.message,
    ...(known === undefined ? {} : { code: known }),
    stack: error.stack?.slice(error.stack.indexOf('\n    at ') + 1),
  };
}

/** How many bytes of log are written at once, and after how many milliseconds whatever there is. */
const OUTPUT = { minLength: 4_096, periodicFlush: 100 };

/**
 * One for the process, so that lines come whole and in their order, whichever logger they are of. A write of its own for each line is a twentieth
 * of what answering a page costs. What ends the process, but for SIGKILL, writes the rest.
 */
const output = pino.destination({ dest: 1, sync: true, ...OUTPUT });
process.once('exit', () => output.flush());

/** A logger that writes one JSON object a line to stdout. */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level: LEVELS[level],
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: describeError },
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}

/** Nest's own log through pino. Requests are logged by `requestLog`, once each, at their end: pino-http's log of each costs a quarter of a list's throughput. */
export function loggingModule(config: Config): DynamicModule {
  const logger = createLogger(config.logLevel);
  // Wrapped, its serializers would stand in the place of the logger's own, and log all that an error carries.
  return LoggerModule.forRoot({ pinoHttp: { logger, autoLogging: false, wrapSerializers: false }, forRoutes: [] });
}
