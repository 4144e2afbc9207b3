import type { RequestHandler } from 'express';

/**
 * Several handlers as one, each run when the one before has called `next`. The router would take longer to come to the next than most of them take
 * to run. Only the last may call `next` from a later tick: what throws there is no longer the router's to catch.
 */
export function inOrder(...handlers: readonly RequestHandler[]): RequestHandler {
  return (request, response, next) => {
    const run = (place: number): void => {
      const handler = handlers[place];
      if (!handler) return next();
      void handler(request, response, (error?: unknown) => (error === undefined ? run(place + 1) : next(error)));
    };
    run(0);
  };
}
