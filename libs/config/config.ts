import { parseSigningKey } from '#libs/events/chain-keys.js';
import { parseStorageUrl } from '#libs/report-storage/storage-location.js';
import { REPORT_KINDS } from '#libs/reports/report-kinds.js';
import { isIP } from 'node:net';

/**
 * Every environment variable that the apps read, in one table. An app reads it once at its start; a wrong or missing one stops the start
 * with all problems listed and no value printed. Names and defaults: DESIGN.md section 9.
 */
export interface Config {
  environment: string;
  databaseUrl: string;
  databasePoolSize: number;
  /** How long a request may wait for a connection of the pool before it is answered 503, in milliseconds. */
  databasePoolTimeoutMs: number;
  clickhouseUrl: string;
  kafkaBootstrap: string;
  kafka: KafkaConfig;
  authMode: 'azure_ad' | 'dev';
  /** Present whenever `authMode` is `azure_ad`. */
  azureAd: { tenantId: string; clientId: string; audience: string; authority: string } | null;
  logLevel: LogLevel;
  corsOrigins: readonly string[];
  host: string;
  port: number;
  /** A port of its own for `/v1/metrics`; null serves it with the API. */
  metricsPort: number | null;
  /** How long the gateway goes on serving after SIGTERM with its readiness red, in seconds, so that load balancers notice. */
  drainSeconds: number;
  /** Proxies whose `X-Forwarded-For` is believed: addresses, ranges, or the words of Express (`loopback`). Empty believes none. */
  trustedProxies: readonly string[];
  /** How often the decay engine rescores every grant, in seconds. */
  rescoreIntervalSeconds: number;
  /** Events older than this are pruned; null keeps them for ever. */
  eventRetentionDays: number | null;
  /** The Ed25519 private key that signs checkpoints of the audit log, as `parseSigningKey` reads it; the worker does not start without. */
  auditSigningKey: string | null;
  /** Where the files of reports are, as `parseStorageUrl` reads it: gateways and workers have to reach the same place. */
  reportStorageUrl: string;
  /** How many reports one caller may have queued or running. */
  reportsWaitingPerCaller: number;
  /** How many reports a worker builds at once. */
  reportsAtOnce: number;
  /** For how long the files of reports are kept, in days: of kinds by their name, of all others by `default`. */
  reportRetentionDays: Readonly<Record<string, number>>;
}

/** How to speak with the brokers, apart from where they are. */
export interface KafkaConfig {
  tls: boolean;
  /** A PEM of the authority that signed the brokers' certificates, where Node does not know it. */
  ca: string | null;
  sasl: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string } | null;
  /** How many brokers keep each topic that is created; null: three, or as many as there are. */
  replicationFactor: number | null;
}

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What stopped a start: one line for each variable, never with its value. What is missing is often there under another name: so the warnings too. */
export class ConfigError extends Error {
  constructor(
    readonly problems: readonly string[],
    warnings: readonly string[] = [],
  ) {
    super(`The configuration is not valid:\n${[...problems, ...warnings].map((line) => `  - ${line}`).join('\n')}`);
  }
}

export type Environment = Record<string, string | undefined>;

/** What an app falls back to where the environment is silent: the local app's embedded parts, for example. */
export type Defaults = Partial<Record<string, string>>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

class Reader {
  readonly problems: string[] = [];
  readonly names = new Set<string>();

  constructor(
    private readonly environment: Environment,
    private readonly defaults: Defaults,
    private readonly alsoRequired: readonly string[] = [],
  ) {}

  /** The value, `fallback` where it is not set or blank; a problem where it does not parse. `undefined` as fallback makes it required. */
  read<T>(name: string, parse: (value: string) => T, fallback?: T): T {
    this.names.add(name);
    const value = this.environment[name]?.trim() || this.defaults[name];
    if (value === undefined) {
      if (fallback === undefined || this.alsoRequired.includes(name)) this.problems.push(`${name} is required`);
      return fallback as T;
    }
    try {
      return parse(value);
    } catch (error) {
      this.problems.push(`${name} ${(error as Error).message}`);
      return fallback as T;
    }
  }
}

const text = (value: string): string => value;

const integer =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };

const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

function oneOf<T extends string>(options: readonly T[], fold: (value: string) => string = text) {
  return (value: string): T => {
    const found = options.find((option) => option === fold(value));
    if (found === undefined) throw new Error(`must be one of ${options.join(', ')}`);
    return found;
  };
}

function parseUrl(value: string, protocols: readonly string[], wanted: string): URL {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || !protocols.includes(url.protocol)) throw new Error(`must be ${wanted}`);
  return url;
}

