import pg from 'pg';
import { migrate } from '#libs/database/migrate.js';
import { PostgresServer } from '../../test/support/postgres-server.js';
import { TestIssuer } from '../../test/support/test-issuer.js';
import { MeasuredProcess } from './measured-process.js';

/** As a server of its own would be set, for what fits this machine: every commit is on disk. */
const SETTINGS = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '1GB', max_wal_size: '8GB' };

/** The gateway as its image runs it: `NODE_ENV`, tokens, log and all. BENCH_CPU_PROFILE names a folder that it leaves a profile in when it ends. */
export function startGateway(databaseUrl: string, poolSize: number, issuer: TestIssuer): Promise<MeasuredProcess> {
  const profile = process.env['BENCH_CPU_PROFILE'];
  const flags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  return MeasuredProcess.start(
    [process.execPath, '--enable-source-maps', '--no-allocation-site-pretenuring', ...flags, 'dist/apps/gateway/src/main.js'],
    {
      environment: (port) => ({
        ...{ NODE_ENV: 'production', API_HOST: '127.0.0.1', API_PORT: String(port), API_DRAIN_SECONDS: '0' },
        ...{ API_DATABASE_URL: databaseUrl, API_DATABASE_POOL_SIZE: String(poolSize) },
        ...{ API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none', API_KAFKA_BOOTSTRAP: 'in-process' },
        ...issuer.environment,
      }),
      ready: '/v1/health/serving',
    },
  );
}

/** A PostgreSQL of its own, filled, and one gateway on it. */
export class LoadedGateway {
  private constructor(
    private readonly postgres: PostgresServer,
    readonly client: pg.Client,
    readonly issuer: TestIssuer,
    readonly gateway: MeasuredProcess,
  ) {}

  static async start(fill: (client: pg.Client) => Promise<void>): Promise<LoadedGateway> {
    const postgres = await PostgresServer.start({ settings: SETTINGS });
    const issuer = await TestIssuer.start();
    const client = new pg.Client({ connectionString: postgres.url() });
    try {
      await migrate(postgres.url());
      await client.connect();
      await fill(client);
      await client.query('VACUUM ANALYZE');
      return new LoadedGateway(postgres, client, issuer, await startGateway(postgres.url(), 16, issuer));
    } catch (error) {
      await client.end().catch(() => undefined);
      await issuer.close();
      await postgres.remove();
      throw error;
    }
  }

  get url(): string {
    return this.gateway.url;
  }

  bearer(role: string): { Authorization: string } {
    return { Authorization: `Bearer ${this.issuer.tokenFor({ roles: [role] })}` };
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    await this.client.end();
    await this.issuer.close();
    await this.postgres.remove();
  }
}
