import type { AllowedMethods } from '#libs/errors/error.filter.js';
import type { INestApplication } from '@nestjs/common';
import type { Express } from 'express';

interface Layer {
  route?: { path: string | string[]; stack: { method?: string }[] };
}

interface Route {
  pattern: RegExp;
  methods: string[];
}

function routesOf(app: INestApplication): Route[] {
  const express = app.getHttpAdapter().getInstance() as Express;
  const layers = (express.router as unknown as { stack: Layer[] }).stack;
  return layers.flatMap(({ route }) => {
    if (!route || typeof route.path !== 'string' || !route.path.startsWith('/v1')) return [];
    const methods = route.stack.flatMap(({ method }) => (method ? [method.toUpperCase()] : []));
    return [{ pattern: new RegExp(`^${route.path.replace(/:[A-Za-z]+/g, '[^/]+')}/?$`, 'i'), methods }];
  });
}

/** Finds which methods a path takes, from the routes that Nest has registered; read once, at the first question. */
export function createAllowedMethods(app: INestApplication): AllowedMethods {
  let routes: Route[] | undefined;
  return (path) => {
    routes ??= routesOf(app);
    const methods = new Set(routes.flatMap((route) => (route.pattern.test(path) ? route.methods : [])));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}