/** A PostgreSQL URL as `pg` takes it; a driver suffix such as `+asyncpg` is dropped. */
function postgresUrl(value: string): string {
  const plain = value.replace(/^(postgres(?:ql)?)\+[a-z0-9]+:/i, '$1:');
  const url = parseUrl(plain, ['postgres:', 'postgresql:'], 'a PostgreSQL URL: postgresql://user:password@host:5432/database');
  if (url.hostname === '' && !url.searchParams.has('host')) throw new Error('must name a host');
  if (url.pathname.length < 2) throw new Error('must name a database');
  for (const part of [url.username, url.password, url.pathname]) {
    if (/%(?![0-9a-f]{2})/i.test(part)) throw new Error('must have a % of its user, password or database written as %25');
  }
  return plain;
}

function clickhouseUrl(value: string): string {
  const url = parseUrl(value, ['http:', 'https:', 'chdb:'], 'a ClickHouse HTTP URL, or chdb:///path for the embedded engine');
  if (url.protocol === 'chdb:' && url.pathname.length < 2) throw new Error('must name a folder: chdb:///path');
  return value;
}

function kafkaBootstrap(value: string): string {
  if (value === 'in-process') return value;
  const brokers = list(value);
  if (brokers.length === 0 || !brokers.every((broker) => /^(\[[0-9a-f:]+\]|[^\s:/,]+):\d{1,5}$/i.test(broker))) {
    throw new Error('must be comma-separated brokers (host:port), or in-process');
  }
  return brokers.join(',');
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The Entra authority, without a slash at its end. Plain http is for test issuers on this machine only. */
function authority(value: string): string {
  const url = parseUrl(value, ['https:', 'http:'], 'an https URL');
  if (url.protocol === 'http:' && !LOOPBACK.has(url.hostname))
    throw new Error('must be an https URL; http is taken on a loopback address only');
  return value.replace(/\/+$/, '');
}

function corsOrigins(value: string): readonly string[] {
  const origins = list(value);
  for (const origin of origins) {
    if (origin === '*') continue;
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new Error('must be * or comma-separated origins such as https://app.example.com');
  }
  return origins.includes('*') ? ['*'] : origins;
}

/** Checked here, so that a bad one stops the start with all other problems; `parseSigningKey` says what it may be. */
function signingKey(value: string): string {
  parseSigningKey(value);
  return value;
}

/** Checked here as well; `parseStorageUrl` says what it may be. */
function storageUrl(value: string): string {
  parseStorageUrl(value);
  return value;
}

function readKafka(env: Reader): KafkaConfig {
  const tls = env.read('API_KAFKA_TLS', oneOf(['on', 'off'] as const), 'off') === 'on';
  const ca = env.read<string | null>('API_KAFKA_CA', text, null);
  const replicationFactor = env.read<number | null>('API_KAFKA_REPLICATION_FACTOR', integer(1, 32), null);
  const mechanism = env.read('API_KAFKA_SASL_MECHANISM', oneOf(['none', 'plain', 'scram-sha-256', 'scram-sha-512'] as const), 'none');
  const credential = (name: string): string => env.read(name, text, mechanism === 'none' ? '' : undefined);
  const username = credential('API_KAFKA_SASL_USERNAME');
  const password = credential('API_KAFKA_SASL_PASSWORD');
  return { tls, ca, replicationFactor, sasl: mechanism === 'none' ? null : { mechanism, username, password } };
}

const PROXY_WORDS = new Set(['loopback', 'linklocal', 'uniquelocal']);

/** Checked here, because Express would stop the start with the value in its message. */
function trustedProxies(value: string): readonly string[] {
  const proxies = list(value);
  const isProxy = (proxy: string): boolean => {
    const [address = '', bits, ...rest] = proxy.split('/');
    const longest = isIP(address) === 4 ? 32 : 128;
    return isIP(address) !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= longest));
  };
  if (!proxies.every((proxy) => PROXY_WORDS.has(proxy) || isProxy(proxy))) {
    throw new Error('must be comma-separated addresses, ranges such as 10.0.0.0/8, or the words loopback, linklocal and uniquelocal');
  }
  return proxies;
}

const RETENTION_DAYS = /^(?:([a-z_]+)=)?([1-9]\d{0,4})$/;

/** `90`, `90,audit_extract=3650` or `audit_extract=3650`. */
function retentionDays(value: string): Readonly<Record<string, number>> {
  const days: Record<string, number> = { default: 90 };
  for (const part of list(value)) {
    const [, kind = 'default', count] = RETENTION_DAYS.exec(part) ?? [];
    if (count === undefined || (kind !== 'default' && !(REPORT_KINDS as readonly string[]).includes(kind))) {
      throw new Error('must be days, such as 90, and those of kinds of reports, such as 90,audit_extract=3650');
    }
    days[kind] = Number(count);
  }
  return days;
}

