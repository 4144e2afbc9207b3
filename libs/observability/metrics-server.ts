import { createServer, type Server } from 'node:http';
import { register } from 'prom-client';

/** Serves this process' metrics and its liveness on a port of their own. */
export function serveMetrics(port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/v1/health/live') return response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"ok"}');
    if (request.url !== '/v1/metrics' && request.url !== '/metrics') return response.writeHead(404).end();
    register.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}
