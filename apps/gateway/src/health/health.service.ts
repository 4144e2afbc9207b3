import { CLICKHOUSE } from '#libs/clickhouse/clickhouse.module.js';
import { pingClickHouse } from '#libs/clickhouse/clickhouse.js';
import type { Config } from '#libs/config/config.js';
import { Database } from '#libs/database/database.js';
import { brokersReachable } from '#libs/observability/brokers-reachable.js';
import { Draining } from '#libs/observability/draining.js';
import type { ClickHouseClient } from '@clickhouse/client';
import { Inject, Injectable, ServiceUnavailableException } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { HealthCheckService, type HealthCheckResult, type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import sql from 'sql-template-tag';

/** A part that has not answered by then is down, in milliseconds. */
const TIMEOUT_MS = 2_000;

type Probe = (key: string, work: () => Promise<string | null>) => Promise<HealthIndicatorResult>;

/** What is up: for people, for orchestrators, and for load balancers, which must not take a gateway away because its audit log is. */
@Injectable()
export class HealthService {
  constructor(
    private readonly terminus: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    @Inject(CLICKHOUSE) private readonly clickhouse: ClickHouseClient,
    private readonly config: ConfigService<Config, true>,
    private readonly draining: Draining,
  ) {}

  /** PostgreSQL and ClickHouse decide; Kafka is told. @throws HttpException 503 with Terminus' report */
  async readiness(): Promise<HealthCheckResult> {
    const kafka = this.probe('kafka', () => this.probeKafka());
    const withKafka = async (report: HealthCheckResult): Promise<HealthCheckResult> => ({
      ...report,
      details: { ...report.details, ...(await kafka) },
    });
    try {
      const report = await this.terminus.check([
        () => this.probe('postgresql', () => this.probePostgres()),
        () => this.probe('clickhouse', () => this.probeClickHouse()),
        () => this.probeDraining(),
      ]);
      return await withKafka(report);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      throw new ServiceUnavailableException(await withKafka(error.getResponse() as HealthCheckResult));
    }
  }

  /** What answering requests needs, and no more: PostgreSQL, its schema, and not being told to stop. @throws HttpException 503 */
  serving(): Promise<HealthCheckResult> {
    return this.terminus.check([() => this.probe('postgresql', () => this.probePostgres()), () => this.probeDraining()]);
  }

  /** That the process runs and its event loop turns; touches nothing else. */
  live(): HealthCheckResult {
    return { status: 'ok', info: {}, error: {}, details: {} };
  }

  private readonly probe: Probe = async (key, work) => {
    const indicator = this.indicators.check(key);
    const started = performance.now();
    const problem = await withTimeout(work()).catch((error: unknown) => (error as Error).message || 'does not answer');
    const latencyMs = Math.round((performance.now() - started) * 10) / 10;
    return problem === null ? indicator.up({ latencyMs }) : indicator.down({ latencyMs, message: problem });
  };

  private async probePostgres(): Promise<string | null> {
    await this.database.rows(sql`SELECT 1`);
    return this.database.schemaProblem();
  }

  private async probeClickHouse(): Promise<string | null> {
    try {
      await pingClickHouse(this.clickhouse, TIMEOUT_MS);
      return null;
    } catch {
      // Its own words may name hosts and users.
      return 'ClickHouse does not answer';
    }
  }

  private async probeKafka(): Promise<string | null> {
    const bootstrap = this.config.get('kafkaBootstrap', { infer: true });
    return bootstrap === 'in-process' || (await brokersReachable(bootstrap, TIMEOUT_MS)) ? null : 'no broker can be reached';
  }

  private probeDraining(): HealthIndicatorResult {
    const indicator = this.indicators.check('draining');
    return this.draining.active ? indicator.down({ message: 'told to stop' }) : {};
  }
}

function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  });
  return Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
