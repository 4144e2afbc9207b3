import type { Config } from '#libs/config/config.js';
import { ErrorFilter, type Refused } from '#libs/errors/error.filter.js';
import { Draining } from '#libs/observability/draining.js';
import { createLogger } from '#libs/observability/logging.js';
import { requestLog, routeOf } from '#libs/observability/request-log.js';
import { RequestMetrics } from '#libs/observability/request-metrics.js';
import { VersioningType } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule } from '@nestjs/swagger';
import cors from 'cors';
import type { Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { Denials } from './audit/denials.service.js';
import { createAllowedMethods, refuseOtherMethods } from './http/allowed-methods.js';
import { answerBrokenRequests, requireOneHost } from './http/broken-requests.js';
import { inOrder } from './http/in-order.js';
import { jsonBody } from './http/json-body.js';
import { createDocument } from './http/openapi-document.js';
import { parseQuery } from './http/query-parser.js';
import { RequestValidationPipe } from './http/validation.pipe.js';

const DOCS = '/v1/docs';
/** What a script in a browser needs of a download, and would not be shown. */
const FILE_HEADERS = ['Accept-Ranges', 'Content-Disposition', 'Content-Range', 'Digest', 'Repr-Digest'];

// A request that trickles in holds a connection, not a handler; these bound for how long. Idle connections outlive those of usual load balancers.
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** Everything that is true of every route: middleware in its order, versioning, pipes, the filter, and the document. Used by `main` and by tests. */
export function configureApp(app: NestExpressApplication, config: Config): void {
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', parseQuery);
  app.set('trust proxy', config.trustedProxies.length > 0 ? [...config.trustedProxies] : false);
  const allowedMethods = createAllowedMethods(app);
  app.use(
    inOrder(
      requestLog(createLogger(config.logLevel), app.get(RequestMetrics), app.get(Draining)),
      securityHeaders(),
      crossOrigin(config),
      requireOneHost(),
      refuseOtherMethods(allowedMethods),
      jsonBody(),
    ),
  );
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  app.useGlobalPipes(new RequestValidationPipe());
  app.useGlobalFilters(new ErrorFilter(allowedMethods, noteDenial(app.get(Denials))));
  const server = app.getHttpServer();
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  answerBrokenRequests(server);
  SwaggerModule.setup(DOCS, app, () => createDocument(app), { jsonDocumentUrl: '/v1/openapi.json', yamlDocumentUrl: '/v1/openapi.yaml' });
}

function crossOrigin({ corsOrigins }: Config): RequestHandler {
  return cors({
    origin: corsOrigins.includes('*') ? '*' : [...corsOrigins],
    credentials: false,
    exposedHeaders: ['ETag', 'Link', 'Location', 'X-Request-Id', 'Retry-After', 'Idempotent-Replayed', ...FILE_HEADERS],
    maxAge: 600,
  });
}

/** Makes an event of a refused request. */
function noteDenial(denials: Denials): Refused {
  return (request, status) => {
    const { requestId, traceId } = request.context;
    const reason = status === 401 ? 'unauthenticated' : 'forbidden';
    denials.note({
      identity: request.user ?? null,
      clientIp: request.ip ?? null,
      route: `${request.method} ${routeOf(request)}`,
      reason,
      requestId,
      traceId,
    });
  };
}

/** Answers are data, which load nothing and are their caller's alone; only the documentation is a page, with scripts of its own. */
function securityHeaders(): RequestHandler {
  const data = headersOf(
    helmet({ contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } } }),
  );
  // Without it a cache on the way may keep answers for as long as it likes, and give them to others. Clients may keep them, and ask again by ETag.
  data.push(['Cache-Control', 'private, no-cache']);
  // All that the page loads comes from where it came from itself: over plain HTTP nobody answers to the https that a browser would make of it.
  const page = helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
  return (request, response, next) => {
    if (request.path.startsWith(DOCS)) return page(request, response, next);
    for (const [name, value] of data) response.setHeader(name, value);
    next();
  };
}

/** The headers that helmet sets: the same for every request, and eleven functions to find that out each time. */
function headersOf(middleware: ReturnType<typeof helmet>): [string, string][] {
  const headers: [string, string][] = [];
  const response = { setHeader: (name: string, value: string) => headers.push([name, value]), removeHeader: () => undefined };
  middleware({} as Request, response as unknown as Response, () => undefined);
  return headers;
}
