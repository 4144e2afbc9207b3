import { generateSigningKey } from '#libs/events/chain-keys.js';
import { type Config, ConfigError, type Environment, loadConfig, loadDatabaseUrl, LOG_LEVELS } from './config.js';

const TENANT = '5a3c0a3e-7d7c-4f0e-9b1f-0d6a5b9f4c21';
const REQUIRED = {
  API_DATABASE_URL: 'postgresql://gateway:secret@db:5432/gateway',
  API_CLICKHOUSE_URL: 'http://gateway:secret@clickhouse:8123/gateway',
  API_KAFKA_BOOTSTRAP: 'kafka:9092',
};
const AZURE = { API_AZURE_AD_TENANT_ID: TENANT, API_AZURE_AD_CLIENT_ID: 'client', API_AZURE_AD_AUDIENCE: 'api://gateway' };
const VALID = { ...REQUIRED, ...AZURE };
const SIGNING_KEY = generateSigningKey();

function load(environment: Environment): Config {
  return loadConfig({ ...VALID, ...environment }).config;
}

function problemsOf(environment: Environment): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Of each variable: where it stands in the configuration, what it is when it is not set, what is taken, and what is refused. */
const VARIABLES: {
  name: string;
  of: (config: Config) => unknown;
  fallback?: unknown;
  taken: [value: string, read: unknown][];
  refused: string[];
}[] = [
  {
    name: 'API_DATABASE_URL',
    of: (config) => config.databaseUrl,
    taken: [
      ['postgres://u:p@h/d', 'postgres://u:p@h/d'],
      ['postgresql+asyncpg://u:p@h:5432/d?sslmode=require', 'postgresql://u:p@h:5432/d?sslmode=require'],
      ['postgresql+psycopg2://u@h/d', 'postgresql://u@h/d'],
      ['postgresql://u:p%25@[::1]:5432/d', 'postgresql://u:p%25@[::1]:5432/d'],
    ],
    refused: ['mysql://u:p@h/d', 'postgresql://u:p@h', 'postgresql://u:p@h/', 'postgresql:///d', 'h:5432', 'postgresql://u:50%@h/d'],
  },
  {
    name: 'API_DATABASE_POOL_SIZE',
    of: (config) => config.databasePoolSize,
    fallback: 16,
    taken: [
      ['1', 1],
      ['500', 500],
    ],
    refused: ['0', '501', '-1', '1.5', '1e2', 'ten'],
  },
  {
    name: 'API_DATABASE_POOL_TIMEOUT_MS',
    of: (config) => config.databasePoolTimeoutMs,
    fallback: 1_500,
    taken: [
      ['50', 50],
      ['60000', 60_000],
    ],
    refused: ['49', '60001', '1s'],
  },
  {
    name: 'API_CLICKHOUSE_URL',
    of: (config) => config.clickhouseUrl,
    taken: [
      ['https://u:p@h/d', 'https://u:p@h/d'],
      ['chdb:///var/lib/audit', 'chdb:///var/lib/audit'],
    ],
    refused: ['clickhouse://h', 'chdb://hunter2', 'h:8123'],
  },
  {
    name: 'API_KAFKA_BOOTSTRAP',
    of: (config) => config.kafkaBootstrap,
    taken: [
      ['a:1, b:2,', 'a:1,b:2'],
      ['[::1]:9092', '[::1]:9092'],
      ['in-process', 'in-process'],
    ],
    refused: ['kafka', 'kafka:', ',', 'http://kafka:9092', 'a:1 b:2'],
  },
  {
    name: 'API_KAFKA_TLS',
    of: (config) => config.kafka.tls,
    fallback: false,
    taken: [
      ['on', true],
      ['off', false],
    ],
    refused: ['true', '1'],
  },
  { name: 'API_KAFKA_CA', of: (config) => config.kafka.ca, fallback: null, taken: [['-----BEGIN', '-----BEGIN']], refused: [] },
  {
    name: 'API_KAFKA_REPLICATION_FACTOR',
    of: (config) => config.kafka.replicationFactor,
    fallback: null,
    taken: [
      ['1', 1],
      ['32', 32],
    ],
    refused: ['0', '33'],
  },
  {
    name: 'API_KAFKA_SASL_MECHANISM',
    of: (config) => config.kafka.sasl,
    fallback: null,
    taken: [['none', null]],
    refused: ['gssapi', 'plain'],
  },
  {
    name: 'API_AUTH_MODE',
    of: (config) => config.authMode,
    fallback: 'azure_ad',
    taken: [
      ['azure_ad', 'azure_ad'],
      ['dev', 'dev'],
    ],
    refused: ['none', 'Dev', 'basic'],
  },
  {
    name: 'API_AZURE_AD_TENANT_ID',
    of: (config) => config.azureAd?.tenantId,
    taken: [[TENANT.toUpperCase(), TENANT]],
    refused: ['contoso.com', 'common'],
  },
  { name: 'API_AZURE_AD_CLIENT_ID', of: (config) => config.azureAd?.clientId, taken: [[' id ', 'id']], refused: [] },
  { name: 'API_AZURE_AD_AUDIENCE', of: (config) => config.azureAd?.audience, taken: [['api://x', 'api://x']], refused: [] },
  {
    name: 'API_AZURE_AD_AUTHORITY',
    of: (config) => config.azureAd?.authority,
    fallback: 'https://login.microsoftonline.com',
    taken: [
      ['https://login.microsoftonline.us/', 'https://login.microsoftonline.us'],
      ['http://127.0.0.1:1', 'http://127.0.0.1:1'],
    ],
    refused: ['http://login.microsoftonline.com', 'login.microsoftonline.com', 'http://127.0.0.1.example.com'],
  },
  {
    name: 'API_LOG_LEVEL',
    of: (config) => config.logLevel,
    fallback: 'INFO',
    taken: LOG_LEVELS.flatMap((level): [string, string][] => [
      [level, level],
      [level.toLowerCase(), level],
    ]),
    refused: ['TRACE', 'WARN'],
  },
  {
    name: 'API_CORS_ORIGINS',
    of: (config) => config.corsOrigins,
    fallback: ['*'],
    taken: [
      ['https://a.example, http://b.example:8080', ['https://a.example', 'http://b.example:8080']],
      ['https://a.example,*', ['*']],
    ],
    refused: ['https://a.example/', 'a.example', 'https://a.example/path'],
  },
  { name: 'API_HOST', of: (config) => config.host, fallback: '0.0.0.0', taken: [['::1', '::1']], refused: [] },
  {
    name: 'API_PORT',
    of: (config) => config.port,
    fallback: 8000,
    taken: [
      ['0', 0],
      ['65535', 65_535],
    ],
    refused: ['65536', '-1', '80a'],
  },
  { name: 'API_METRICS_PORT', of: (config) => config.metricsPort, fallback: null, taken: [['9464', 9464]], refused: ['65536', 'off'] },
  {
    name: 'API_DRAIN_SECONDS',
    of: (config) => config.drainSeconds,
    fallback: 5,
    taken: [
      ['0', 0],
      ['300', 300],
    ],
    refused: ['301', '0.5'],
  },
  {
    name: 'API_TRUSTED_PROXIES',
    of: (config) => config.trustedProxies,
    fallback: [],
    taken: [
      ['10.0.0.0/8, ::1, loopback', ['10.0.0.0/8', '::1', 'loopback']],
      ['fd00::/128', ['fd00::/128']],
    ],
    refused: ['10.0.0.0/33', 'proxy.example', 'true', '1', '10.0.0.1/8/8', '::/129'],
  },
  {
    name: 'API_RESCORE_INTERVAL_SECONDS',
    of: (config) => config.rescoreIntervalSeconds,
    fallback: 3_600,
    taken: [['1', 1]],
    refused: ['0', '86401'],
  },
  {
    name: 'API_REPORT_STORAGE_URL',
    of: (config) => config.reportStorageUrl,
    fallback: 'file:///var/lib/access-governance/reports',
    taken: [
      'file:///srv/reports',
      's3://evidence',
      's3://evidence/reports/2026?region=eu-central-1',
      's3://evidence?endpoint=http://127.0.0.1:9000&region=eu',
    ].map((url) => [url, url]),
    refused: [
      ...[
        '/srv/reports',
        'file://host/reports',
        'file:///?a',
        'file:///a%2Fb',
        'https://hunter2',
        's3:///p',
        's3://Evidence_',
        's3://b/a b',
      ],
      ...['s3://key:hunter2@b', 's3://b?acl=public', 's3://b?region=a&region=b', 's3://b?endpoint=ftp://h', 's3://b?region='],
    ],
  },
  {
    name: 'API_EVENT_RETENTION_DAYS',
    of: (config) => config.eventRetentionDays,
    fallback: null,
    taken: [
      ['1', 1],
      ['36500', 36_500],
    ],
    refused: ['0', '36501'],
  },
  {
    name: 'API_AUDIT_SIGNING_KEY',
    of: (config) => config.auditSigningKey,
    fallback: null,
    taken: [[SIGNING_KEY.trim(), SIGNING_KEY.trim()]],
    refused: ['key', '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----'],
  },
  {
    name: 'API_REPORTS_WAITING_PER_CALLER',
    of: (config) => config.reportsWaitingPerCaller,
    fallback: 100,
    taken: [
      ['1', 1],
      ['100000', 100_000],
    ],
    refused: ['0', '100001'],
  },
  {
    name: 'API_REPORTS_AT_ONCE',
    of: (config) => config.reportsAtOnce,
    fallback: 2,
    taken: [
      ['1', 1],
      ['64', 64],
    ],
    refused: ['0', '65'],
  },
  {
    name: 'API_REPORT_RETENTION_DAYS',
    of: (config) => config.reportRetentionDays,
    fallback: { default: 90 },
    taken: [
      ['30', { default: 30 }],
      ['30, audit_extract=3650', { default: 30, audit_extract: 3650 }],
      ['dormant_access=7', { default: 90, dormant_access: 7 }],
    ],
    refused: ['0', 'soon', '90,weather=1', '-1', '1.5', 'audit_extract=0', '=5'],
  },
];

