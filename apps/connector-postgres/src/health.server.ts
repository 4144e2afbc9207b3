import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { ConnectorMetrics } from './connector-metrics.js';
import type { RunSummary } from './run.js';

/**
 * The connector's own port: `/v1/metrics` for Prometheus, `/v1/health/live`, and `/v1/health`, which is red while the last run was not done
 * and while there was none yet. What is said of a run is its summary, which holds no secret.
 */
export class HealthServer {
  private last: RunSummary | null = null;
  private server: Server | null = null;

  constructor(private readonly metrics: ConnectorMetrics) {}

  /** @throws the listening error of a port that is taken */
  async listen(port: number, host: string): Promise<void> {
    const server = createServer(this.answer);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    this.server = server;
  }

  ended(summary: RunSummary): void {
    this.last = summary;
    this.metrics.ended(summary);
  }

  close(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private readonly answer: RequestListener = (request, response) => {
    switch (request.url?.split('?')[0]) {
      case '/v1/health/live':
        return json(response, 200, { status: 'ok' });
      case '/v1/health':
        return this.health(response);
      case '/metrics':
      case '/v1/metrics':
        return void this.exposition(response);
      default:
        return json(response, 404, { status: 'error' });
    }
  };

  private health(response: ServerResponse): void {
    const isWell = this.last?.outcome === 'done';
    json(response, isWell ? 200 : 503, { status: isWell ? 'ok' : 'error', lastRun: this.last });
  }

  private async exposition(response: ServerResponse): Promise<void> {
    const text = await this.metrics.registry.metrics();
    response.writeHead(200, { 'Content-Type': this.metrics.registry.contentType }).end(text);
  }
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
