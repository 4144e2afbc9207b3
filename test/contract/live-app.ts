import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { TestIssuer } from '../support/test-issuer.js';

const DIST = resolve(import.meta.dirname, '../../dist');
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** An app of `dist` as a process of its own that listens on this machine. */
export interface LiveApp {
  url: string;
  /** The end of what it has logged: errors only. */
  log(): string;
  stop(): Promise<void>;
}

/** The gateway with a database of its own, the embedded ClickHouse and a tenant of its own, whose tokens it takes. */
export interface LiveGateway extends LiveApp {
  /** A token with every role, good for `hours`. */
  token(hours?: number): string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await gone;
  clearTimeout(impatience);
}

/** Variables of ours that happen to be set around the tests must not reach an app under test. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(API|LOCAL|CONNECTOR)_|^NODE_OPTIONS$/.test(name)));
}

/** Starts an app of `dist` (built before) and answers when it serves; throws with the end of its log where it does not. */
async function startApp(app: string, environment: Record<string, string>): Promise<LiveApp> {
  const program = join(DIST, 'apps', app, 'src/main.js');
  if (!existsSync(program)) throw new Error(`apps/${app} is not built: npm run build.`);
  const port = await freePort();
  const child = spawn(process.execPath, ['--enable-source-maps', program], {
    env: { ...cleanEnvironment(), API_HOST: '127.0.0.1', API_PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const keep = (chunk: string): string => (log = (log + chunk).slice(-8_000));
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const url = `http://127.0.0.1:${port}`;
  try {
    await eventually(async () => {
      if (child.exitCode !== null) return true;
      return (await fetch(`${url}/v1/health/serving`)).ok;
    }, START_TIMEOUT_MS);
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  } catch (error) {
    await stopProcess(child);
    throw new Error(`apps/${app} did not start: ${(error as Error).message}\n${log}`, { cause: error });
  }
  return { url, log: () => log, stop: () => stopProcess(child) };
}

export async function startGateway(): Promise<LiveGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'contract-gateway-'));
  const issuer = await TestIssuer.start();
  const database = await createTestDatabase();
  const release = async (): Promise<void> => {
    await issuer.close();
    await database.drop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const app = await startApp('gateway', {
      ...issuer.environment,
      API_DATABASE_URL: database.url,
      API_CLICKHOUSE_URL: `chdb://${folder}/clickhouse`,
      API_KAFKA_BOOTSTRAP: 'in-process',
      API_LOG_LEVEL: 'ERROR',
      API_DRAIN_SECONDS: '0',
    });
    const stop = (): Promise<void> => app.stop().finally(release);
    const token = (hours = 1): string =>
      issuer.token({ claims: { roles: ['governance.admin', 'governance.auditor'], exp: Math.floor(Date.now() / 1000) + hours * 3_600 } });
    return { ...app, stop, token };
  } catch (error) {
    await release();
    throw error;
  }
}

/** What `npm start` runs, on an empty folder and without demo data. It asks for no token. */
export async function startLocal(): Promise<LiveApp> {
  const folder = await mkdtemp(join(tmpdir(), 'contract-local-'));
  const release = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const app = await startApp('local', { LOCAL_DATA_DIR: join(folder, 'data'), LOCAL_DEMO: 'off', API_DRAIN_SECONDS: '0' });
    return { ...app, stop: () => app.stop().finally(release) };
  } catch (error) {
    await release();
    throw error;
  }
}
