import { ERROR_CODES, type ErrorCode } from './error-codes.js';

/** One thing that is wrong with a request: `path` in the body, query or headers (`events.3.usedAt`), and what is wrong with it. */
export interface ErrorDetail {
  path: string;
  message: string;
}

/** A failure that a client is told about: a code of the registry, a sentence, and details. Anything else thrown becomes a 500 that says nothing. */
export class AppError extends Error {
  readonly status: number;

  constructor(
    readonly code: ErrorCode,
    message: string = ERROR_CODES[code].message,
    readonly details: readonly ErrorDetail[] = [],
  ) {
    super(message);
    this.status = ERROR_CODES[code].status;
  }
}

type CodeOf<Status extends number> = { [Code in ErrorCode]: (typeof ERROR_CODES)[Code]['status'] extends Status ? Code : never }[ErrorCode];

/** 404. `NotFoundError.of('grant', id)` words it as the API does everywhere. */
export class NotFoundError extends AppError {
  constructor(message?: string) {
    super('not_found', message);
  }

  static of(resource: string, id: string): NotFoundError {
    return new NotFoundError(`No ${resource} has the id ${id}.`);
  }
}

/** 400: validation, or a rule of the business. */
export class BadRequestError extends AppError {
  constructor(code: CodeOf<400>, message?: string, details?: readonly ErrorDetail[]) {
    super(code, message, details);
  }

  /** A rule broken by one member of the body. */
  static rule(path: string, message: string): BadRequestError {
    return new BadRequestError('business_rule', undefined, [{ path, message }]);
  }

  /** One member or parameter that is not of its form. */
  static invalid(path: string, message: string): BadRequestError {
    return new BadRequestError('validation_failed', undefined, [{ path, message }]);
  }
}

/** 409: a duplicate, or a version that has moved on. */
export class ConflictError extends AppError {
  constructor(code: CodeOf<409>, message?: string, details?: readonly ErrorDetail[]) {
    super(code, message, details);
  }
}

/** 401. The filter adds `WWW-Authenticate`. */
export class UnauthenticatedError extends AppError {
  constructor(message?: string) {
    super('unauthenticated', message);
  }
}

/** 403. */
export class ForbiddenError extends AppError {
  constructor(message?: string) {
    super('forbidden', message);
  }
}

/** 503 with `Retry-After`. `cause` is for the log, never for the client. */
export class UnavailableError extends AppError {
  constructor(message?: string, options?: { cause?: unknown }) {
    super('unavailable', message);
    if (options?.cause !== undefined) this.cause = options.cause;
  }
}
