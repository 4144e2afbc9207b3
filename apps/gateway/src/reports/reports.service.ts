import type { Caller } from '#libs/auth/request-caller.js';
import type { Config } from '#libs/config/config.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { AppError, ConflictError, NotFoundError, UnavailableError } from '#libs/errors/errors.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { FileContent } from '#libs/report-storage/file-content.js';
import { type ByteRange, FileMissingError, REPORT_STORAGE, type ReportStorage } from '#libs/report-storage/report-storage.js';
import { CONTENT_TYPES } from '#libs/reports/report-kinds.js';
import { type ReportRequest, requestReport } from '#libs/reports/request-report.js';
import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Readable } from 'node:stream';
import { type ReportFilters, ReportsRepository, type StoredReport } from './reports.repository.js';

/** Reports from request to download. The worker builds them. */
@Injectable()
export class ReportsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly reports: ReportsRepository,
    private readonly config: ConfigService<Config, true>,
    @Inject(REPORT_STORAGE) private readonly storage: ReportStorage,
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
   * The file of a report that is complete. That its bytes were asked for is an event, recorded before the first of them is given.
   *
   * @throws ConflictError `report_not_ready`, AppError `report_expired`
   */
  async download(id: string, caller: Caller): Promise<FileContent> {
    const report = await this.reports.find(id);
    if (!report) throw NotFoundError.of('report', id);
    const { key, ...file } = fileOf(report);
    return new FileContent(file, async (range) => {
      const content = await this.openFile(key, range);
      try {
        await this.recordDownload(id, file, range, caller);
      } catch (error) {
        content.destroy();
        throw error;
      }
      return content;
    });
  }

  private async openFile(key: string, range: ByteRange | undefined): Promise<Readable> {
    try {
      return await this.storage.open(key, range);
    } catch (error) {
      // Its record says that it is there: whoever keeps the storage has to look.
      if (error instanceof FileMissingError) throw new UnavailableError('The file is not in the storage of reports.', { cause: error });
      throw error;
    }
  }

  private recordDownload(id: string, { bytes, sha256 }: FileContent['file'], range: ByteRange | undefined, caller: Caller): Promise<void> {
    return this.transactions.write({ ...caller, idempotency: null }, (tx) => {
      tx.record({ type: 'report.downloaded', resource: { type: 'report', id }, after: { sha256, bytes, range: range ?? null } });
      return Promise.resolve();
    });
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

function fileOf(report: StoredReport): FileContent['file'] & { key: string } {
  const { id, kind, format, status, createdAt, completedAt, fileKey, bytes, sha256 } = report;
  if (status === 'expired') throw new AppError('report_expired');
  if (status !== 'completed' || fileKey === null || bytes === null || sha256 === null || completedAt === null) {
    throw new ConflictError('report_not_ready', `The report is ${status} and has no file.`);
  }
  const name = `${kind}-${createdAt.toISOString().slice(0, 10)}-${id}.${format}`;
  return { key: fileKey, name, contentType: CONTENT_TYPES[format], bytes, sha256, modifiedAt: completedAt };
}
