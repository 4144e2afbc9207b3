import type { Caller } from '#libs/auth/request-caller.js';
import type { Config } from '#libs/config/config.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { AppError, ConflictError, NotFoundError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { CONTENT_TYPES } from '#libs/reports/report-kinds.js';
import { type ReportRequest, requestReport } from '#libs/reports/request-report.js';
import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { type ReportFilters, ReportsRepository, type StoredReport } from './reports.repository.js';

/** The file of a completed report, as the storage has it. */
export interface ReportFile {
  key: string;
  fileName: string;
  contentType: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  completedAt: Date;
}

/** Reports from request to download. The worker builds them. */
@Injectable()
export class ReportsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly reports: ReportsRepository,
    private readonly config: ConfigService<Config, true>,
  ) {}

  list(filters: ReportFilters, page: PageRequest): Promise<Page> {
    return this.reports.page(filters, page);
  }

  async get(id: string): Promise<Representation> {
    const report = await this.reports.findRepresentation(id);
    if (!report) throw NotFoundError.of('report', id);
    return report;
  }

  request(request: ReportRequest, caller: Caller): Promise<Representation> {
    const mostWaiting = this.config.get('reportsWaitingPerCaller', { infer: true });
    return this.transactions.write(caller, async (tx) => this.represent(tx, await requestReport(tx, request, mostWaiting)));
  }

  /** Also while it is being built. @throws ConflictError `report_ended` for one that has ended otherwise */
  async cancel(id: string, caller: Caller): Promise<void> {
    await this.transactions.write(caller, async (tx) => {
      const report = await this.lock(tx, id);
      assertVersion(caller, report.version);
      if (report.status === 'cancelled') return tx.leaveUnchanged();
      if (report.status !== 'queued' && report.status !== 'running') throw new ConflictError('report_ended');
      await this.reports.cancel(tx, id);
      tx.record({
        type: 'report.cancelled',
        resource: { type: 'report', id },
        before: { status: report.status },
        after: { status: 'cancelled' },
      });
    });
  }

  /**
   * The file of a report that is complete; that it was asked for is an event.
   *
   * @throws ConflictError `report_not_ready`, AppError `report_expired`
   */
  async open(id: string, caller: Caller): Promise<ReportFile> {
    let file: ReportFile | undefined;
    await this.transactions.write({ ...caller, idempotency: null }, async (tx) => {
      const report = await this.lock(tx, id);
      file = fileOf(report);
      tx.record({ type: 'report.downloaded', resource: { type: 'report', id }, after: { sha256: file.sha256, bytes: file.bytes } });
    });
    return file as ReportFile;
  }

  private async lock(tx: Transaction, id: string): Promise<StoredReport> {
    const report = await this.reports.findForUpdate(tx, id);
    if (!report) throw NotFoundError.of('report', id);
    return report;
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const report = await this.reports.findRepresentation(id, tx);
    if (!report) throw NotFoundError.of('report', id);
    return report;
  }
}

function fileOf(report: StoredReport): ReportFile {
  const { id, kind, format, status, createdAt, completedAt, fileKey, bytes, sha256 } = report;
  if (status === 'expired') throw new AppError('report_expired');
  if (status !== 'completed' || fileKey === null || bytes === null || sha256 === null || completedAt === null) {
    throw new ConflictError('report_not_ready', `The report is ${status} and has no file.`);
  }
  const fileName = `${kind}-${createdAt.toISOString().slice(0, 10)}-${id}.${format}`;
  return { key: fileKey, fileName, contentType: CONTENT_TYPES[format], bytes, sha256, completedAt };
}
