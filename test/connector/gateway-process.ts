import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { eventually } from '../support/eventually.js';

const MAIN = resolve(import.meta.dirname, '../../dist/apps/gateway/src/main.js');
const START_TIMEOUT_MS = 30_000;

/** The gateway as a process of its own, from `dist` (`npm test` builds it): both sides of the API have a core each, as in life. */
export class GatewayProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async start(variables: Record<string, string>): Promise<GatewayProcess> {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('API_')));
    const port = await freePort();
    const environment = { ...own, API_HOST: '127.0.0.1', API_PORT: String(port), API_LOG_LEVEL: 'ERROR', ...variables };
    const child = spawn(process.execPath, [MAIN], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-8_000)));
    const gateway = new GatewayProcess(child, `http://127.0.0.1:${port}`);
    try {
      await eventually(async () => child.exitCode !== null || (await fetch(`${gateway.url}/v1/health/serving`)).ok, START_TIMEOUT_MS);
      if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode}.`);
    } catch (error) {
      await gateway.stop();
      throw new Error(`The gateway did not start:\n${log}`, { cause: error });
    }
    return gateway;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    await ended;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
