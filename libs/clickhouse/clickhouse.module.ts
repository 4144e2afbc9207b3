import { Inject, Module } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Config } from '#libs/config/config.js';
import { createClickHouse } from './clickhouse.js';

/** Injects the app's `ClickHouseClient`. */
export const CLICKHOUSE = Symbol('CLICKHOUSE');

/**
 * The app's one client of ClickHouse. It connects with the first request: a ClickHouse that is down neither stops nor delays the start,
 * and is for the health check to tell.
 */
@Module({
  providers: [
    {
      provide: CLICKHOUSE,
      inject: [ConfigService],
      useFactory: (config: ConfigService<Config, true>): ClickHouseClient => createClickHouse(config.get('clickhouseUrl', { infer: true })),
    },
  ],
  exports: [CLICKHOUSE],
})
export class ClickHouseModule implements OnApplicationShutdown {
  constructor(@Inject(CLICKHOUSE) private readonly client: ClickHouseClient) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
