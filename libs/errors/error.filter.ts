import { challenge } from '#libs/auth/challenge.js';
import { isDatabaseAway } from '#libs/database/failures.js';
import { type ContextRequest, createContext, type RequestContext } from '#libs/observability/request-context.js';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { Response } from 'express';
import { envelope, type Failure, problem } from './envelope.js';
import { ERROR_CODES, type ErrorCode } from './error-codes.js';
import { AppError, UnavailableError } from './errors.js';

/** What `Retry-After` says with a 503 or 429, in seconds: about what a restart of a part takes. */
const RETRY_AFTER_SECONDS = 5;

/** Finds the methods that a path does take; empty for a path that is none. */
export type AllowedMethods = (path: string) => readonly string[];

/** The code for a status that Nest or Express chose: a 400 of theirs is about HTTP itself, such as an address that does not decode. */
function codeOf(status: number): ErrorCode {
  if (status === 400) return 'malformed_request';
  const code = (Object.keys(ERROR_CODES) as ErrorCode[]).find((name) => ERROR_CODES[name].status === status);
  return code ?? (status < 500 ? 'malformed_request' : 'internal');
}

/** Is told of every request that is answered 401 or 403. */
export type Refused = (request: ContextRequest, status: 401 | 403) => void;

/** The one place that decides what a client sees of any failure, wherever it comes from. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  private readonly logger = new Logger('Errors');

  constructor(
    private readonly allowedMethods: AllowedMethods,
    private readonly refused: Refused,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const incoming = host.switchToHttp().getRequest<Omit<ContextRequest, 'context'> & { context?: RequestContext }>();
    const response = host.switchToHttp().getResponse<Response>();
    const context = incoming.context ?? createContext(incoming.headers);
    const request: ContextRequest = Object.assign(incoming, { context });
    if (response.headersSent) {
      // The answer is under way and cannot be taken back: a cut connection is the only honest sign left.
      this.logger.error({ msg: 'A response broke off', requestId: context.requestId, err: exception });
      response.destroy();
      return;
    }
    if (isHealthReport(exception)) {
      response.status(exception.getStatus()).json(exception.getResponse());
      return;
    }
    const error = this.toAppError(exception, request);
    if (error.status >= 500) this.logFailure(error, exception, context.requestId);
    if (error.status === 401 || error.status === 403) this.refused(request, error.status);
    this.send(request, response, error, context.requestId);
  }

  private toAppError(exception: unknown, request: ContextRequest): AppError {
    if (exception instanceof AppError) return exception;
    if (isDatabaseAway(exception)) return new UnavailableError(undefined, { cause: exception });
    if (!(exception instanceof HttpException)) return new AppError('internal');
    if (exception.getStatus() !== 404) return new AppError(codeOf(exception.getStatus()));
    // Nest answers 404 to an unknown route: a known path with another method is 405.
    const known = this.allowedMethods(request.path).length > 0;
    return known ? new AppError('method_not_allowed') : new AppError('not_found', 'There is no such route.');
  }

  private send(request: ContextRequest, response: Response, error: AppError, requestId: string): void {
    if (error.status === 401) response.setHeader('WWW-Authenticate', challenge(request));
    if (error.status === 405) response.setHeader('Allow', this.allowedMethods(request.path).join(', '));
    if (error.status === 503 || error.status === 429) response.setHeader('Retry-After', RETRY_AFTER_SECONDS);
    // What is left of a refused body is not read: the connection cannot serve another request.
    if (error.status === 413) response.setHeader('Connection', 'close');
    const failure: Failure = { status: error.status, code: error.code, message: error.message, details: error.details };
    const wantsProblem = request.accepts(['application/json', 'application/problem+json']) === 'application/problem+json';
    response.status(error.status);
    response.setHeader('Content-Type', wantsProblem ? 'application/problem+json' : 'application/json; charset=utf-8');
    const body = JSON.stringify(wantsProblem ? problem(failure, requestId) : envelope(failure, requestId));
    // Node counts the bytes itself only where it sends them, which it does not to HEAD.
    response.setHeader('Content-Length', Buffer.byteLength(body));
    response.end(body);
  }

  private logFailure(error: AppError, exception: unknown, requestId: string): void {
    const cause = error.cause ?? exception;
    if (error.status === 503)
      this.logger.warn({ msg: error.message, requestId, cause: cause instanceof Error ? cause.message : undefined });
    else this.logger.error({ msg: 'Unhandled failure', requestId, err: cause });
  }
}

/** Terminus throws its report when a part is down: the one body that is not the envelope. */
function isHealthReport(exception: unknown): exception is HttpException {
  if (!(exception instanceof HttpException)) return false;
  const body = exception.getResponse();
  return typeof body === 'object' && 'status' in body && 'details' in body;
}
