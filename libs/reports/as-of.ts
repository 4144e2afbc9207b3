import type { Snapshot } from '#libs/database/snapshot.js';
import sql, { raw, type Sql } from 'sql-template-tag';

/** Two instants: what was so at `asOf`, as far as it was recorded by `recordedAt`. */
export interface Instants {
  asOf: Date;
  recordedAt: Date;
  /** The tables of which no row has changed since: they are read as they are. */
  unchanged?: ReadonlySet<string>;
}

/** What never changes of a row, and what its history tells apart. */
const TABLES = {
  principals: {
    fixed: ['id', 'type', 'source', 'created_at'],
    changing: ['display_name', 'email', 'external_id', 'status', 'department'],
  },
  assets: {
    fixed: ['id', 'source', 'created_at'],
    changing: ['type', 'name', 'external_id', 'sensitivity', 'status', 'usage_tracked_since'],
  },
  grants: {
    fixed: ['id', 'principal_id', 'asset_id', 'permission', 'privilege', 'source', 'granted_at', 'granted_by', 'held_since', 'created_at'],
    changing: ['expires_at', 'justification', 'revoked_at', 'revoked_by', 'revoke_reason'],
  },
} as const;
type Table = keyof typeof TABLES;

/** Two instants with what has changed since: asked once for a report, since most tell of a moment ago. */
export async function instantsOf(snapshot: Snapshot, asOf: Date, recordedAt: Date): Promise<Instants> {
  const known = earlier(asOf, recordedAt);
  const unchanged = new Set<string>();
  for (const table of Object.keys(TABLES)) {
    const changed = await snapshot.rows(sql`SELECT 1 AS found FROM ${raw(table)} WHERE updated_at > ${known} AND version > 1 LIMIT 1`);
    if (changed.length === 0) unchanged.add(table);
  }
  return { asOf, recordedAt, unchanged };
}

/**
 * The rows of a table as they were at an instant, as a subquery: the last version that was recorded by then, or, of what is older than its own
 * row (an imported grant), the first. A row that has not changed since is taken from the table itself; most have not, and history is left alone.
 */
export function rowsAsOf(table: Table, { asOf, recordedAt, unchanged }: Instants): Sql {
  const { fixed, changing } = TABLES[table];
  const known = earlier(asOf, recordedAt);
  if (unchanged?.has(table)) {
    return sql`(SELECT ${raw([...fixed, ...changing].join(', '))} FROM ${raw(table)} WHERE created_at <= ${recordedAt})`;
  }
  const columns = [
    ...fixed.map((column) => `t.${column}`),
    ...changing.map((column) => `CASE WHEN h.id IS NULL THEN t.${column} ELSE h.${column} END AS ${column}`),
  ];
  return sql`(SELECT ${raw(columns.join(', '))} FROM ${raw(table)} t LEFT JOIN LATERAL (
      SELECT o.* FROM ${raw(`${table}_history`)} o WHERE o.id = t.id AND t.version > 1 AND t.updated_at > ${known}
      ORDER BY o.updated_at <= ${known} DESC, CASE WHEN o.updated_at <= ${known} THEN o.version ELSE -o.version END DESC LIMIT 1
    ) h ON true WHERE t.created_at <= ${recordedAt})`;
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}
