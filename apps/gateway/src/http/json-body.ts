import { AppError, BadRequestError } from '#libs/errors/errors.js';
import { json, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { isUtf8 } from 'node:buffer';

const LIMIT_BYTES = 100 * 1024;
const BATCH_LIMIT_BYTES = 1024 * 1024;

/** Routes that take many things at once, and so a larger body. */
const BATCH_PATH = /^\/v1\/(grants\/(?:usage|batch)|reviews\/[^/]+\/decisions)\/?$/i;

// JSON is UTF-8 (RFC 8259, section 8.1); the parser alone would take UTF-16 and others too.
const JSON_TYPE = /^application\/(json|merge-patch\+json)\s*(;\s*charset\s*=\s*("utf-8"|utf-8)\s*)?;?\s*$/i;

/** Far more than any body of ours has; what is deeper is there to exhaust the stack of whoever walks over it. */
const MAX_DEPTH = 32;

function isTooDeep(body: unknown): boolean {
  let level: unknown[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((value) =>
      Object.values(value as Record<string, unknown>).filter((member) => typeof member === 'object' && member !== null),
    );
  }
  return false;
}

function depthError(body: unknown): BadRequestError | undefined {
  return isTooDeep(body) ? BadRequestError.invalid('', `must not be nested more than ${MAX_DEPTH} levels deep`) : undefined;
}

function limitOf(request: Request): number {
  return BATCH_PATH.test(request.path) ? BATCH_LIMIT_BYTES : LIMIT_BYTES;
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function bodyError(error: unknown): unknown {
  const { type, status } = error as { type?: string; status?: number };
  // Ours, thrown by `verify` below; the parser has written its own status onto it.
  if (error instanceof AppError) return new AppError(error.code);
  if (type === 'entity.too.large') return new AppError('payload_too_large');
  if (type === 'encoding.unsupported' || type === 'charset.unsupported') return new AppError('unsupported_media_type');
  if (status !== undefined && status < 500) return new AppError('malformed_json');
  return error;
}

/** Reads JSON bodies: 415 for another media type, 413 past the limit, 400 for what is not JSON in UTF-8. A request without a body has `{}`. */
export function jsonBody(): RequestHandler {
  const parse = json({
    limit: BATCH_LIMIT_BYTES,
    type: () => true,
    verify: (request, _response, bytes) => {
      if (bytes.length > limitOf(request as Request)) throw new AppError('payload_too_large');
      // The parser would put replacement characters in the place of bad bytes, and so change what was said.
      if (!isUtf8(bytes)) throw new AppError('malformed_json');
    },
  });
  return (request: Request, response: Response, next: NextFunction) => {
    if (!hasBody(request)) {
      request.body = {};
      next();
      return;
    }
    if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) return next(new AppError('unsupported_media_type'));
    if (Number(request.headers['content-length'] ?? 0) > limitOf(request)) return next(new AppError('payload_too_large'));
    parse(request, response, (error?: unknown) => next(error === undefined ? depthError(request.body) : bodyError(error)));
  };
}
