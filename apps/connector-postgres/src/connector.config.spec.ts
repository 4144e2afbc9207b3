import { ConfigError } from '#libs/config/config.js';
import { loadConnectorConfig } from './connector.config.js';

const MINIMAL = { CONNECTOR_TARGET_URL: 'postgresql://reader:secret@db:5432/app', CONNECTOR_GATEWAY_URL: 'https://gateway.example.com/' };

function problemsOf(environment: Record<string, string>): string[] {
  try {
    loadConnectorConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return [...error.problems];
    throw error;
  }
  return [];
}

describe('the configuration of the connector', () => {
  it('needs the two URLs alone', () => {
    expect(loadConnectorConfig(MINIMAL)).toEqual({
      config: {
        targetUrl: MINIMAL.CONNECTOR_TARGET_URL,
        gatewayUrl: 'https://gateway.example.com',
        credentials: null,
        source: 'postgres',
        serverId: null,
        intervalSeconds: null,
        stateFile: null,
        metricsPort: null,
        metricsHost: '127.0.0.1',
        force: false,
        apply: false,
        serviceAccounts: expect.any(RegExp) as RegExp,
      },
      warnings: [],
    });
  });

  it('lists every problem at once and prints no value', () => {
    const problems = problemsOf({
      CONNECTOR_TARGET_URL: 'mysql://bad-value',
      CONNECTOR_TARGET_CA_FILE: '/bad/value',
      CONNECTOR_TOKEN: 'bad-value',
      CONNECTOR_CLIENT_ID: 'bad-value',
      CONNECTOR_SOURCE: 'bad/value',
      CONNECTOR_SERVER_ID: 'bad/value',
      CONNECTOR_INTERVAL_SECONDS: '0',
      CONNECTOR_METRICS_PORT: '70000',
      CONNECTOR_FORCE: 'bad-value',
      CONNECTOR_APPLY: 'bad-value',
      CONNECTOR_SERVICE_ACCOUNTS: '(bad-value',
    });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'CONNECTOR_TARGET_URL',
      'CONNECTOR_TARGET_CA_FILE',
      'CONNECTOR_GATEWAY_URL',
      'CONNECTOR_CLIENT_ID',
      'CONNECTOR_SOURCE',
      'CONNECTOR_SERVER_ID',
      'CONNECTOR_INTERVAL_SECONDS',
      'CONNECTOR_METRICS_PORT',
      'CONNECTOR_FORCE',
      'CONNECTOR_APPLY',
      'CONNECTOR_SERVICE_ACCOUNTS',
    ]);
    expect(problems.join()).not.toMatch(/bad.value/);
  });

  it('takes client credentials whole or not at all', () => {
    expect(problemsOf({ ...MINIMAL, CONNECTOR_CLIENT_ID: 'connector' })).toEqual([
      'CONNECTOR_TOKEN_URL is required',
      'CONNECTOR_CLIENT_SECRET is required',
    ]);
  });

  it.each(['entra', 'manual', 'Entra'])('refuses the source %s, which is not a connector’s', (source) => {
    expect(problemsOf({ ...MINIMAL, CONNECTOR_SOURCE: source })).toHaveLength(1);
  });

  it('takes an asyncpg URL, and a gateway URL that ends with /v1', () => {
    const environment = { CONNECTOR_TARGET_URL: 'postgresql+asyncpg://r@db/app', CONNECTOR_GATEWAY_URL: 'http://localhost:8000/v1/' };
    expect(loadConnectorConfig(environment).config).toMatchObject({
      targetUrl: 'postgresql://r@db/app',
      gatewayUrl: 'http://localhost:8000',
    });
  });

  it('takes the modes of TLS as psql does, with the CA of a file, and refuses one that would not protect as it says', () => {
    const targetUrl = (query: string, more = {}): string =>
      loadConnectorConfig({ ...MINIMAL, CONNECTOR_TARGET_URL: `postgresql://r@db/app${query}`, ...more }).config.targetUrl;
    const ca = { CONNECTOR_TARGET_CA_FILE: import.meta.filename };
    expect(targetUrl('')).toBe('postgresql://r@db/app');
    expect(targetUrl('?sslmode=require')).toBe('postgresql://r@db/app?sslmode=require&uselibpqcompat=true');
    const verified = new URL(targetUrl('', ca)).searchParams;
    expect([verified.get('sslmode'), verified.get('sslrootcert')]).toEqual(['verify-full', import.meta.filename]);
    expect(problemsOf({ ...MINIMAL, CONNECTOR_TARGET_URL: 'postgresql://r@db/app?sslmode=verify-ca' })).toHaveLength(1);
    expect(problemsOf({ ...MINIMAL, CONNECTOR_TARGET_URL: 'postgresql://r@db/app?sslmode=prefer' })).toHaveLength(1);
  });

  it('warns about a name of its own that it does not know, also where it is why another is missing', () => {
    const warning = 'CONNECTOR_SOURCES is not a variable that this application knows.';
    expect(loadConnectorConfig({ ...MINIMAL, CONNECTOR_SOURCES: 'x' }).warnings).toEqual([warning]);
    expect(() => loadConnectorConfig({ CONNECTOR_SOURCES: 'x' })).toThrow(`CONNECTOR_GATEWAY_URL is required\n  - ${warning}`);
  });
});
