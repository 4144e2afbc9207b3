import sql from 'sql-template-tag';
import type { Transaction } from './transaction.js';

/** Held while one group is put into another: two opposite memberships added at once would each see no cycle. */
const NESTING_LOCK = 72_636;

/** Nobody else puts a group into another until the transaction ends. */
export async function forbidNesting(tx: Transaction): Promise<void> {
  await tx.rows(sql`SELECT pg_advisory_xact_lock(${NESTING_LOCK})`);
}
