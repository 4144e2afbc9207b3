import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { Pool, PoolClient } from 'pg';
import type { Sql } from 'sql-template-tag';
import { DataSource } from 'typeorm';
import { asFailure } from './failures.js';
import { schemaProblem } from './migrate.js';
import { ask } from './packets.js';

/** How often a database that was away at the start is tried again, in milliseconds. */
const RETRY_MS = 500;

/**
 * PostgreSQL, for reading. Writing goes through `Transactions`. A database that is away at the start does not stop it: the connection is
 * tried until it comes, and until then every use fails with UnavailableError.
 */
@Injectable()
export class Database implements OnModuleInit {
  private readonly logger = new Logger(Database.name);
  private closing = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(@Inject(DataSource) readonly source: DataSource) {}

  async onModuleInit(): Promise<void> {
    await this.connect();
  }

  async close(): Promise<void> {
    this.closing = true;
    clearTimeout(this.retry);
    if (this.source.isInitialized) await this.source.destroy();
  }

  private async connect(): Promise<void> {
    try {
      await this.source.initialize();
    } catch (error) {
      if (this.closing) return;
      this.logger.error(`PostgreSQL cannot be reached: ${(error as Error).message}`);
      this.retry = setTimeout(() => void this.connect(), RETRY_MS).unref();
    }
  }

  /** The pool of connections that TypeORM keeps, for what it has no words for: prepared statements, and its own figures. */
  get pool(): Pool {
    return (this.source.driver as unknown as { master: Pool }).master;
  }

  /**
   * Runs a query as a prepared statement and answers its rows. It is sent before this returns: queries of one client run in the order in which
   * they were asked.
   *
   * @throws UnavailableError where the database is away
   */
  async rows<Row>(query: Sql, client?: PoolClient): Promise<Row[]> {
    try {
      if (client) return await ask(client, query);
      if (!this.source.isInitialized) throw new Error('Driver not Connected');
      return await this.askPool(query);
    } catch (error) {
      throw asFailure(error);
    }
  }

  private async askPool<Row>(query: Sql): Promise<Row[]> {
    const client = await this.pool.connect();
    try {
      const rows = await ask<Row>(client, query);
      client.release();
      return rows;
    } catch (error) {
      // It may have been the connection that failed, which is then not to be used again.
      client.release(true);
      throw error;
    }
  }

  /**
   * A transaction for the workers' bookkeeping: the chain, progress, leases. What is state of the product is written through `Transactions`.
   *
   * @throws UnavailableError where the database is away
   */
  async bookkeeping<T>(work: (rows: <Row>(query: Sql) => Promise<Row[]>) => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner();
    try {
      const client = (await runner.connect()) as PoolClient;
      await runner.startTransaction();
      const result = await work((query) => this.rows(query, client));
      await runner.commitTransaction();
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw asFailure(error);
    } finally {
      await runner.release();
    }
  }

  /** Why the schema does not fit this version, or null where it does. */
  async schemaProblem(): Promise<string | null> {
    try {
      const rows = await this.source.query<{ name: string }[]>('SELECT name FROM migrations');
      return schemaProblem(rows.map((row) => row.name));
    } catch (error) {
      if ((error as { code?: string }).code === '42P01') return schemaProblem([]);
      throw asFailure(error);
    }
  }
}
