import { BadRequestError, type ErrorDetail } from '#libs/errors/errors.js';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { Request } from 'express';

// The kinds of parameters in Nest's own metadata, whose keys are `<kind>:<position>`.
const BODY = '3';
const QUERY = '4';

type Handler = (...args: never[]) => unknown;

/** Refuses parameters and bodies that a handler does not take at all; what it does take, its DTO checks. */
@Injectable()
export class UndeclaredInputGuard implements CanActivate {
  private readonly taken = new Map<Handler, ReadonlySet<string>>();

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const taken = this.takenBy(context);
    const details: ErrorDetail[] = [];
    if (!taken.has(QUERY)) details.push(...unknown(request.query));
    if (!taken.has(BODY) && typeof request.body === 'object') details.push(...unknown(request.body as object));
    if (details.length > 0) throw new BadRequestError('validation_failed', undefined, details);
    return true;
  }

  private takenBy(context: ExecutionContext): ReadonlySet<string> {
    const handler = context.getHandler() as Handler;
    let taken = this.taken.get(handler);
    if (!taken) {
      const metadata = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), handler.name) ?? {}) as Record<string, unknown>;
      taken = new Set(Object.keys(metadata).map((key) => key.split(':')[0] ?? ''));
      this.taken.set(handler, taken);
    }
    return taken;
  }
}

function unknown(members: object): ErrorDetail[] {
  return Object.keys(members).map((path) => ({ path, message: 'is not known here' }));
}
