import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('what operators look at', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startTestGateway({ environment: { API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none' } });
  });

  afterAll(() => gateway.close());

  const metrics = async (): Promise<string[]> => {
    const response = await gateway.http.get('/v1/metrics');
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    return response.text.split('\n');
  };

  it('counts requests by the template of their route and their status, whatever addresses are asked for', async () => {
    const { id } = await factories(gateway.http).principal();
    for (const path of [`/v1/principals/${id}`, `/v1/principals/${NOBODY}`, `/v1/${id}`, `/v1/secret-${id}?q=${id}`])
      await gateway.http.get(path);
    const lines = await metrics();
    const count = (route: string, status: number): string | undefined =>
      lines
        .find((line) => line.startsWith(`http_request_duration_seconds_count{method="GET",route="${route}",status="${status}"} `))
        ?.split(' ')[1];
    expect([count('/v1/principals/{id}', 200), count('/v1/principals/{id}', 404), count('unmatched', 404)]).toEqual(['1', '1', '2']);
    expect(lines.filter((line) => line.includes(id))).toEqual([]);
  });

  it('shows the pool, the event loop and the build', async () => {
    const lines = await metrics();
    for (const name of [
      'database_pool_connections{state="idle"}',
      'nodejs_eventloop_lag_seconds',
      'build_info{version="',
      'http_requests_in_flight',
    ])
      expect([name, lines.some((line) => line.startsWith(name))]).toEqual([name, true]);
  });

  it('is not ready without ClickHouse and names every part, but takes requests, which need none', async () => {
    const ready = await gateway.http.get('/v1/health');
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({
      status: 'error',
      error: { clickhouse: { status: 'down' } },
      details: { postgresql: { status: 'up', latencyMs: expect.any(Number) }, clickhouse: { status: 'down' }, kafka: { status: 'up' } },
    });
    const serving = await gateway.http.get('/v1/health/serving');
    expect([serving.status, serving.body.status, Object.keys(serving.body.details as object)]).toEqual([200, 'ok', ['postgresql']]);
    expect((await gateway.http.get('/v1/health/live')).body).toEqual({ status: 'ok', info: {}, error: {}, details: {} });
  });
});
