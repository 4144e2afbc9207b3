import type { Config } from '#libs/config/config.js';
import { Database } from '#libs/database/database.js';
import { NotFoundError } from '#libs/errors/errors.js';
import { gauge } from '#libs/observability/registered.js';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { readFileSync } from 'node:fs';
import { type Gauge, register } from 'prom-client';

interface Package {
  version: string;
}

/** Gauges of prom-client that are named like counters, which promtool objects to; each stands there by type too, under a better name. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** What Prometheus scrapes. */
@Injectable()
export class MetricsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly config: ConfigService<Config, true>,
  ) {}

  onModuleInit(): void {
    const pool = (): Database['pool'] | undefined => (this.database.source.isInitialized ? this.database.pool : undefined);
    for (const name of MISNAMED) register.removeSingleMetric(name);
    gauge({
      name: 'database_pool_connections',
      help: 'Connections of the PostgreSQL pool, by what they do; waiting are requests that have none yet.',
      labelNames: ['state'],
      collect(this: Gauge) {
        const { totalCount = 0, idleCount = 0, waitingCount = 0 } = pool() ?? {};
        this.set({ state: 'busy' }, totalCount - idleCount);
        this.set({ state: 'idle' }, idleCount);
        this.set({ state: 'waiting' }, waitingCount);
      },
    });
    gauge({ name: 'build_info', help: 'What is running: always 1.', labelNames: ['version', 'node'] }).set(
      { version: version(), node: process.versions.node },
      1,
    );
  }

  /** @throws NotFoundError where the metrics have a port of their own */
  async scrape(): Promise<string> {
    if (this.config.get('metricsPort', { infer: true }) !== null) throw new NotFoundError('The metrics are served on a port of their own.');
    return this.text();
  }

  text(): Promise<string> {
    return register.metrics();
  }
}

function version(): string {
  const file = new URL('../../../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as Package).version;
}
