import { once } from 'node:events';
import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before ClickHouse, and can lose the answers to inserts: ClickHouse has the batch then, and whoever sent it does not know. */
export class ClickHouseProxy {
  /** Inserts that ClickHouse has done. */
  inserts = 0;
  private toLose = 0;

  private constructor(
    private readonly server: Server,
    /** What API_CLICKHOUSE_URL would be. */
    readonly url: string,
  ) {}

  static async start(target: string): Promise<ClickHouseProxy> {
    const server = createServer((request, response) => proxy.forward(new URL(target), request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(target);
    url.port = String((server.address() as AddressInfo).port);
    const proxy: ClickHouseProxy = new ClickHouseProxy(server, url.href);
    return proxy;
  }

  /** Loses the answers to the next inserts. */
  loseAnswers(count: number): void {
    this.toLose = count;
  }

  get losing(): boolean {
    return this.toLose > 0;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private forward(target: URL, request: IncomingMessage, response: ServerResponse): void {
    const isInsert = /insert into/i.test(decodeURIComponent(request.url ?? '').replaceAll('+', ' '));
    const { method, headers } = request;
    const onward = send({ host: target.hostname, port: target.port, path: request.url, method, headers }, (answer) => {
      const body: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => body.push(chunk));
      answer.on('end', () => {
        if (isInsert && answer.statusCode === 200) this.inserts += 1;
        if (isInsert && answer.statusCode === 200 && this.toLose > 0) {
          this.toLose -= 1;
          request.socket.destroy();
          return;
        }
        const { 'transfer-encoding': _, ...kept } = answer.headers;
        response.writeHead(answer.statusCode ?? 502, kept);
        response.end(Buffer.concat(body));
      });
    });
    onward.on('error', () => request.socket.destroy());
    for (const stream of [request, response]) stream.on('error', () => undefined);
    request.pipe(onward);
  }
}
