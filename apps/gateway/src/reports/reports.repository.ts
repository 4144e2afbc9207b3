import { Database } from '#libs/database/database.js';
import { Representation } from '#libs/database/representation.js';
import type { Transaction } from '#libs/database/transaction.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import type { ReportFormat, ReportKind, ReportStatus } from '#libs/reports/report-kinds.js';
import { Injectable } from '@nestjs/common';
import sql, { raw, type Sql } from 'sql-template-tag';

export interface ReportFilters {
  kind?: string;
  status?: string;
  requestedBy?: string;
}

/** What of a report its cancellation and its download look at. */
export interface StoredReport {
  id: string;
  kind: ReportKind;
  format: ReportFormat;
  status: ReportStatus;
  createdAt: Date;
  completedAt: Date | null;
  fileKey: string | null;
  bytes: number | null;
  sha256: string | null;
  version: number;
}

/** A file is gone at its instant, not when somebody notices. */
const STATUS = `CASE WHEN r.status = 'completed' AND r.expires_at <= statement_timestamp() THEN 'expired' ELSE r.status END`;

const ITEM = jsonRow({
  ...{ id: 'r.id', kind: 'r.kind', format: 'r.format', parameters: 'r.parameters', status: STATUS },
  progress: `json_build_object('done', r.progress_done, 'total', r.progress_total)`,
  ...{ requestedBy: 'r.requested_by', rows: 'r.rows', bytes: 'r.bytes', sha256: 'r.sha256', reconciliation: 'r.reconciliation' },
  ...{ failure: 'r.failure', createdAt: 'instant(r.created_at)', startedAt: 'instant(r.started_at)' },
  ...{
    completedAt: 'instant(r.completed_at)',
    expiresAt: 'instant(r.expires_at)',
    updatedAt: 'instant(r.updated_at)',
    version: 'r.version',
  },
});

const STORED = raw(`SELECT r.id, r.kind, r.format, ${STATUS} AS status, r.created_at AS "createdAt", r.completed_at AS "completedAt",
  r.file_key AS "fileKey", r.bytes::float8 AS bytes, r.sha256, r.version FROM reports r`);

@Injectable()
export class ReportsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: ReportFilters, request: PageRequest): Promise<Page> {
    const { kind, status, requestedBy } = filters;
    const where: Sql[] = [];
    if (kind !== undefined) where.push(sql`r.kind = ${kind}`);
    if (requestedBy !== undefined) where.push(sql`r.requester_id = ${requestedBy}`);
    if (status !== undefined) where.push(hasStatus(status));
    return this.keyset.page({ list: 'reports', item: ITEM, from: sql`reports r`, where, sort: byId('r'), binding: filters }, request);
  }

  /** Never answered with 304: progress moves without the version. */
  async findRepresentation(id: string, tx?: Transaction): Promise<Representation | null> {
    const query = sql`SELECT r.version, (${ITEM})::text AS json FROM reports r WHERE r.id = ${id}`;
    const [row] = await (tx ?? this.database).rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json, false) : null;
  }

  /** The report, locked until the transaction ends. */
  async findForUpdate(tx: Transaction, id: string): Promise<StoredReport | null> {
    const [row] = await tx.rows<StoredReport>(sql`${STORED} WHERE r.id = ${id} FOR NO KEY UPDATE`);
    return row ?? null;
  }

  async find(id: string): Promise<StoredReport | null> {
    const [row] = await this.database.rows<StoredReport>(sql`${STORED} WHERE r.id = ${id}`);
    return row ?? null;
  }

  async cancel(tx: Transaction, id: string): Promise<void> {
    await tx.rows(
      sql`UPDATE reports SET status = 'cancelled', lease_until = NULL, updated_at = ${tx.now}, version = version + 1 WHERE id = ${id}`,
    );
  }
}

function hasStatus(status: string): Sql {
  if (status === 'completed') return sql`r.status = 'completed' AND r.expires_at > statement_timestamp()`;
  if (status === 'expired') return sql`(r.status = 'expired' OR (r.status = 'completed' AND r.expires_at <= statement_timestamp()))`;
  return sql`r.status = ${status}`;
}
