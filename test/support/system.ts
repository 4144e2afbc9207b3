import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { createClickHouse } from '#libs/clickhouse/clickhouse.js';
import { generateSigningKey } from '#libs/events/chain-keys.js';
import { ClickHouseServer } from './clickhouse-server.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { eventually } from './eventually.js';
import type { LogLine } from './gateway.js';
import { KafkaServer } from './kafka-server.js';
import { IS_ON_REAL_PARTS } from './parts.js';
import { freePort } from './postgres-server.js';

const START_TIMEOUT_MS = 60_000;

/** An app of the project in a process of its own (from `dist`: build first), which can be killed, frozen and started again in the same place. */
export class AppProcess {
  /** What every life of it has logged so far. */
  readonly log: LogLine[] = [];
  private child: ChildProcess | null = null;

  constructor(
    private readonly name: 'gateway' | 'worker',
    readonly environment: Record<string, string>,
  ) {}

  /** Resolves once it listens (gateway) or runs (worker). */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [`dist/apps/${this.name}/src/main.js`], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-5_000)));
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (text) => {
        const line = JSON.parse(text) as LogLine;
        this.log.push(line);
        if (line.msg === 'listening' || line.msg === 'running') resolve();
      });
    });
    const died = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The ${this.name} ended with ${String(code)}: ${errors}`)));
    died.catch(() => undefined);
    await Promise.race([ready, died]);
  }

  get pid(): number {
    return this.child?.pid as number;
  }

  /** Ends it in order. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes every thread of it, until `resume()`. */
  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    this.child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await ended;
  }
}

/** A worker, and the port that its metrics are on. */
export class WorkerProcess extends AppProcess {
  /** The value of a metric without labels; null where it does not answer. */
  async metric(name: string): Promise<number | null> {
    const url = `http://127.0.0.1:${this.environment['API_METRICS_PORT']}/v1/metrics`;
    const text = await fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
      (response) => response.text(),
      () => '',
    );
    const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
    return value === undefined ? null : Number(value);
  }
}

export interface SystemOptions {
  /** A real broker, or the in-process twin; the suite decides where this does not. */
  kafka?: boolean;
  workers?: number;
  /** Where the workers find ClickHouse, given where it is: a proxy, say. */
  clickhouseForWorkers?: (url: string) => Promise<string> | string;
  /** Of all processes. */
  environment?: Record<string, string>;
}

/** How far the events of a system have come. */
export interface Progress {
  waiting: number;
  sequence: number;
  published: number;
  completeTo: number;
}

/** Gateway, workers, ClickHouse over HTTP and, where asked for, Kafka, each a process of its own on a database of its own. */
export class System {
  private constructor(
    readonly database: TestDatabase,
    readonly clickhouse: ClickHouseServer,
    readonly kafka: KafkaServer | null,
    readonly gateway: AppProcess,
    readonly workers: readonly WorkerProcess[],
    readonly url: string,
    readonly signingKey: string,
  ) {}

  static async start({
    kafka = IS_ON_REAL_PARTS,
    workers = 1,
    clickhouseForWorkers,
    environment = {},
  }: SystemOptions = {}): Promise<System> {
    const [database, clickhouse, broker] = await Promise.all([
      createTestDatabase(),
      ClickHouseServer.start(),
      kafka ? KafkaServer.start({ own: true }) : null,
    ]);
    const [port, signingKey] = [await freePort(), generateSigningKey()];
    const common = {
      API_DATABASE_URL: database.url,
      API_CLICKHOUSE_URL: clickhouse.url(),
      API_KAFKA_BOOTSTRAP: broker?.bootstrap ?? 'in-process',
      API_HOST: '127.0.0.1',
      API_DRAIN_SECONDS: '0',
      API_AUDIT_SIGNING_KEY: signingKey,
      API_AUTH_MODE: 'dev',
      ...environment,
    };
    const forWorkers = (await clickhouseForWorkers?.(clickhouse.url())) ?? clickhouse.url();
    const running: WorkerProcess[] = [];
    for (let count = 0; count < workers; count += 1) {
      const own = { API_CLICKHOUSE_URL: forWorkers, API_METRICS_PORT: String(await freePort()) };
      running.push(new WorkerProcess('worker', { ...common, ...own }));
    }
    const gateway = new AppProcess('gateway', { ...common, API_PORT: String(port), API_LOG_LEVEL: 'WARNING' });
    const url = `http://127.0.0.1:${port}`;
    const system = new System(database, clickhouse, broker, gateway, running, url, signingKey);
    try {
      await system.startApps();
    } catch (error) {
      await system.close();
      throw error;
    }
    return system;
  }

