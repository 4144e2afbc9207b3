import { UnavailableError } from '#libs/errors/errors.js';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';

/** What PostgreSQL or the driver said, as far as we look at it. */
interface DriverError {
  code?: string;
  constraint?: string;
  message?: string;
}

function driverError(error: unknown): DriverError {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return typeof cause === 'object' && cause !== null ? cause : {};
}

/** The name of the unique constraint or index that a write ran into, or null where it failed otherwise. */
export function violatedUnique(error: unknown): string | null {
  const { code, constraint } = driverError(error);
  return code === '23505' ? (constraint ?? '') : null;
}

/** The name of the foreign key that a write ran into, or null where it failed otherwise. */
export function violatedForeignKey(error: unknown): string | null {
  const { code, constraint } = driverError(error);
  return code === '23503' ? (constraint ?? '') : null;
}

/** Whether `admit_request` has said no. */
export function isNotAdmitted(error: unknown): boolean {
  return driverError(error).code === 'GW001';
}

/** A deadlock or a serialisation failure: the transaction is gone whole and may be run again. */
export function mayRunAgain(error: unknown): boolean {
  return ['40001', '40P01'].includes(driverError(error).code ?? '');
}

// Shutdown, crash, starting up, too many connections, statement timeout, disk full, read-only standby, and what sockets say.
const AWAY_CODES =
  /^(57P0[1-5]|57014|53\w{3}|08\w{3}|25006|25P03|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH|EAI_AGAIN|ENOENT)$/;
const AWAY_MESSAGES =
  /timeout exceeded when trying to connect|connection terminated|client has encountered a connection error|not queryable|driver not connected|connection is not established|is not connected|connection ended|query read timeout|cannot use a pool after/i;

/** Whether PostgreSQL, or a connection to it, could not be had: a 503, never a 500. */
export function isDatabaseAway(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  // TypeORM takes a connection that breaks away from whoever holds it: the next statement of the transaction meets a released query runner.
  if (error instanceof QueryRunnerAlreadyReleasedError || error instanceof QueryRunnerProviderAlreadyReleasedError) return true;
  const { code, message } = driverError(error);
  return AWAY_CODES.test(code ?? '') || AWAY_MESSAGES.test(message ?? '');
}

/** What a caller of the database is told: `error` itself, or 503 where the database is away. */
export function asFailure(error: unknown): unknown {
  return isDatabaseAway(error) ? new UnavailableError('The database is away for the moment.', { cause: error }) : error;
}
