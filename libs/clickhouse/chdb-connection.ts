import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { parseError } from '@clickhouse/client';
import type { ClickHouseClientConfigOptions } from '@clickhouse/client';
import type { ChdbEngine } from './chdb-engine.js';
import { isStreamable } from './chdb-statement.js';
import type { EngineRequest } from './chdb-statement.js';
import { formatQueryParameter } from './query-parameters.js';

type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>;
type QueryParams = Parameters<Connection['query']>[0];
type ExecParams = Parameters<Connection['exec']>[0];
type InsertParams = Parameters<Connection['insert']>[0];
type QueryResult = Awaited<ReturnType<Connection['query']>>;
type BaseResult = Awaited<ReturnType<Connection['command']>>;
type PingResult = Awaited<ReturnType<Connection['ping']>>;

/** Settings of the HTTP interface itself, which the engine does not know. */
const HTTP_ONLY_SETTINGS = new Set([
  'wait_end_of_query',
  'default_format',
  'enable_http_compression',
  'http_headers_progress_interval_ms',
  'http_response_buffer_size',
  'http_zlib_compression_level',
  'send_progress_in_http_headers',
]);

/**
 * The connection of `@clickhouse/client` to the embedded engine, with the behaviour of its HTTP connection: bound parameters, settings for
 * one statement alone, errors as ClickHouseError with code and type, results in bounded memory where the format allows it.
 *
 * `wait_end_of_query` means what it means over HTTP: with it, an error in the middle of a result is thrown before its first row.
 * There are no summaries of rows written, no roles and no sessions.
 */
export class ChdbConnection implements Connection {
  constructor(
    private readonly engine: Pick<ChdbEngine, 'run' | 'insert' | 'stream' | 'close'>,
    private readonly timeoutMs: number,
  ) {}

  async query(params: QueryParams): Promise<QueryResult> {
    const request = this.request(params, params.query);
    const streams = isStreamable(params.query) && !params.clickhouse_settings?.wait_end_of_query;
    const stream = await named(streams ? this.streamed(request) : this.engine.run(request).then((bytes) => readable([bytes])));
    return { ...baseResult(params), stream };
  }

  async command(params: QueryParams): Promise<BaseResult> {
    await named(this.engine.run(this.request(params, params.query)));
    return baseResult(params);
  }

  async exec(params: ExecParams): Promise<QueryResult> {
    const request = this.request(params, params.query);
    if (params.values === undefined) return { ...baseResult(params), stream: readable([await named(this.engine.run(request))]) };
    await named(this.engine.insert(request, params.values));
    return { ...baseResult(params), stream: readable([]) };
  }

  async insert(params: InsertParams): Promise<BaseResult> {
    await named(this.engine.insert(this.request(params, params.query), params.values));
    return baseResult(params);
  }

  async ping(params: Parameters<Connection['ping']>[0]): Promise<PingResult> {
    try {
      await named(this.engine.run(this.request(params, 'SELECT 1')));
      return { success: true };
    } catch (error) {
      return { success: false, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  private request(params: Omit<QueryParams, 'query'>, sql: string): EngineRequest {
    const settings = Object.entries(params.clickhouse_settings ?? {}).flatMap(([name, value]) =>
      value === undefined || HTTP_ONLY_SETTINGS.has(name)
        ? []
        : [[name, typeof value === 'boolean' ? String(Number(value)) : String(value)]],
    );
    const bound = Object.entries(params.query_params ?? {}).map(([name, value]) => [name, formatQueryParameter(value)]);
    return {
      sql,
      settings: Object.fromEntries(settings) as Record<string, string>,
      params: Object.fromEntries(bound) as Record<string, string>,
      format: params.clickhouse_settings?.default_format ?? 'TabSeparated',
      timeoutMs: this.timeoutMs,
      signal: params.abort_signal,
    };
  }

  /** Waits for the first part, so that an error at the start is thrown here. */
  private async streamed(request: EngineRequest): Promise<Readable> {
    const parts = this.engine.stream(request);
    const first = await parts.next();
    return readable(first.done ? [] : chain(first.value, parts));
  }
}

async function* chain(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let part = await named(rest.next()); !part.done; part = await named(rest.next())) yield part.value;
  } finally {
    await rest.return(undefined);
  }
}

function readable(parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Readable {
  const stream = Readable.from(parts, { objectMode: false });
  // The client destroys a result that nobody read with an error; whoever reads it has a listener of their own.
  stream.on('error', () => undefined);
  return stream;
}

/** The engine's errors as the HTTP client gives them: ClickHouseError with code and type. */
async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const parsed = error instanceof Error ? parseError(error) : new Error(String(error));
    if (parsed !== error) parsed.cause = error;
    throw parsed;
  }
}

function baseResult(params: { query_id?: string }): BaseResult {
  return { query_id: params.query_id ?? randomUUID(), response_headers: {}, http_status_code: 200 };
}