  async startApps(): Promise<void> {
    await Promise.all([this.startGateway(), ...this.workers.map((worker) => worker.start())]);
  }

  /** Its log level hides the line that says it listens, so as not to log each request: it is asked. */
  async startGateway(): Promise<void> {
    const started = this.gateway.start();
    started.catch(() => undefined);
    const listening = eventually(async () => (await fetch(`${this.url}/v1/health/live`)).ok, START_TIMEOUT_MS);
    await Promise.race([listening, started]);
  }

  async stopApps(): Promise<void> {
    await Promise.all([this.gateway, ...this.workers].map((app) => app.stop()));
  }

  /** Runs a statement in PostgreSQL, as its superuser. */
  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.database.url });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Asks ClickHouse itself. */
  async clickhouseRows<Row>(query: string): Promise<Row[]> {
    const client = createClickHouse(this.clickhouse.url());
    try {
      return await (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
    } finally {
      await client.close();
    }
  }

  /** Has ClickHouse itself do something. Inserts are never taken for repetitions. */
  async clickhouseCommand(query: string): Promise<void> {
    const client = createClickHouse(this.clickhouse.url());
    try {
      await client.command({ query, clickhouse_settings: { insert_deduplicate: 0, mutations_sync: '2' } });
    } finally {
      await client.close();
    }
  }

  /** `npm run audit:rebuild` or `audit:adopt`. */
  audit(command: 'rebuild' | 'adopt'): Promise<{ code: number | null; output: string }> {
    const env = { PATH: process.env['PATH'], ...this.workers[0]?.environment };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, ['dist/apps/worker/src/maintenance/audit-cli.js', command], { env }, (_, stdout, stderr) => {
        resolve({ code: child.exitCode, output: `${stdout}${stderr}` });
      });
    });
  }

  async progress(): Promise<Progress> {
    const [row] = await this.sql<Record<keyof Progress, string>>(
      `SELECT (SELECT count(*) FROM events WHERE sequence IS NULL) AS waiting, sequence, published, complete_to AS "completeTo"
       FROM chain_head, audit_progress`,
    );
    const { waiting = 0, sequence = 0, published = 0, completeTo = 0 } = row ?? {};
    return { waiting: Number(waiting), sequence: Number(sequence), published: Number(published), completeTo: Number(completeTo) };
  }

  /** Waits until every event that there is now is in the audit log. Answers the last one. */
  settled(timeoutMs = 60_000): Promise<number> {
    return eventually(async () => {
      const { waiting, sequence, completeTo } = await this.progress();
      if (waiting === 0 && completeTo === sequence) return sequence;
      throw new Error(`The log has not caught up: ${waiting} waiting, ${sequence} in the chain, complete to ${completeTo}.`);
    }, timeoutMs);
  }

  /** The worker whose relay is the active one. */
  activeWorker(timeoutMs = 30_000): Promise<WorkerProcess> {
    return eventually(async () => {
      for (const worker of this.workers) if ((await worker.metric('outbox_relay_active')) === 1) return worker;
      throw new Error('No relay is active.');
    }, timeoutMs);
  }

  async close(): Promise<void> {
    await Promise.all([this.gateway, ...this.workers].map((app) => app.kill()));
    await Promise.all([this.clickhouse.remove(), this.kafka?.remove()]);
    await this.database.drop();
  }
}
