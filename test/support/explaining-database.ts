import pg, { type PoolClient } from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import { createDataSource } from '#libs/database/data-source.js';
import { Database } from '#libs/database/database.js';
import { createTestDatabase, type TestDatabase } from './database.js';

/** A node of a plan, as EXPLAIN has it. */
export interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
}

/** A database that also notes how PostgreSQL would go about each page. */
export class ExplainingDatabase extends Database {
  readonly plans: Plan[] = [];

  private constructor(private readonly database: TestDatabase) {
    super(createDataSource({ url: database.url }));
  }

  /** A database of its own, filled, with statistics of what is in it. */
  static async filled(fill: (client: pg.Client) => Promise<unknown>): Promise<ExplainingDatabase> {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await fill(client);
    await client.query('VACUUM ANALYZE');
    await client.end();
    const explaining = new ExplainingDatabase(database);
    await explaining.onModuleInit();
    return explaining;
  }

  get url(): string {
    return this.database.url;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.database.drop();
  }

  override async rows<Row>(query: Sql, client?: PoolClient): Promise<Row[]> {
    if (query.text.includes('ORDER BY')) {
      const [row] = await super.rows<{ 'QUERY PLAN': { Plan: Plan }[] }>(sql`EXPLAIN (FORMAT JSON) ${query}`, client);
      this.plans.push((row?.['QUERY PLAN'] ?? [])[0]?.Plan as Plan);
    }
    return super.rows<Row>(query, client);
  }
}

/** A plan and all below it. */
export function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
