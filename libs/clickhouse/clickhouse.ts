import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ClickHouseClient } from '@clickhouse/client';
import { ChdbConnection } from './chdb-connection.js';
import { ChdbEngine } from './chdb-engine.js';

/** How long ClickHouse may be silent within one request, in milliseconds. A result that keeps flowing may take longer in all. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * A client of ClickHouse, the same whatever it is on. Nothing is opened before the first request.
 *
 * - `http(s)://user:password@host:port/database`: a server.
 * - `chdb:///absolute/folder`: the embedded engine in this process, on that folder (see ChdbEngine for its limits).
 *
 * 64-bit integers come as strings whatever the version of the server, so that none loses digits. Errors of ClickHouse are
 * `ClickHouseError` with `code` and `type`. Errors are thrown, never logged.
 */
export function createClickHouse(url: string): ClickHouseClient {
  const parsed = new URL(url);
  const shared = {
    clickhouse_settings: { output_format_json_quote_64bit_integers: 1 as const },
    log: { level: ClickHouseLogLevel.OFF },
  };
  if (parsed.protocol === 'chdb:') {
    const engine = sharedEngine(decodeURIComponent(parsed.pathname));
    return createClient({ ...shared, connection: new ChdbConnection(engine, REQUEST_TIMEOUT_MS) });
  }
  return createClient({
    ...shared,
    url,
    application: 'access-governance-gateway',
    request_timeout: REQUEST_TIMEOUT_MS,
    max_open_connections: 32,
    // Batches of events shrink to a tenth; a page of results is too small to be worth the server's time.
    compression: { request: true, response: false },
    // Below every server's own limit (3 s in old ones, 10 s or 30 s since), lest a request goes out on a connection that is being closed.
    keep_alive: { enabled: true, idle_socket_ttl: 2_500 },
  });
}

const engines = new Map<string, { engine: ChdbEngine; clients: number }>();

/** A process has one engine for a folder, however many of its applications use it; the last client that closes it closes it for all. */
function sharedEngine(folder: string): Pick<ChdbEngine, 'run' | 'insert' | 'stream' | 'close'> {
  const shared = engines.get(folder) ?? { engine: new ChdbEngine(folder), clients: 0 };
  engines.set(folder, shared);
  shared.clients += 1;
  const { engine } = shared;
  let closed = false;
  return {
    run: (request) => engine.run(request),
    insert: (request, data) => engine.insert(request, data),
    stream: (request) => engine.stream(request),
    close: async () => {
      if (closed) return;
      closed = true;
      shared.clients -= 1;
      if (shared.clients > 0) return;
      engines.delete(folder);
      await engine.close();
    },
  };
}

/**
 * Whether ClickHouse answers a query with our credentials, for health checks.
 *
 * @throws Error when it does not, or not within `timeoutMs`
 */
export async function pingClickHouse(client: ClickHouseClient, timeoutMs = 2_000): Promise<void> {
  const result = await client.ping({ select: true, abort_signal: AbortSignal.timeout(timeoutMs) });
  if (!result.success) throw result.error;
}
