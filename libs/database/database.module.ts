import type { Config } from '#libs/config/config.js';
import { Keyset } from '#libs/pagination/keyset.js';
import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { DataSource } from 'typeorm';
import { createDataSource } from './data-source.js';
import { Database } from './database.js';
import { Transactions } from './transaction.js';

/** PostgreSQL for a whole application: reading, the one door for writing, and keyset pages. */
@Global()
@Module({
  providers: [
    {
      provide: DataSource,
      inject: [ConfigService],
      useFactory: (config: ConfigService<Config, true>) =>
        createDataSource({
          url: config.get('databaseUrl', { infer: true }),
          poolSize: config.get('databasePoolSize', { infer: true }),
          poolTimeoutMs: config.get('databasePoolTimeoutMs', { infer: true }),
        }),
    },
    Database,
    Transactions,
    Keyset,
  ],
  exports: [Database, Transactions, Keyset],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  onApplicationShutdown(): Promise<void> {
    return this.database.close();
  }
}
