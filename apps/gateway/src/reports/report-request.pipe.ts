import { BadRequestError } from '#libs/errors/errors.js';
import { isPeriodKind, isPointKind, REPORT_KINDS, type ReportKind } from '#libs/reports/report-kinds.js';
import type { ReportRequest } from '#libs/reports/request-report.js';
import { Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { RequestValidationPipe } from '../http/validation.pipe.js';
import { CampaignReportDto, PeriodReportDto, PointReportDto } from './reports.dto.js';

/** Reads a request for a report: its kind decides which members its parameters have, and every other one is refused. */
@Injectable()
export class ReportRequestPipe implements PipeTransform<object, Promise<ReportRequest>> {
  private readonly validation = new RequestValidationPipe();

  async transform(body: { kind?: unknown }): Promise<ReportRequest> {
    if (Array.isArray(body)) throw BadRequestError.invalid('', 'must be an object');
    return (await this.validation.transform(body, { type: 'body', metatype: classOf(body.kind) })) as ReportRequest;
  }
}

function classOf(kind: unknown): Type {
  if (kind === undefined) throw BadRequestError.invalid('kind', 'is required');
  if (!(REPORT_KINDS as readonly unknown[]).includes(kind)) {
    throw BadRequestError.invalid('kind', `must be one of ${REPORT_KINDS.join(', ')}`);
  }
  if (isPointKind(kind as ReportKind)) return PointReportDto;
  return isPeriodKind(kind as ReportKind) ? PeriodReportDto : CampaignReportDto;
}
