import type { PoolClient } from 'pg';
import sql, { type Sql } from 'sql-template-tag';
import { Database } from '#libs/database/database.js';

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
