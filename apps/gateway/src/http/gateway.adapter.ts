import { Representation } from '#libs/database/representation.js';
import { Page } from '#libs/pagination/page.js';
import { FileContent } from '#libs/report-storage/file-content.js';
import { StreamableFile } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express, Request, Response } from 'express';
import { createServer, IncomingMessage, ServerResponse } from 'node:http';
import { addressOf, type CallerRequest, entityTags } from './current-caller.js';
import { sendFile } from './send-file.js';

const JSON_CONTENT = 'application/json; charset=utf-8';

/**
 * Writes pages and resources as they came out of PostgreSQL, with the headers of the wire contract, past Express' own `send`, which would add
 * nothing to it. Everything else is left to Nest.
 */
export class GatewayAdapter extends ExpressAdapter {
  override initHttpServer(): void {
    const app = this.getInstance<Express>();
    class GatewayRequest extends IncomingMessage {}
    class GatewayResponse extends ServerResponse {}
    // Express gives each request and each answer its own prototype. Where they have it from the start, that is nothing to do; else V8 gives up what
    // it knows of their shape, looks up each of their members anew, and keeps 10 to 30 kB of each until it next collects the whole heap.
    app.request = Object.setPrototypeOf(GatewayRequest.prototype, app.request) as Request;
    app.response = Object.setPrototypeOf(GatewayResponse.prototype, app.response) as Response;
    // Node would answer a request without a Host by itself, with an empty body; `requireOneHost` does it in the envelope.
    this.setHttpServer(createServer({ requireHostHeader: false, IncomingMessage: GatewayRequest, ServerResponse: GatewayResponse }, app));
  }

  /** Nest sets only statuses of the document, and Express would look at each of them twice. */
  override status(response: Response, statusCode: number): unknown {
    response.statusCode = statusCode;
    return response;
  }

  override reply(response: Response, body: unknown, statusCode?: number): unknown {
    if (body instanceof Page) return sendPage(response, body);
    if (body instanceof Representation) return sendResource(response, body, statusCode ?? response.statusCode);
    if (body instanceof FileContent) return sendFile(response, body);
    if (isJson(body, response)) return sendJson(response, statusCode ?? response.statusCode, JSON.stringify(body));
    return super.reply(response, body, statusCode);
  }
}

/** Whether a body is an object to be written as JSON, and nothing has said that it is something else. */
function isJson(body: unknown, response: Response): boolean {
  return typeof body === 'object' && body !== null && !(body instanceof StreamableFile) && !response.hasHeader('Content-Type');
}

function sendPage(response: Response, page: Page): void {
  if (page.nextCursor !== null) response.setHeader('Link', `<${nextAddress(response.req, page.nextCursor)}>; rel="next"`);
  sendJson(response, 200, page.json);
}

/** The address of this page with another cursor, its other parameters as they were. */
function nextAddress({ path, originalUrl }: Request, cursor: string): string {
  const at = originalUrl.indexOf('?');
  const parameters = new URLSearchParams(at < 0 ? '' : originalUrl.slice(at));
  parameters.set('cursor', cursor);
  return `${path}?${parameters.toString()}`;
}

function sendResource(response: Response, resource: Representation, status: number): void {
  const request = response.req as CallerRequest;
  const known =
    resource.cacheable &&
    (request.method === 'GET' || request.method === 'HEAD') &&
    resource.version !== null &&
    isKnown(request, resource.version);
  if (resource.version !== null) response.setHeader('ETag', `"${resource.version}"`);
  if (request.caller?.replayed) response.setHeader('Idempotent-Replayed', 'true');
  if (status === 201 || status === 202) response.setHeader('Location', `${addressOf(request)}/${resource.id}`);
  if (known) {
    response.status(304).end();
    return;
  }
  sendJson(response, status, resource.json);
}

function isKnown(request: CallerRequest, version: number): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  const tags = entityTags('If-None-Match', header);
  // Weak comparison (RFC 9110, section 13.1.2).
  return tags === null || tags.some((tag) => tag.replace(/^W\//, '') === `"${version}"`);
}

function sendJson(response: Response, status: number, json: string): void {
  const bytes = Buffer.byteLength(json);
  response.statusCode = status;
  response.setHeader('Content-Type', JSON_CONTENT);
  response.setHeader('Content-Length', bytes);
  // For text in UTF-8 Node sets aside, and blanks, three times its length; for text that is all ASCII it is the same in Latin-1.
  response.end(json, bytes === json.length ? 'latin1' : 'utf8');
}
