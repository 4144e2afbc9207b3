import type { Actor } from '#libs/auth/caller.js';
import { Database } from '#libs/database/database.js';
import { Representation } from '#libs/database/representation.js';
import type { Transaction } from '#libs/database/transaction.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import type { ReportFormat, ReportKind } from '#libs/reports/report-kinds.js';
import type { GivenParameters } from '#libs/reports/report-parameters.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

/** What of a schedule its caller decides. */
export interface Schedule {
  id: string;
  name: string;
  kind: ReportKind;
  format: ReportFormat;
  parameters: GivenParameters;
  cron: string;
  timeZone: string;
  enabled: boolean;
  status: 'active' | 'retired';
  version: number;
}

const ITEM = jsonRow({
  ...{
    id: 's.id',
    name: 's.name',
    kind: 's.kind',
    format: 's.format',
    parameters: 's.parameters',
    cron: 's.cron',
    timeZone: 's.time_zone',
  },
  ...{ enabled: 's.enabled', status: 's.status', createdBy: 's.created_by', nextRunAt: 'instant(s.next_run_at)' },
  ...{
    lastDueAt: 'instant(s.last_due_at)',
    lastRunAt: 'instant(s.last_run_at)',
    lastReportId: 's.last_report_id',
    lastFailure: 's.last_failure',
  },
  ...{ createdAt: 'instant(s.created_at)', updatedAt: 'instant(s.updated_at)', version: 's.version' },
});

@Injectable()
export class SchedulesRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: { status?: string }, request: PageRequest): Promise<Page> {
    const where = filters.status === undefined ? [] : [sql`s.status = ${filters.status}`];
    const query = { list: 'report-schedules', item: ITEM, from: sql`report_schedules s`, where, sort: byId('s'), binding: filters };
    return this.keyset.page(query, request);
  }

  /** Never answered with 304: runs move without the version. */
  async findRepresentation(id: string, tx?: Transaction): Promise<Representation | null> {
    const query = sql`SELECT s.version, (${ITEM})::text AS json FROM report_schedules s WHERE s.id = ${id}`;
    const [row] = await (tx ?? this.database).rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json, false) : null;
  }

  async findForUpdate(tx: Transaction, id: string): Promise<Schedule | null> {
    const [row] = await tx.rows<Schedule>(
      sql`SELECT id, name, kind, format, parameters, cron, time_zone AS "timeZone", enabled, status, version
        FROM report_schedules WHERE id = ${id} FOR NO KEY UPDATE`,
    );
    return row ?? null;
  }

  /** `coveredTo`: from where on the first report of a period tells. */
  async insert(tx: Transaction, schedule: Schedule, createdBy: Actor, nextRunAt: Date | null, coveredTo: Date): Promise<void> {
    const { id, name, kind, format, parameters, cron, timeZone, enabled, status, version } = schedule;
    await tx.rows(
      sql`INSERT INTO report_schedules (id, name, kind, format, parameters, cron, time_zone, enabled, status, created_by, created_at, updated_at, version,
          next_run_at, covered_to)
        VALUES (${id}, ${name}, ${kind}, ${format}, ${JSON.stringify(parameters)}, ${cron}, ${timeZone}, ${enabled}, ${status},
          ${JSON.stringify(createdBy)}, ${tx.now}, ${tx.now}, ${version}, ${nextRunAt}, ${coveredTo})`,
    );
  }

  async update(tx: Transaction, schedule: Schedule, nextRunAt: Date | null): Promise<void> {
    const { id, name, format, parameters, cron, timeZone, enabled, status, version } = schedule;
    await tx.rows(
      sql`UPDATE report_schedules SET name = ${name}, format = ${format}, parameters = ${JSON.stringify(parameters)}, cron = ${cron},
          time_zone = ${timeZone}, enabled = ${enabled}, status = ${status}, updated_at = ${tx.now}, version = ${version}, next_run_at = ${nextRunAt}
        WHERE id = ${id}`,
    );
  }
}
