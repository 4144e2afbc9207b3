import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createGzip } from 'node:zlib';
import { ChdbEngine } from '#libs/clickhouse/chdb-engine.js';
import { isStreamable } from '#libs/clickhouse/chdb-statement.js';
import type { EngineRequest } from '#libs/clickhouse/chdb-statement.js';

/**
 * ClickHouse's HTTP interface over the embedded engine, as a process of its own, for tests of the real HTTP client: its timeouts, an outage,
 * a server that is killed and comes back on its data. Arguments: folder and port (0 picks one). CLICKHOUSE_PASSWORD is the password of the
 * user `default`. Prints its port when it answers. When its stdin ends it deletes the folder and ends, so that nothing outlives a test run
 * that was killed.
 * https://clickhouse.com/docs/interfaces/http
 */

/** Parameters of the URL that are no settings of the engine. */
const OF_THE_INTERFACE = new Set(
  ['query', 'database', 'query_id', 'session_id', 'session_timeout', 'user', 'password', 'role', 'default_format'].concat(
    ['wait_end_of_query', 'enable_http_compression', 'http_zlib_compression_level', 'send_progress_in_http_headers'],
    ['http_headers_progress_interval_ms', 'http_response_buffer_size', 'buffer_size', 'quota_key', 'compress', 'decompress'],
  ),
);
const STATUS: Readonly<Record<string, number>> = { 60: 404, 62: 400, 81: 404, 241: 507, 516: 403 };

const [folder = '', port = '0'] = process.argv.slice(2);
const engine = new ChdbEngine(folder);

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://server');
  if (url.pathname === '/ping' || (request.method === 'GET' && !url.searchParams.has('query'))) {
    response.end('Ok.\n');
    return;
  }
  response.setHeader('X-ClickHouse-Query-Id', url.searchParams.get('query_id') ?? randomUUID());
  try {
    authenticate(request);
    const aborted = new AbortController();
    response.once('close', () => aborted.abort());
    const statement = { ...(await read(request, url)), signal: aborted.signal };
    if (isInsert(url)) return void response.end(await engine.insert(statement, decoded(request)));
    const buffered = url.searchParams.get('wait_end_of_query') === '1' || !isStreamable(statement.sql);
    const parts = buffered ? whole(statement) : engine.stream(statement);
    await answer(parts, response, url.searchParams.get('enable_http_compression') === '1' && acceptsGzip(request));
  } catch (error) {
    fail(error, response);
  }
}

/** What cannot be streamed, as a stream of one part: its errors come before any header is sent. */
async function* whole(statement: EngineRequest): AsyncGenerator<Uint8Array> {
  yield await engine.run(statement);
}

function authenticate(request: IncomingMessage): void {
  const [, encoded = ''] = (request.headers.authorization ?? '').split('Basic ');
  if (Buffer.from(encoded, 'base64').toString() === `default:${process.env['CLICKHOUSE_PASSWORD'] ?? ''}`) return;
  throw new Error('Code: 516. DB::Exception: default: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)');
}

async function read(request: IncomingMessage, url: URL): Promise<EngineRequest> {
  const fields = new Map(url.searchParams);
  let body = isInsert(url) ? Buffer.alloc(0) : await buffer(decoded(request));
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('multipart/form-data')) {
    const form = await new Response(body, { headers: { 'content-type': type } }).formData();
    for (const [name, value] of form) fields.set(name, typeof value === 'string' ? value : await value.text());
    body = Buffer.alloc(0);
  }
  const pick = (wanted: (name: string) => string | null): Record<string, string> =>
    Object.fromEntries(
      [...fields].flatMap(([name, value]) => (wanted(name) === null ? [] : [[wanted(name), value]])) as [string, string][],
    );
  return {
    sql: [fields.get('query'), body.toString()].filter(Boolean).join('\n'),
    params: pick((name) => (name.startsWith('param_') ? name.slice('param_'.length) : null)),
    settings: pick((name) => (OF_THE_INTERFACE.has(name) || name.startsWith('param_') ? null : name)),
    database: fields.get('database') ?? 'default',
    format: fields.get('default_format'),
  };
}

/** A statement in the URL leaves the body to its data. */
function isInsert(url: URL): boolean {
  return /^\s*insert\b[^]*\bformat\s+\w+\s*$/i.test(url.searchParams.get('query') ?? '');
}

function decoded(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'];
  if (encoding === 'gzip') return request.pipe(createGunzip());
  if (encoding === 'br') return request.pipe(createBrotliDecompress());
  return request;
}

function acceptsGzip(request: IncomingMessage): boolean {
  return String(request.headers['accept-encoding']).includes('gzip');
}

/** The first part decides between an answer and an error; an error after it goes into the body, in the block that clients look for. */
async function answer(parts: AsyncGenerator<Uint8Array>, response: ServerResponse, gzip: boolean): Promise<void> {
  const first = await parts.next();
  const tag = randomBytes(8).toString('hex');
  response.setHeader('X-ClickHouse-Exception-Tag', tag);
  response.setHeader('X-ClickHouse-Summary', '{}');
  if (gzip) response.setHeader('Content-Encoding', 'gzip');
  const body = Readable.from(first.done ? [] : withErrorBlock(first.value, parts, tag));
  await (gzip ? pipeline(body, createGzip(), response) : pipeline(body, response)).catch(() => response.destroy());
}

async function* withErrorBlock(first: Uint8Array, rest: AsyncGenerator<Uint8Array>, tag: string): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  try {
    yield* rest;
  } catch (error) {
    const message = Buffer.from(`${messageOf(error)}\n`);
    yield Buffer.concat([
      Buffer.from(`\r\n__exception__\r\n${tag}\r\n`),
      message,
      Buffer.from(`${message.length} ${tag}\r\n__exception__\r\n`),
    ]);
  }
}

function fail(error: unknown, response: ServerResponse): void {
  const message = messageOf(error);
  const code = /Code: (\d+)\./.exec(message)?.[1] ?? '1002';
  if (response.headersSent || response.destroyed) return void response.destroy();
  response.writeHead(STATUS[code] ?? 500, { 'X-ClickHouse-Exception-Code': code }).end(`${message}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function stop(): Promise<void> {
  server.close();
  server.closeIdleConnections();
  await engine.close();
  process.exit(0);
}

const server = createServer((request, response) => void handle(request, response));
server.keepAliveTimeout = 10_000;
// The engine first: a folder that another process holds is a failed start, not a server that answers with errors.
await engine.run({ sql: 'SELECT 1' });
server.listen(Number(port), '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => void stop());
process.stdin.resume().once('end', () => void rm(folder, { recursive: true, force: true }).then(stop));
