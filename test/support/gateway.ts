import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import supertest from 'supertest';
import { createTestDatabase, type TestDatabase } from './database.js';
import { IS_ON_REAL_PARTS } from './parts.js';
import { TestIssuer } from './test-issuer.js';

/** A line of the gateway's log. */
export type LogLine = Record<string, unknown> & { msg?: string };

/** A gateway in a process of its own, as it runs in production: built, on a free port of 127.0.0.1. */
export class GatewayProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    /** Its whole log so far. */
    readonly log: readonly LogLine[],
  ) {}

  static async start(environment: Record<string, string>): Promise<GatewayProcess> {
    const child = spawn(process.execPath, ['--enable-source-maps', 'dist/apps/gateway/src/main.js'], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', API_HOST: '127.0.0.1', API_PORT: '0', API_DRAIN_SECONDS: '0', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log: LogLine[] = [];
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    // One that ends by itself has crashed: the test will only see that nobody answers.
    child.once('exit', (code) => {
      if (code) process.stderr.write(`A gateway ended with ${code}: ${errors.slice(-5_000)}\n`);
    });
    const lines = createInterface({ input: child.stdout });
    const listening = new Promise<string>((resolve) => {
      lines.on('line', (text) => {
        const line = JSON.parse(text) as LogLine;
        log.push(line);
        if (line.msg === 'listening') resolve(line['url'] as string);
      });
    });
    const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The gateway exited with ${String(code)}: ${errors}`)));
    const url = await Promise.race([listening, died]);
    died.catch(() => undefined);
    return new GatewayProcess(child, url, log);
  }

  get pid(): number {
    return this.child.pid as number;
  }

  /** Sends a signal; resolves with the exit code, or null where the signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}

export interface TestGateway {
  url: string;
  process: GatewayProcess;
  database: TestDatabase;
  /** Requests without a token: the dev user's in dev mode, nobody's otherwise. */
  http: ReturnType<typeof supertest>;
  /** Mints tokens, in azure_ad mode. */
  issuer: TestIssuer;
  close(): Promise<void>;
}

/**
 * A gateway on a database of its own. `auth: 'azure_ad'` gives it an issuer whose tokens it takes. ClickHouse is at an address where nobody
 * listens unless the environment says otherwise, or the suite runs on real parts: nothing but its health needs it.
 */
export async function startTestGateway(
  options: { auth?: 'dev' | 'azure_ad'; environment?: Record<string, string> } = {},
): Promise<TestGateway> {
  const database = await createTestDatabase();
  const issuer = await TestIssuer.start();
  const gateway = await GatewayProcess.start({
    API_DATABASE_URL: database.url,
    API_CLICKHOUSE_URL: process.env['TEST_CLICKHOUSE_URL'] ?? 'http://127.0.0.1:9/none',
    API_KAFKA_BOOTSTRAP: (IS_ON_REAL_PARTS && process.env['TEST_KAFKA_BOOTSTRAP']) || 'in-process',
    API_DATABASE_POOL_SIZE: '8',
    ...(options.auth === 'azure_ad' ? { API_AUTH_MODE: 'azure_ad', ...issuer.environment } : { API_AUTH_MODE: 'dev' }),
    ...options.environment,
  });
  return {
    url: gateway.url,
    process: gateway,
    database,
    http: supertest(gateway.url),
    issuer,
    close: async () => {
      await gateway.stop();
      await issuer.close();
      await database.drop();
    },
  };
}
