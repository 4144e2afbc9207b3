import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

/** A gateway with all its parts: a tenant of its own, PostgreSQL, and the embedded ClickHouse, so that its health is good. */
export interface LiveGateway {
  url: string;
  /** A token with every role, good for `hours`. */
  token(hours?: number): string;
  /** The operations that were carried out at least once, as `GET /v1/grants/{id}`. */
  carriedOut(): Set<string>;
  /** What it has logged as an error, one a line. */
  errors(): string;
  close(): Promise<void>;
}

export async function startLiveGateway(): Promise<LiveGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'contract-gateway-'));
  let gateway: TestGateway;
  try {
    const environment = { API_CLICKHOUSE_URL: `chdb://${folder}/clickhouse`, API_REPORTS_WAITING_PER_CALLER: '100000' };
    gateway = await startTestGateway({ auth: 'azure_ad', environment });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const roles = ['governance.admin', 'governance.auditor'];
  return {
    url: gateway.url,
    token: (hours = 1) => gateway.issuer.token({ claims: { roles, exp: Math.floor(Date.now() / 1000) + hours * 3_600 } }),
    carriedOut: () =>
      new Set(
        gateway.process.log
          .filter((line) => line.msg === 'request' && Number(line['status']) < 300)
          .map((line) => `${String(line['method'])} ${String(line['route'])}`),
      ),
    errors: () =>
      gateway.process.log
        .filter((line) => line['level'] === 'error')
        .map((line) => JSON.stringify(line))
        .join('\n'),
    close: async () => {
      await gateway.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
