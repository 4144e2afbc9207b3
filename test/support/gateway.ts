import { loadConfig } from '#libs/config/config.js';
import { type RunningGateway, startGateway } from '../../apps/gateway/src/start.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { TestIssuer } from './test-issuer.js';
import supertest from 'supertest';

export interface TestGateway {
  url: string;
  gateway: RunningGateway;
  database: TestDatabase;
  /** Requests without a token: the dev user's in dev mode, nobody's otherwise. */
  http: ReturnType<typeof supertest>;
  /** A bearer token with such roles; in azure_ad mode only. */
  token(...roles: string[]): string;
  issuer: TestIssuer | null;
  close(): Promise<void>;
}

/**
 * The gateway in this process on a database of its own and a free port. ClickHouse is at an address where nobody listens unless the
 * environment says otherwise: nothing but its health needs it yet.
 */
export async function startTestGateway(
  options: { auth?: 'dev' | 'azure_ad'; environment?: Record<string, string> } = {},
): Promise<TestGateway> {
  const database = await createTestDatabase();
  const issuer = options.auth === 'azure_ad' ? await TestIssuer.start() : null;
  const { config } = loadConfig({
    NODE_ENV: 'test',
    API_DATABASE_URL: database.url,
    API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none',
    API_KAFKA_BOOTSTRAP: 'in-process',
    API_HOST: '127.0.0.1',
    API_PORT: '0',
    API_LOG_LEVEL: 'CRITICAL',
    API_DRAIN_SECONDS: '0',
    API_DATABASE_POOL_SIZE: '8',
    ...(issuer ? { API_AUTH_MODE: 'azure_ad', ...issuer.environment } : { API_AUTH_MODE: 'dev' }),
    ...options.environment,
  });
  const gateway = await startGateway(config);
  return {
    url: gateway.url,
    gateway,
    database,
    http: supertest(gateway.url),
    token: (...roles) => {
      if (!issuer) throw new Error('Tokens want azure_ad mode.');
      return issuer.tokenFor({ roles });
    },
    issuer,
    close: async () => {
      await gateway.close(0);
      await issuer?.close();
      await database.drop();
    },
  };
}
