import type { NextFunction, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { Draining } from './draining.js';
import type { RequestMetrics } from './request-metrics.js';
import { type ContextRequest, createContext } from './request-context.js';

/** As many as there are routes. */
const templates = new Map<string, string>();

/** The template of the route that answered (`/v1/grants/{id}`), never the address itself: an address may hold what must not be logged. */
export function routeOf(request: ContextRequest): string {
  const path = (request.route as { path?: string } | undefined)?.path;
  if (path === undefined) return 'unmatched';
  let template = templates.get(path);
  if (template === undefined) templates.set(path, (template = path.replace(/:([A-Za-z]+)/g, '{$1}')));
  return template;
}

/** Gives every request its context, holds up the end of the process until it has been answered, and then writes its line of the log and counts it. */
export function requestLog(logger: Logger, metrics: RequestMetrics, draining: Draining): RequestHandler {
  return (incoming, response: Response, next: NextFunction) => {
    const request = incoming as ContextRequest;
    const context = (request.context = createContext(request.headers));
    response.setHeader('X-Request-Id', context.requestId);
    metrics.started();
    draining.track(response);
    response.once('close', () => {
      draining.untrack(response);
      const seconds = Number(process.hrtime.bigint() - context.startedAt) / 1e9;
      const route = routeOf(request);
      // A client that went away before its answer was there has no status; 499 is the usual word for it.
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.ended(request.method, route, status, seconds);
      logger[status >= 500 ? 'error' : 'info']({
        msg: 'request',
        requestId: context.requestId,
        traceId: context.traceId,
        caller: request.user?.id ?? null,
        method: request.method,
        route,
        status,
        durationMs: Math.round(seconds * 1e5) / 100,
      });
    });
    next();
  };
}