/** Warns of names that are ours but for their prefix. HOST is not one of them: shells set it for themselves. */
function bareNames(environment: Environment, known: ReadonlySet<string>): string[] {
  return Object.keys(environment)
    .filter((name) => known.has(`API_${name}`) && name !== 'HOST' && environment[`API_${name}`] === undefined)
    .map((name) => `${name} is ignored; the variable is API_${name}.`);
}

/**
 * Reads the configuration. Pure: takes the environment, answers the configuration and the warnings to log.
 *
 * @param alsoRequired variables that others may leave out and this app may not
 * @throws ConfigError with every problem at once
 */
export function loadConfig(
  environment: Environment,
  defaults: Defaults = {},
  alsoRequired: readonly string[] = [],
): { config: Config; warnings: string[] } {
  const env = new Reader(environment, defaults, alsoRequired);
  const nodeEnv = environment['NODE_ENV'] ?? 'development';
  const authMode = env.read('API_AUTH_MODE', oneOf(['azure_ad', 'dev'] as const), 'azure_ad');
  if (authMode === 'dev' && nodeEnv === 'production') env.problems.push('API_AUTH_MODE must not be dev while NODE_ENV is production');

  const needsAzure = authMode === 'azure_ad';
  const azure = <T>(name: string, parse: (value: string) => T): T | null => env.read<T | null>(name, parse, needsAzure ? undefined : null);
  const tenantId = azure('API_AZURE_AD_TENANT_ID', (value) => {
    if (!UUID.test(value)) throw new Error('must be a tenant id, which is a UUID: tokens name no other');
    return value.toLowerCase();
  });
  const clientId = azure('API_AZURE_AD_CLIENT_ID', text);
  const audience = azure('API_AZURE_AD_AUDIENCE', text);
  const azureAuthority = env.read('API_AZURE_AD_AUTHORITY', authority, 'https://login.microsoftonline.com');

  const config: Config = {
    environment: nodeEnv,
    databaseUrl: env.read('API_DATABASE_URL', postgresUrl),
    databasePoolSize: env.read('API_DATABASE_POOL_SIZE', integer(1, 500), 16),
    databasePoolTimeoutMs: env.read('API_DATABASE_POOL_TIMEOUT_MS', integer(50, 60_000), 1_500),
    clickhouseUrl: env.read('API_CLICKHOUSE_URL', clickhouseUrl),
    kafkaBootstrap: env.read('API_KAFKA_BOOTSTRAP', kafkaBootstrap),
    kafka: readKafka(env),
    authMode,
    azureAd: needsAzure
      ? { tenantId: tenantId as string, clientId: clientId as string, audience: audience as string, authority: azureAuthority }
      : null,
    logLevel: env.read(
      'API_LOG_LEVEL',
      oneOf(LOG_LEVELS, (value) => value.toUpperCase()),
      'INFO',
    ),
    corsOrigins: env.read('API_CORS_ORIGINS', corsOrigins, ['*']),
    host: env.read('API_HOST', text, '0.0.0.0'),
    port: env.read('API_PORT', integer(0, 65_535), 8000),
    metricsPort: env.read<number | null>('API_METRICS_PORT', integer(0, 65_535), null),
    drainSeconds: env.read('API_DRAIN_SECONDS', integer(0, 300), 5),
    trustedProxies: env.read('API_TRUSTED_PROXIES', trustedProxies, []),
    rescoreIntervalSeconds: env.read('API_RESCORE_INTERVAL_SECONDS', integer(1, 86_400), 3_600),
    eventRetentionDays: env.read<number | null>('API_EVENT_RETENTION_DAYS', integer(1, 36_500), null),
    auditSigningKey: env.read<string | null>('API_AUDIT_SIGNING_KEY', signingKey, null),
    reportStorageUrl: env.read('API_REPORT_STORAGE_URL', storageUrl, 'file:///var/lib/access-governance/reports'),
    reportsWaitingPerCaller: env.read('API_REPORTS_WAITING_PER_CALLER', integer(1, 100_000), 100),
    reportsAtOnce: env.read('API_REPORTS_AT_ONCE', integer(1, 64), 2),
    reportRetentionDays: env.read('API_REPORT_RETENTION_DAYS', retentionDays, { default: 90 }),
  };
  const unknown = Object.keys(environment).filter((name) => name.startsWith('API_') && !env.names.has(name));
  const warnings = [
    ...unknown.map((name) => `${name} is not a variable that this application knows.`),
    ...bareNames(environment, env.names),
  ];
  if (env.problems.length > 0) throw new ConfigError(env.problems, warnings);
  return { config, warnings };
}

/**
 * The one variable that the migrations need.
 *
 * @throws ConfigError
 */
export function loadDatabaseUrl(environment: Environment): string {
  const env = new Reader(environment, {});
  const url = env.read('API_DATABASE_URL', postgresUrl);
  if (env.problems.length > 0) throw new ConfigError(env.problems, bareNames(environment, env.names));
  return url;
}
