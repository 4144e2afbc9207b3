import { Snapshots } from '#libs/database/snapshot.js';
import type { PreparedReport } from '#libs/report-formats/prepared-report.js';
import { accessReport } from '#libs/reports/access-report.js';
import { AuditExtract } from '#libs/reports/audit-extract.js';
import { campaignEvidence } from '#libs/reports/campaign-evidence.js';
import { grantChanges } from '#libs/reports/grant-changes.js';
import type { ReportJob } from '#libs/reports/report-jobs.js';
import { isPointKind } from '#libs/reports/report-kinds.js';
import type { CampaignParameters, PeriodParameters, PointParameters } from '#libs/reports/report-parameters.js';
import { Injectable } from '@nestjs/common';

/** What each kind of report is made from. */
@Injectable()
export class ReportSources {
  constructor(
    private readonly snapshots: Snapshots,
    private readonly extract: AuditExtract,
  ) {}

  /** Counts a report and has `work` read it, all of it as at one instant, once everything that belongs to it can be seen. */
  async read<T>({ kind, parameters }: ReportJob, work: (report: PreparedReport) => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.snapshots.settled(new Date(parameters.recordedAt), signal);
    if (kind === 'audit_extract') return work(await this.extract.prepare(parameters as PeriodParameters, signal));
    // What is told of decisions is where they stand in the log, and an event gets its place there after its commit.
    if (kind === 'campaign_evidence') await this.extract.chained(new Date(parameters.recordedAt), signal);
    return this.snapshots.read(async (snapshot) => {
      if (isPointKind(kind)) return work(await accessReport(kind, parameters as PointParameters, snapshot));
      if (kind === 'grant_changes') return work(await grantChanges(parameters as PeriodParameters, snapshot));
      return work(await campaignEvidence(parameters as CampaignParameters, snapshot));
    }, signal);
  }
}
