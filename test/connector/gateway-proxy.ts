import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Stands between a connector and the gateway and passes everything on, until `act` is called at a given write: before the write reaches the
 * gateway or after the gateway has done it, so that both sides of a cut are met.
 */
export class GatewayProxy {
  /** Requests that were not GET. */
  writes = 0;
  private cut: { at: number; after: boolean; act: () => void } | null = null;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(gatewayUrl: string): Promise<GatewayProxy> {
    const server = createServer((request, response) => proxy.forward(gatewayUrl, request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy: GatewayProxy = new GatewayProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return proxy;
  }

  /** From now on counts writes from one, and acts once at the write of that number. */
  cutAt(at: number, after: boolean, act: () => void): void {
    this.writes = 0;
    this.cut = { at, after, act };
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private forward(gatewayUrl: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') this.writes += 1;
    const act = request.method !== 'GET' && this.writes === this.cut?.at ? this.cut.act : undefined;
    if (!this.cut?.after) act?.();
    const { method, headers } = request;
    const onward = send(new URL(request.url ?? '/', gatewayUrl), { method, headers }, (answer) => {
      if (this.cut?.after) act?.();
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    // A connector that was killed leaves its requests half-done.
    for (const stream of [request, response, onward]) stream.on('error', () => undefined);
    request.pipe(onward);
  }
}
