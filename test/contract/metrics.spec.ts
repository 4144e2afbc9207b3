import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type LiveGateway, startLiveGateway } from './live-gateway.js';
import { type OutsideTool, promtool } from './outside-tools.js';

describe('GET /v1/metrics', () => {
  let tool: OutsideTool;
  let gateway: LiveGateway | undefined;

  beforeAll(async () => {
    tool = await promtool();
    if (tool) gateway = await startLiveGateway();
  }, 400_000);

  afterAll(() => gateway?.close());

  it('gives promtool nothing to say, once requests of every kind have been counted', async () => {
    if (!tool || !gateway) return;
    const authorization = `Bearer ${gateway.token()}`;
    for (const path of ['/v1/principals', '/v1/grants?limit=0', '/v1/nowhere', '/v1/health']) {
      await fetch(gateway.url + path, { headers: { authorization } }).then((answer) => answer.text());
    }
    const metrics = await fetch(`${gateway.url}/v1/metrics`).then((answer) => answer.text());
    expect(metrics).toContain('/v1/principals');

    const check = spawn(tool.bin('promtool'), ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    check.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    check.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    check.stdin.end(metrics);
    const [exitCode] = (await once(check, 'close')) as [number | null];
    expect({ said, exitCode }).toEqual({ said: '', exitCode: 0 });
  });
});
