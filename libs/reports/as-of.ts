import sql, { raw, type Sql } from 'sql-template-tag';

/** Two instants: what was so at `asOf`, as far as it was recorded by `recordedAt`. */
export interface Instants {
  asOf: Date;
  recordedAt: Date;
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

/**
 * The rows of a table as they were at an instant, as a subquery: the last version that was recorded by then, or, of what is older than its own
 * row (an imported grant), the first. A row that has not changed since is taken from the table itself; most have not, and history is left alone.
 */
export function rowsAsOf(table: keyof typeof TABLES, { asOf, recordedAt }: Instants): Sql {
  const { fixed, changing } = TABLES[table];
  const known = asOf < recordedAt ? asOf : recordedAt;
  const columns = [
    ...fixed.map((column) => `t.${column}`),
    ...changing.map((column) => `CASE WHEN h.id IS NULL THEN t.${column} ELSE h.${column} END AS ${column}`),
  ];
  return sql`(SELECT ${raw(columns.join(', '))} FROM ${raw(table)} t LEFT JOIN LATERAL (
      SELECT o.* FROM ${raw(`${table}_history`)} o WHERE o.id = t.id AND t.version > 1 AND t.updated_at > ${known}
      ORDER BY o.updated_at <= ${known} DESC, CASE WHEN o.updated_at <= ${known} THEN o.version ELSE -o.version END DESC LIMIT 1
    ) h ON true WHERE t.created_at <= ${recordedAt})`;
}
