import { accessSync, constants } from 'node:fs';
import { ConfigError, type Environment } from '#libs/config/config.js';

/** How the connector proves to the gateway who it is; null sends no token, which a gateway in dev mode takes. */
export type Credentials =
  | { kind: 'token'; token: string }
  | { kind: 'client_credentials'; tokenUrl: string; clientId: string; clientSecret: string; scope: string | null }
  | null;

export interface ConnectorConfig {
  /** With the modes of TLS as libpq has them, and the CA's file. */
  targetUrl: string;
  /** Without a slash at its end, and without `/v1`. */
  gatewayUrl: string;
  credentials: Credentials;
  /** The `source` of everything that this connector keeps: its role is `governance.connector:<source>`. */
  source: string;
  /** Takes the place of the server's system identifier in external ids: to go on with the same ids after an upgrade of the server. */
  serverId: string | null;
  /** From the start of a run to the start of the next, in seconds; null is one run. */
  intervalSeconds: number | null;
  /** Where what a run has to remember of use is kept; null keeps it for as long as the process lives. */
  stateFile: string | null;
  /** Where metrics and health are served; null is nowhere. */
  metricsPort: number | null;
  metricsHost: string;
  /** Lets a run through that the safeguards would stop. */
  force: boolean;
  /** Carries out at the target what reviews have decided to revoke; else the statements are printed for a person. */
  apply: boolean;
  /** Which roles that can log in are service accounts: those whose name this matches. */
  serviceAccounts: RegExp;
}

const NAMES = [
  'CONNECTOR_TARGET_URL',
  'CONNECTOR_TARGET_CA_FILE',
  'CONNECTOR_GATEWAY_URL',
  'CONNECTOR_TOKEN',
  'CONNECTOR_TOKEN_URL',
  'CONNECTOR_CLIENT_ID',
  'CONNECTOR_CLIENT_SECRET',
  'CONNECTOR_SCOPE',
  'CONNECTOR_SOURCE',
  'CONNECTOR_SERVER_ID',
  'CONNECTOR_INTERVAL_SECONDS',
  'CONNECTOR_STATE_FILE',
  'CONNECTOR_METRICS_PORT',
  'CONNECTOR_METRICS_HOST',
  'CONNECTOR_FORCE',
  'CONNECTOR_APPLY',
  'CONNECTOR_SERVICE_ACCOUNTS',
] as const;
type Name = (typeof NAMES)[number];

const KNOWN: ReadonlySet<string> = new Set(NAMES);
const SERVICE_ACCOUNTS = '^(svc|service)[_-]|[_-](svc|service)$';
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];
const MAX_INTERVAL_SECONDS = 604_800;

/** What keeps a value from being taken; the message never repeats it. */
class Invalid extends Error {}

class Reader {
  readonly problems: string[] = [];

  constructor(private readonly environment: Environment) {}

  has(name: Name): boolean {
    return Boolean(this.environment[name]?.trim());
  }

  required<T>(name: Name, parse: (value: string) => T): T | null {
    if (!this.has(name)) this.problems.push(`${name} is required`);
    return this.optional<T | null>(name, parse, null);
  }

  optional<T>(name: Name, parse: (value: string) => T, fallback: T): T {
    const value = this.environment[name]?.trim();
    if (!value) return fallback;
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      this.problems.push(`${name} ${error.message}`);
      return fallback;
    }
  }
}

const text = (value: string): string => value;

function postgresUrl(value: string): string {
  const plain = value.replace(/^(postgres(?:ql)?)\+[a-z0-9]+:/i, '$1:');
  const url = URL.canParse(plain) ? new URL(plain) : null;
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new Invalid('must be a PostgreSQL URL: postgresql://user:password@host:5432/database');
  }
  if (url.hostname === '' && !url.searchParams.has('host')) throw new Invalid('must name a host');
  if (url.pathname.length < 2) throw new Invalid('must name a database');
  return plain;
}

function readableFile(value: string): string {
  try {
    accessSync(value, constants.R_OK);
    return value;
  } catch {
    throw new Invalid('must be a file that can be read');
  }
}

/** The driver's own reading of `sslmode` differs from that of every other PostgreSQL client: it is asked to take it as they do. */
function withTls(targetUrl: string, caFile: string | null, problems: string[]): string {
  if (!URL.canParse(targetUrl)) return targetUrl;
  const url = new URL(targetUrl);
  const { searchParams } = url;
  if (caFile !== null) searchParams.set('sslrootcert', caFile);
  const hasCa = searchParams.has('sslrootcert');
  if (!hasCa && !searchParams.has('sslmode')) return targetUrl;
  const mode = searchParams.get('sslmode') ?? 'verify-full';
  if (!SSL_MODES.includes(mode)) problems.push(`CONNECTOR_TARGET_URL must have an sslmode of ${SSL_MODES.join(', ')}`);
  if (mode === 'verify-ca' && !hasCa) problems.push('CONNECTOR_TARGET_CA_FILE is required with the sslmode verify-ca');
  searchParams.set('sslmode', mode);
  searchParams.set('uselibpqcompat', 'true');
  return url.href;
}

function httpUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw new Invalid('must be an http or https URL');
  return value;
}

const gatewayUrl = (value: string): string => httpUrl(value).replace(/\/+$/, '').replace(/\/v1$/, '');

function source(value: string): string {
  if (!/^[a-z0-9][a-z0-9._-]{0,49}$/i.test(value)) throw new Invalid('must be a name of letters, digits, dots, hyphens and underscores');
  // A caller is a principal through the source entra: no connector may make itself somebody.
  if (['entra', 'manual'].includes(value.toLowerCase())) throw new Invalid('must not be entra or manual, which have no connector');
  return value;
}

function serverId(value: string): string {
  if (!/^[a-z0-9][a-z0-9._-]{0,49}$/i.test(value)) throw new Invalid('must be a name of letters, digits, dots, hyphens and underscores');
  return value;
}

function seconds(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > MAX_INTERVAL_SECONDS) {
    throw new Invalid(`must be a whole number from 1 to ${MAX_INTERVAL_SECONDS}`);
  }
  return number;
}

function port(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 65_535) throw new Invalid('must be a port from 1 to 65535');
  return number;
}

function onOff(value: string): boolean {
  if (!/^(on|off)$/i.test(value)) throw new Invalid('must be on or off');
  return value.toLowerCase() === 'on';
}

function pattern(value: string): RegExp {
  try {
    return new RegExp(value);
  } catch {
    throw new Invalid('must be a regular expression');
  }
}

/** A token as it is, or client credentials whole; both at once would leave open which one counts. */
function readCredentials(env: Reader): Credentials {
  const token = env.optional<string | null>('CONNECTOR_TOKEN', text, null);
  const named = (['CONNECTOR_TOKEN_URL', 'CONNECTOR_CLIENT_ID', 'CONNECTOR_CLIENT_SECRET', 'CONNECTOR_SCOPE'] as const).filter((name) =>
    env.has(name),
  );
  if (token !== null) {
    for (const name of named) env.problems.push(`${name} must not be set together with CONNECTOR_TOKEN`);
    return { kind: 'token', token };
  }
  if (named.length === 0) return null;
  return {
    kind: 'client_credentials',
    tokenUrl: env.required('CONNECTOR_TOKEN_URL', httpUrl) ?? '',
    clientId: env.required('CONNECTOR_CLIENT_ID', text) ?? '',
    clientSecret: env.required('CONNECTOR_CLIENT_SECRET', text) ?? '',
    scope: env.optional<string | null>('CONNECTOR_SCOPE', text, null),
  };
}

/**
 * Reads the connector's variables. Pure: takes the environment, answers the configuration and the warnings to print.
 *
 * @throws ConfigError with every problem at once, no value among them
 */
export function loadConnectorConfig(environment: Environment): { config: ConnectorConfig; warnings: string[] } {
  const env = new Reader(environment);
  const target = env.required('CONNECTOR_TARGET_URL', postgresUrl) ?? '';
  const caFile = env.optional<string | null>('CONNECTOR_TARGET_CA_FILE', readableFile, null);
  const config: ConnectorConfig = {
    targetUrl: withTls(target, caFile, env.problems),
    gatewayUrl: env.required('CONNECTOR_GATEWAY_URL', gatewayUrl) ?? '',
    credentials: readCredentials(env),
    source: env.optional('CONNECTOR_SOURCE', source, 'postgres'),
    serverId: env.optional<string | null>('CONNECTOR_SERVER_ID', serverId, null),
    intervalSeconds: env.optional<number | null>('CONNECTOR_INTERVAL_SECONDS', seconds, null),
    stateFile: env.optional<string | null>('CONNECTOR_STATE_FILE', text, null),
    metricsPort: env.optional<number | null>('CONNECTOR_METRICS_PORT', port, null),
    metricsHost: env.optional('CONNECTOR_METRICS_HOST', text, '127.0.0.1'),
    force: env.optional('CONNECTOR_FORCE', onOff, false),
    apply: env.optional('CONNECTOR_APPLY', onOff, false),
    serviceAccounts: env.optional('CONNECTOR_SERVICE_ACCOUNTS', pattern, new RegExp(SERVICE_ACCOUNTS)),
  };
  const unknown = Object.keys(environment).filter((name) => name.startsWith('CONNECTOR_') && !KNOWN.has(name));
  const warnings = unknown.map((name) => `${name} is not a variable that this application knows.`);
  if (env.problems.length > 0) throw new ConfigError(env.problems, warnings);
  return { config, warnings };
}
