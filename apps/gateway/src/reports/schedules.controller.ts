import type { Caller } from '#libs/auth/request-caller.js';
import type { Role } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { CreateScheduleDto, ListSchedulesDto, ScheduleDto, SchedulePageDto, UpdateScheduleDto } from './schedules.dto.js';
import { SchedulesService } from './schedules.service.js';

const AUDITORS: readonly Role[] = ['governance.auditor', 'governance.admin'];

@ApiTags('reports')
@Controller('reports/schedules')
export class SchedulesController {
  constructor(private readonly schedules: SchedulesService) {}

  @Get()
  @Operation({
    id: 'listReportSchedules',
    summary: 'List schedules of reports',
    description: 'All schedules, by id; also those that have ended, unless `status` says otherwise.',
    roles: AUDITORS,
    answer: { page: SchedulePageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListSchedulesDto): Promise<Page> {
    return this.schedules.list(filters, { cursor, limit });
  }

  @Post()
  @Operation({
    id: 'createReportSchedule',
    summary: 'Have reports made by the clock',
    description:
      'At each due time a report is asked for, once: of that instant, of the time since the last one, or of a campaign. Times that were missed while nothing ran are made up for by one report.',
    roles: AUDITORS,
    answer: { status: 201, resource: ScheduleDto, versioned: true },
    errors: ['business_rule', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body() body: CreateScheduleDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.schedules.create(body, caller);
  }

  @Get(':id')
  @IdParam('id', 'The schedule.')
  @Operation({
    id: 'getReportSchedule',
    summary: 'Get a schedule of reports',
    description: 'One schedule, with its last run and its next. Never answered with 304.',
    roles: AUDITORS,
    answer: { resource: ScheduleDto },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string): Promise<Representation> {
    return this.schedules.get(id);
  }

  @Patch(':id')
  @IdParam('id', 'The schedule.')
  @Operation({
    id: 'updateReportSchedule',
    summary: 'Change a schedule of reports',
    description: 'A JSON merge patch: a member that is left out stays. Its kind never changes; the next due time is counted from now.',
    roles: AUDITORS,
    answer: { resource: ScheduleDto, versioned: true },
    errors: ['business_rule', 'not_found', 'report_schedule_retired', ...BODY_ERRORS],
    conditional: true,
  })
  update(@Param('id', UuidPipe) id: string, @Body() body: UpdateScheduleDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.schedules.update(id, body, caller);
  }

  @Delete(':id')
  @IdParam('id', 'The schedule.')
  @Operation({
    id: 'retireReportSchedule',
    summary: 'End a schedule of reports',
    description: 'It runs no more; its reports stay.',
    roles: AUDITORS,
    answer: { status: 204 },
    errors: ['not_found'],
    conditional: true,
  })
  retire(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.schedules.retire(id, caller);
  }
}