const TAKEN = VARIABLES.flatMap(({ name, of, taken }) => taken.map(([value, read]) => ({ name, of, value, read })));
const REFUSED = VARIABLES.flatMap(({ name, refused }) => refused.map((value) => ({ name, value })));
const OPTIONAL = VARIABLES.filter(({ fallback }) => fallback !== undefined);

describe('the configuration', () => {
  it.each(TAKEN)('takes $value for $name', ({ name, value, of, read }) => {
    expect(of(load({ [name]: value }))).toEqual(read);
  });

  it.each(REFUSED)('refuses $value for $name, naming the variable and never the value', ({ name, value }) => {
    const problems = problemsOf({ ...VALID, [name]: value });
    expect(problems).not.toEqual([]);
    expect(problems.every((problem) => problem.startsWith('API_'))).toBe(true);
    expect(problems.filter((problem) => problem.startsWith(name.slice(0, 14)))).not.toEqual([]);
    if (value.length > 4) expect(problems.join('\n')).not.toContain(value);
  });

  it.each(OPTIONAL)('falls back where $name is not set, or blank', ({ name, of, fallback }) => {
    expect(of(load({}))).toEqual(fallback);
    expect(of(load({ [name]: '  ' }))).toEqual(fallback);
  });

  it('reads every variable that it knows in this table', () => {
    const unknown = loadConfig({ ...VALID, ...Object.fromEntries(VARIABLES.map(({ name, taken }) => [name, taken[0]?.[0]])) }).warnings;
    expect(unknown).toEqual([]);
  });

  it('names every problem at once', () => {
    const broken = { API_DATABASE_URL: 'mysql://u:hunter2@h/d', API_PORT: 'eighty', API_LOG_LEVEL: 'LOUD', API_DRAIN_SECONDS: '-1' };
    const named = problemsOf(broken).map((problem) => problem.split(' ')[0]);
    const missing = ['API_CLICKHOUSE_URL', 'API_KAFKA_BOOTSTRAP', ...Object.keys(AZURE)];
    expect(named.sort()).toEqual([...Object.keys(broken), ...missing].sort());
  });

  it('names what one app alone requires among the others', () => {
    expect(loadConfig(VALID).config.auditSigningKey).toBeNull();
    const { API_KAFKA_BOOTSTRAP: _, ...incomplete } = VALID;
    const both = 'API_KAFKA_BOOTSTRAP is required\n  - API_AUDIT_SIGNING_KEY is required';
    expect(() => loadConfig(incomplete, {}, ['API_AUDIT_SIGNING_KEY'])).toThrow(both);
  });

  it('prints no value in what it says', () => {
    const secrets = Object.fromEntries(VARIABLES.map(({ name }) => [name, 'hunter2://hunter2:hunter2@ hunter2']));
    expect(() => loadConfig(secrets)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') }));
    const { warnings } = loadConfig({ ...VALID, API_PASSWORD: 'hunter2', DATABASE_POOL_SIZE: 'hunter2' });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).not.toContain('hunter2');
  });

  it('asks for the tenant, the client and the audience where tokens are checked, and for none of them in dev mode', () => {
    expect(problemsOf(REQUIRED).map((problem) => problem.split(' ')[0])).toEqual(Object.keys(AZURE));
    expect(loadConfig({ ...REQUIRED, API_AUTH_MODE: 'dev' }).config.azureAd).toBeNull();
  });

  it('refuses dev mode in production, however it was set', () => {
    const problem = 'API_AUTH_MODE must not be dev while NODE_ENV is production';
    expect(problemsOf({ ...REQUIRED, API_AUTH_MODE: 'dev', NODE_ENV: 'production' })).toEqual([problem]);
    expect(() => loadConfig({ ...REQUIRED, NODE_ENV: 'production' }, { API_AUTH_MODE: 'dev' })).toThrow(problem);
  });

  it('asks for user and password with a SASL mechanism', () => {
    const named = problemsOf({ ...VALID, API_KAFKA_SASL_MECHANISM: 'plain' }).map((problem) => problem.split(' ')[0]);
    expect(named).toEqual(['API_KAFKA_SASL_USERNAME', 'API_KAFKA_SASL_PASSWORD']);
    const sasl = { API_KAFKA_SASL_MECHANISM: 'scram-sha-512', API_KAFKA_SASL_USERNAME: 'u', API_KAFKA_SASL_PASSWORD: 'p' };
    expect(load(sasl).kafka.sasl).toEqual({ mechanism: 'scram-sha-512', username: 'u', password: 'p' });
  });

  it('says with what is missing under which name it may be there', () => {
    const hints =
      'API_DATABSE_URL is not a variable that this application knows.\n  - DATABASE_URL is ignored; the variable is API_DATABASE_URL.';
    const mistaken = { API_DATABSE_URL: 'hunter2', DATABASE_URL: 'hunter2' };
    expect(() => loadConfig(mistaken)).toThrow(`API_KAFKA_BOOTSTRAP is required\n  - ${hints}`);
    expect(() => loadConfig(mistaken)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('hunter2') }));
    expect(() => loadDatabaseUrl(mistaken)).toThrow(
      'API_DATABASE_URL is required\n  - DATABASE_URL is ignored; the variable is API_DATABASE_URL.',
    );
  });

  it('warns of a variable with our prefix that it does not know', () => {
    expect(loadConfig({ ...VALID, API_DATABSE_URL: 'x' }).warnings).toEqual([
      'API_DATABSE_URL is not a variable that this application knows.',
    ]);
  });

  it.each(['DATABASE_URL', 'AUTH_MODE', 'AZURE_AD_TENANT_ID', 'LOG_LEVEL', 'PORT', 'DRAIN_SECONDS', 'EVENT_RETENTION_DAYS'])(
    'warns of %s without its prefix, unless the right one is there too',
    (name) => {
      const value = { AUTH_MODE: 'azure_ad', LOG_LEVEL: 'INFO', PORT: '1', DRAIN_SECONDS: '1', EVENT_RETENTION_DAYS: '1' }[name];
      const { [`API_${name}`]: _right, ...without } = VALID as Record<string, string>;
      const defaults = { [`API_${name}`]: (VALID as Record<string, string>)[`API_${name}`] ?? value };
      expect(loadConfig({ ...without, [name]: 'x' }, defaults).warnings).toEqual([`${name} is ignored; the variable is API_${name}.`]);
      expect(loadConfig({ ...without, ...defaults, [name]: 'x' }).warnings).toEqual([]);
    },
  );

  it('does not speak of what other programs set', () => {
    expect(loadConfig({ ...VALID, HOST: 'laptop', PATH: '/bin', URL: 'x', TLS: 'on', NODE_ENV: 'test', APIKEY: 'x' }).warnings).toEqual([]);
  });

  it('takes what the environment says before what an app falls back to', () => {
    const { config } = loadConfig({ ...VALID, API_PORT: '1' }, { API_PORT: '2', API_HOST: '127.0.0.1' });
    expect([config.port, config.host]).toEqual([1, '127.0.0.1']);
  });

  it('lets a migration start with its database alone', () => {
    expect(loadDatabaseUrl({ API_DATABASE_URL: 'postgresql+asyncpg://u:p@h/d' })).toBe('postgresql://u:p@h/d');
    expect(() => loadDatabaseUrl({})).toThrow('API_DATABASE_URL is required');
  });
});
