import { inForce } from '#libs/database/in-force.js';
import type { Snapshot } from '#libs/database/snapshot.js';
import { MODEL_VERSION } from '#libs/decay-model/decay-model.js';
import type { PreparedReport } from '#libs/report-formats/prepared-report.js';
import { toCents } from '#libs/scoring/rounding.js';
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import { type Instants, instantsOf, rowsAsOf } from './as-of.js';
import { scoreDormancy } from './dormancy.js';
import { type PointKind, REPORT_TITLES } from './report-kinds.js';
import type { PointParameters } from './report-parameters.js';
import { preparedTable, type SqlColumn } from './sql-table.js';

const COLUMNS: readonly SqlColumn[] = [
  { name: 'grantId', title: 'Grant', type: 'word', expression: 'g.id', weight: 3 },
  { name: 'principalId', title: 'Principal', type: 'word', expression: 'g.principal_id', weight: 0 },
  { name: 'principalType', title: 'Held by', type: 'word', expression: 'p.type', weight: 2, of: 'p' },
  { name: 'principalName', title: 'Name', type: 'text', expression: 'p.display_name', weight: 4, of: 'p' },
  { name: 'principalEmail', title: 'E-mail', type: 'text', expression: 'p.email', weight: 0, of: 'p' },
  { name: 'principalExternalId', title: 'External id', type: 'text', expression: 'p.external_id', weight: 0, of: 'p' },
  { name: 'principalStatus', title: 'Status', type: 'word', expression: 'p.status', weight: 2, of: 'p' },
  { name: 'department', title: 'Department', type: 'text', expression: 'p.department', weight: 2, of: 'p' },
  { name: 'assetId', title: 'Asset', type: 'word', expression: 'g.asset_id', weight: 0 },
  { name: 'assetType', title: 'Asset type', type: 'word', expression: 'a.type', weight: 0, of: 'a' },
  { name: 'assetName', title: 'Asset', type: 'text', expression: 'a.name', weight: 4, of: 'a' },
  { name: 'sensitivity', title: 'Sensitivity', type: 'word', expression: 'a.sensitivity', weight: 2, of: 'a' },
  { name: 'permission', title: 'Permission', type: 'text', expression: 'g.permission', weight: 2 },
  { name: 'privilege', title: 'Privilege', type: 'word', expression: 'g.privilege', weight: 2 },
  { name: 'source', title: 'Source', type: 'text', expression: 'g.source', weight: 0 },
  { name: 'grantedAt', title: 'Granted', type: 'instant', expression: 'g.granted_at', weight: 3 },
  { name: 'grantedBy', title: 'Granted by', type: 'text', expression: `g.granted_by->>'id'`, weight: 0 },
  { name: 'expiresAt', title: 'Expires', type: 'instant', expression: 'g.expires_at', weight: 3 },
  { name: 'justification', title: 'Justification', type: 'text', expression: 'g.justification', weight: 4 },
];

const SCORE_COLUMNS: readonly SqlColumn[] = [
  { name: 'lastUsedAt', title: 'Last used', type: 'instant', expression: 'g.last_used_at', weight: 3 },
  { name: 'idleDays', title: 'Idle days', type: 'number', expression: toCents('g.idle_days'), weight: 2 },
  { name: 'halfLifeDays', title: 'Half-life in days', type: 'number', expression: 'g.half_life_days', weight: 0 },
  { name: 'score', title: 'Score', type: 'number', expression: toCents('g.score'), weight: 2 },
  { name: 'priority', title: 'Priority', type: 'number', expression: toCents('g.priority'), weight: 2 },
  { name: 'band', title: 'Band', type: 'word', expression: 'g.band', weight: 2 },
  { name: 'recommendation', title: 'Recommendation', type: 'word', expression: 'g.recommendation', weight: 0 },
];

