import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaled } from '../support/scale.js';
import { type LiveGateway, startLiveGateway } from './live-gateway.js';
import { type OutsideTool, pythonTool } from './outside-tools.js';

const EXAMPLES_PER_OPERATION = 500;
const TIMEOUT_MS = 4 * 3_600_000;

describe('the gateway and its OpenAPI document', () => {
  let schemathesis: OutsideTool;
  let gateway: LiveGateway | undefined;

  beforeAll(async () => {
    schemathesis = await pythonTool('schemathesis==4.32.5');
    if (schemathesis) gateway = await startLiveGateway();
  }, 400_000);

  afterAll(() => gateway?.close());

  it(
    'agree, whatever is sent: every check of schemathesis passes, and no answer is 500',
    async () => {
      if (!schemathesis || !gateway) return;
      const args = [
        '--config-file',
        join(import.meta.dirname, 'schemathesis.toml'),
        'run',
        `${gateway.url}/v1/openapi.json`,
        ...['--max-examples', String(scaled(EXAMPLES_PER_OPERATION)), '--continue-on-failure', '--no-color', '--workers', '2'],
      ];
      // It leaves what it has found out in its working directory.
      const folder = await mkdtemp(join(tmpdir(), 'contract-schemathesis-'));
      const hooks = { PYTHONPATH: import.meta.dirname, SCHEMATHESIS_HOOKS: 'schemathesis_hooks' };
      const env = { ...process.env, ...hooks, PYTHONDONTWRITEBYTECODE: '1', CONTRACT_TOKEN: gateway.token(12) };
      const run = spawn(schemathesis.bin('schemathesis'), args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let report = '';
      run.stdout.setEncoding('utf8').on('data', (chunk: string) => (report += chunk));
      run.stderr.setEncoding('utf8').on('data', (chunk: string) => (report += chunk));
      const [exitCode] = (await once(run, 'close')) as [number | null];
      await rm(folder, { recursive: true });
      if (exitCode !== 0) throw new Error(`schemathesis ended with ${exitCode}:\n${report}\n${gateway.errors()}`);
    },
    TIMEOUT_MS,
  );
});
