import pg from 'pg';
import { DataSource } from 'typeorm';
import { ENTITIES } from './entities.js';
import { MIGRATIONS } from './migrations.js';

export interface DataSourceSettings {
  url: string;
  poolSize?: number;
  /** How long a caller waits for a connection before it fails, in milliseconds. */
  poolTimeoutMs?: number;
  applicationName?: string;
}

/** A statement that takes longer than this is given up, so that one bad query never holds a connection for ever. */
const STATEMENT_TIMEOUT_MS = 30_000;

/** How long a connection is silent before it is probed; Node gives up after 10 probes, one a second. */
const KEEP_ALIVE_DELAY_MS = 10_000;

/**
 * What every session is set to, whatever the server's own settings. The API speaks UTC. Its pages are the first rows of an index: priced for disks
 * that turn, PostgreSQL would rather read and sort all that a filter lets through, which grows with the table. It would remember what each row of
 * a join found (`Memoize`), priced for the whole table, while a page meets nobody twice. And compiling a plan takes longer than to run any of ours.
 */
const SESSION = '-c TimeZone=UTC -c random_page_cost=1.1 -c jit=off -c enable_memoize=off';

/**
 * A connection that may tell of its end more than once: that the server ends it, and that it has ended. TypeORM listens to the first only, and a
 * second that nobody listens to would end the process. What it means to a query, the query says.
 */
class Client extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

export function createDataSource({
  url,
  poolSize = 4,
  poolTimeoutMs = 1_500,
  applicationName = 'access-governance',
}: DataSourceSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    entities: ENTITIES,
    migrations: MIGRATIONS,
    migrationsTableName: 'migrations',
    synchronize: false,
    logging: false,
    applicationName,
    poolSize,
    installExtensions: false,
    // An idle connection that PostgreSQL has closed is dropped by the pool and made anew; there is nothing to do but to note it.
    poolErrorHandler: () => undefined,
    extra: {
      Client,
      connectionTimeoutMillis: poolTimeoutMs,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
      // Without it the first probe goes out after 2 hours: a server that vanished without a word would hold its connections as long.
      keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
      options: SESSION,
    },
  });
}
