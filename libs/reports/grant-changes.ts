import type { Snapshot } from '#libs/database/snapshot.js';
import type { PreparedReport } from '#libs/report-formats/prepared-report.js';
import sql, { type Sql } from 'sql-template-tag';
import { rowsAsOf } from './as-of.js';
import { REPORT_TITLES } from './report-kinds.js';
import type { PeriodParameters } from './report-parameters.js';
import { countRows, preparedTable, type SqlColumn } from './sql-table.js';

const COLUMNS: readonly SqlColumn[] = [
  { name: 'changedAt', title: 'When', type: 'instant', expression: 'c.changed_at', weight: 3 },
  { name: 'change', title: 'Change', type: 'word', expression: 'c.change', weight: 2 },
  { name: 'changedBy', title: 'By', type: 'text', expression: `c.actor->>'id'`, weight: 3 },
  { name: 'changedByPrincipalId', title: 'By principal', type: 'word', expression: `c.actor->>'principalId'`, weight: 0 },
  { name: 'reason', title: 'Reason', type: 'text', expression: 'c.reason', weight: 3 },
  { name: 'grantId', title: 'Grant', type: 'word', expression: 'c.grant_id', weight: 3 },
  { name: 'grantVersion', title: 'Version', type: 'number', expression: 'c.version', weight: 0 },
  { name: 'principalId', title: 'Principal', type: 'word', expression: 'c.principal_id', weight: 0 },
  { name: 'principalType', title: 'Held by', type: 'word', expression: 'p.type', weight: 2 },
  { name: 'principalName', title: 'Name', type: 'text', expression: 'p.display_name', weight: 4 },
  { name: 'department', title: 'Department', type: 'text', expression: 'p.department', weight: 0 },
  { name: 'assetId', title: 'Asset', type: 'word', expression: 'c.asset_id', weight: 0 },
  { name: 'assetName', title: 'Asset', type: 'text', expression: 'a.name', weight: 4 },
  { name: 'sensitivity', title: 'Sensitivity', type: 'word', expression: 'a.sensitivity', weight: 2 },
  { name: 'permission', title: 'Permission', type: 'text', expression: 'c.permission', weight: 2 },
  { name: 'privilege', title: 'Privilege', type: 'word', expression: 'c.privilege', weight: 2 },
  { name: 'source', title: 'Source', type: 'text', expression: 'c.source', weight: 0 },
  { name: 'grantedAt', title: 'Granted', type: 'instant', expression: 'c.granted_at', weight: 0 },
  { name: 'expiresAtBefore', title: 'Expires, before', type: 'instant', expression: 'c.expires_before', weight: 0 },
  { name: 'expiresAt', title: 'Expires', type: 'instant', expression: 'c.expires_at', weight: 3 },
  { name: 'justificationBefore', title: 'Justification, before', type: 'text', expression: 'c.justification_before', weight: 0 },
  { name: 'justification', title: 'Justification', type: 'text', expression: 'c.justification', weight: 3 },
  { name: 'restoresGrantId', title: 'Restores', type: 'word', expression: 'c.restores_grant_id', weight: 0 },
];

/** Everything that became of grants in a period: each version that was recorded in it, and each expiry. Who changed an expiry, its event tells. */
export async function grantChanges({ from, to, recordedAt }: PeriodParameters, snapshot: Snapshot): Promise<PreparedReport> {
  const period = { from: new Date(from), to: new Date(to), recordedAt: new Date(recordedAt) };
  const end = period.to < period.recordedAt ? period.to : period.recordedAt;
  const instants = { asOf: end, recordedAt: period.recordedAt };
  const changes = changesIn(period);
  const rowsFrom = sql`${changes} c JOIN ${rowsAsOf('principals', instants)} p ON p.id = c.principal_id
    JOIN ${rowsAsOf('assets', instants)} a ON a.id = c.asset_id`;
  const [population = 0, included = 0] = await countRows(snapshot, [sql`${changes} c`, rowsFrom]);
  const table = {
    name: 'changes',
    title: REPORT_TITLES.grant_changes,
    columns: COLUMNS,
    from: rowsFrom,
    order: sql`c.changed_at, c.grant_id, c.version, c.change`,
  };
  return {
    tables: [preparedTable(snapshot, { ...table, rowCount: included }, null)],
    counted: 'changes',
    reconciliation: { population, included, excluded: [] },
    ...{ bands: null, modelVersion: null },
  };
}

function changesIn({ from, to, recordedAt }: { from: Date; to: Date; recordedAt: Date }): Sql {
  return sql`(
      SELECT h.id AS grant_id, h.version, h.updated_at AS changed_at,
        CASE WHEN h.version = 1 THEN 'granted' WHEN h.revoked_at IS NOT NULL THEN 'revoked' ELSE 'updated' END AS change,
        CASE WHEN h.version = 1 THEN h.granted_by WHEN h.revoked_at IS NOT NULL THEN h.revoked_by ELSE (
          SELECT e.payload->'actor' FROM events e WHERE e.payload->'resource'->>'id' = h.id::text AND e.payload->>'action' = 'grant.updated'
            AND e.time = h.updated_at ORDER BY e.position LIMIT 1
        ) END AS actor,
        h.revoke_reason AS reason, h.principal_id, h.asset_id, h.permission, h.privilege, h.source, h.granted_at, h.expires_at, h.justification,
        b.expires_at AS expires_before, b.justification AS justification_before, h.restores_grant_id
      FROM grants_history h LEFT JOIN grants_history b ON b.id = h.id AND b.version = h.version - 1
      WHERE h.updated_at >= ${from} AND h.updated_at < ${to} AND h.updated_at <= ${recordedAt}
      UNION ALL
      SELECT g.id, NULL, greatest(g.expires_at, g.created_at), 'expired', NULL, NULL, g.principal_id, g.asset_id, g.permission, g.privilege, g.source,
        g.granted_at, g.expires_at, g.justification, NULL, NULL, NULL
      FROM ${rowsAsOf('grants', { asOf: recordedAt, recordedAt })} g
      WHERE greatest(g.expires_at, g.created_at) >= ${from} AND greatest(g.expires_at, g.created_at) < ${to} AND g.expires_at <= ${recordedAt}
        AND (g.revoked_at IS NULL OR g.revoked_at > g.expires_at)
    )`;
}
