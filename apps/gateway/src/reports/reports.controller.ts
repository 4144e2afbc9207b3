import type { Caller } from '#libs/auth/request-caller.js';
import type { Role } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import type { FileContent } from '#libs/report-storage/file-content.js';
import { CONTENT_TYPES } from '#libs/reports/report-kinds.js';
import type { ReportRequest } from '#libs/reports/request-report.js';
import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { FileOperation } from '../http/file-operation.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { ReportRequestPipe } from './report-request.pipe.js';
import { CampaignReportDto, ListReportsDto, PeriodReportDto, PointReportDto, ReportDto, ReportPageDto } from './reports.dto.js';
import { ReportsService } from './reports.service.js';

const AUDITORS: readonly Role[] = ['governance.auditor', 'governance.admin'];
const REQUESTS = [PointReportDto, PeriodReportDto, CampaignReportDto];

@ApiTags('reports')
@ApiExtraModels(...REQUESTS)
@Controller('reports')
export class ReportsController {
  constructor(private readonly reports: ReportsService) {}

  @Get()
  @Operation({
    id: 'listReports',
    summary: 'List reports',
    description: 'All reports, by id; also those whose files have expired.',
    roles: AUDITORS,
    answer: { page: ReportPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListReportsDto): Promise<Page> {
    return this.reports.list(filters, { cursor, limit });
  }

  @Post()
  @ApiBody({ required: true, schema: { oneOf: REQUESTS.map((request) => ({ $ref: getSchemaPath(request) })) } })
  @Operation({
    id: 'createReport',
    summary: 'Ask for a report',
    description:
      'Queues a report, which is built in the background: `GET` it until it is completed, then download it. The same parameters give the same rows for ever, whatever is recorded later.',
    roles: AUDITORS,
    answer: { status: 202, resource: ReportDto, versioned: true },
    errors: ['business_rule', 'too_many_reports', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body(ReportRequestPipe) request: ReportRequest, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.reports.request(request, caller);
  }

  @Get(':id')
  @IdParam('id', 'The report.')
  @Operation({
    id: 'getReport',
    summary: 'Get a report',
    description: 'One report with its progress, or what is to be known of its file. Never answered with 304.',
    roles: AUDITORS,
    answer: { resource: ReportDto },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string): Promise<Representation> {
    return this.reports.get(id);
  }

  @Get(':id/download')
  @IdParam('id', 'The report.')
  @FileOperation({
    id: 'downloadReport',
    summary: 'Download a report',
    description: 'The file of a report that is completed, or a part of it. That it was downloaded is an event.',
    roles: AUDITORS,
    contentTypes: Object.values(CONTENT_TYPES),
    errors: ['not_found', 'report_not_ready', 'report_expired'],
  })
  download(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<FileContent> {
    return this.reports.download(id, caller);
  }

  @Delete(':id')
  @IdParam('id', 'The report.')
  @Operation({
    id: 'cancelReport',
    summary: 'Cancel a report',
    description: 'Of a report that is queued or being built nothing comes then. One that is complete stays until it expires: 409.',
    roles: AUDITORS,
    answer: { status: 204 },
    errors: ['not_found', 'report_ended'],
    conditional: true,
  })
  cancel(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.reports.cancel(id, caller);
  }
}