/** Grants in force at an instant: all of them, the privileged ones, or those that nobody uses any more. */
export async function accessReport(kind: PointKind, parameters: PointParameters, snapshot: Snapshot): Promise<PreparedReport> {
  const instants = await instantsOf(snapshot, new Date(parameters.asOf), new Date(parameters.recordedAt));
  const reason = filterReason(kind, parameters);
  const counts = await snapshot.rows<{ reason: string | null; count: number }>(
    sql`SELECT reason, count(*)::float8 AS count FROM (SELECT ${reason} AS reason FROM ${heldFor(parameters, instants)}) o
      GROUP BY reason ORDER BY reason`,
  );
  const excluded = counts.flatMap(({ reason: why, count }) => (why === null ? [] : [{ reason: why, count }]));
  const chosen = counts.find(({ reason: why }) => why === null)?.count ?? 0;
  const byBand = kind === 'dormant_access' ? await scoreDormancy(snapshot, instants, sql`${held(instants)} AND (${reason}) IS NULL`) : null;
  const undecayed = byBand?.filter(({ band, count }) => band !== 'dormant' && count > 0) ?? [];
  const included = byBand ? (byBand.find(({ band }) => band === 'dormant')?.count ?? 0) : chosen;
  const all = [...excluded, ...undecayed.map(({ band, count }) => ({ reason: `band_${band}`, count }))];
  const shown = sql`${heldFor(parameters, instants)} AND (${reason}) IS NULL`;
  const table = {
    ...{ name: 'grants', title: REPORT_TITLES[kind], columns: byBand ? [...COLUMNS, ...SCORE_COLUMNS] : COLUMNS },
    lookups: {
      p: { rows: rowsAsOf('principals', instants), id: 'g.principal_id' },
      a: { rows: rowsAsOf('assets', instants), id: 'g.asset_id' },
    },
    // Put in order first, while rows are short: sorted as whole lines they would all be written to the disk and read again.
    from: byBand
      ? sql`(SELECT g.*, d.* FROM (SELECT g.* FROM ${shown}) g JOIN dormant_grants d ON d.grant_id = g.id ORDER BY g.id OFFSET 0) g`
      : sql`(SELECT g.* FROM ${shown} ORDER BY g.id OFFSET 0) g`,
    ...{ order: sql`g.id`, rowCount: included },
  };
  return {
    tables: [preparedTable(snapshot, table, null)],
    counted: 'grants',
    reconciliation: { population: excluded.reduce((sum, { count }) => sum + count, chosen), included, excluded: all },
    bands: byBand,
    modelVersion: byBand ? MODEL_VERSION : null,
  };
}

/** Grants `g` with their principals `p` and assets `a`, all as they were. */
function holding(instants: Instants): Sql {
  return sql`${rowsAsOf('grants', instants)} g JOIN ${rowsAsOf('principals', instants)} p ON p.id = g.principal_id
    JOIN ${rowsAsOf('assets', instants)} a ON a.id = g.asset_id`;
}

/** The same with what the filters look at alone: every grant has its principal and its asset, and to count them no other is needed. */
function heldFor({ sensitivities, departments }: PointParameters, instants: Instants): Sql {
  const people = departments.length > 0 ? sql` JOIN ${rowsAsOf('principals', instants)} p ON p.id = g.principal_id` : empty;
  const things = sensitivities.length > 0 ? sql` JOIN ${rowsAsOf('assets', instants)} a ON a.id = g.asset_id` : empty;
  return sql`${rowsAsOf('grants', instants)} g${people}${things} WHERE ${inForce('g', instants.asOf)}`;
}

const held = (instants: Instants): Sql => sql`${holding(instants)} WHERE ${inForce('g', instants.asOf)}`;

/** Why a grant in force is not in the report: the first filter that it does not pass, or null where it passes all. */
function filterReason(kind: PointKind, { assetIds, principalIds, sensitivities, departments }: PointParameters): Sql {
  const conditions: Sql[] = [];
  const unless = (applies: boolean, condition: Sql, reason: string): void => {
    if (applies) conditions.push(sql`WHEN ${condition} THEN ${raw(`'${reason}'`)}`);
  };
  unless(kind === 'privileged_access', sql`g.privilege <> 'admin'`, 'not_privileged');
  unless(assetIds.length > 0, sql`g.asset_id <> ALL (${assetIds}::uuid[])`, 'other_asset');
  unless(principalIds.length > 0, sql`g.principal_id <> ALL (${principalIds}::uuid[])`, 'other_principal');
  unless(sensitivities.length > 0, sql`a.sensitivity <> ALL (${sensitivities}::text[])`, 'other_sensitivity');
  unless(departments.length > 0, sql`(p.department IS NULL OR p.department <> ALL (${departments}::text[]))`, 'other_department');
  return conditions.length > 0 ? sql`CASE ${join(conditions, ' ')} END` : sql`NULL::text`;
}
