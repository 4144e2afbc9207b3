import type { AllowedMethods } from '#libs/errors/error.filter.js';
import { AppError } from '#libs/errors/errors.js';
import type { INestApplication } from '@nestjs/common';
import type { Express, RequestHandler } from 'express';

// The address of a resource needs no second look: no route of its own has an id in it.
const UUID_IN_PATH = /\/[0-9a-f]{8}-[0-9a-f]{4}-/i;
const MAX_KNOWN = 200;

interface Layer {
  route?: { path: string | string[]; stack: { method?: string }[] };
}

interface Route {
  pattern: RegExp;
  /** Whether it is one address, without parameters. */
  exact: boolean;
  methods: string[];
}

function routesOf(app: INestApplication): Route[] {
  const express = app.getHttpAdapter().getInstance() as Express;
  const layers = (express.router as unknown as { stack: Layer[] }).stack;
  return layers.flatMap(({ route }) => {
    if (!route || typeof route.path !== 'string' || !route.path.startsWith('/v1')) return [];
    const methods = route.stack.flatMap(({ method }) => (method ? [method.toUpperCase()] : []));
    const pattern = new RegExp(`^${route.path.replace(/:[A-Za-z]+/g, '[^/]+')}/?$`, 'i');
    return [{ pattern, exact: !route.path.includes(':'), methods }];
  });
}

/**
 * Finds which methods a path takes, from the routes that Nest has registered; read once, at the first question. An address of its own takes
 * what its own routes do, though it fits the pattern of another (`/v1/grants/usage` is no grant).
 */
export function createAllowedMethods(app: INestApplication): AllowedMethods {
  let routes: Route[] | undefined;
  return (path) => {
    routes ??= routesOf(app);
    const fitting = routes.filter((route) => route.pattern.test(path));
    const own = fitting.filter((route) => route.exact);
    const methods = new Set((own.length > 0 ? own : fitting).flatMap((route) => route.methods));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}

/**
 * 405 for a method that an address of its own does not take, before the router finds the pattern that it fits too.
 *
 * @throws AppError `method_not_allowed`
 */
export function refuseOtherMethods(allowedMethods: AllowedMethods): RequestHandler {
  const known = new Map<string, readonly string[]>();
  return (request, _response, next) => {
    if (UUID_IN_PATH.test(request.path)) return next();
    // Only what is a route is kept, so that nobody can fill the memory with addresses.
    const allowed = known.get(request.path) ?? allowedMethods(request.path);
    if (allowed.length > 0 && known.size < MAX_KNOWN) known.set(request.path, allowed);
    next(allowed.length === 0 || allowed.includes(request.method) ? undefined : new AppError('method_not_allowed'));
  };
}
