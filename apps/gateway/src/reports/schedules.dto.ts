import { SENSITIVITIES, type Sensitivity } from '#libs/database/entities/asset.entity.js';
import { REPORT_FORMATS, REPORT_KINDS, type ReportFormat, type ReportKind } from '#libs/reports/report-kinds.js';
import { ApiProperty, OmitType, PartialType } from '@nestjs/swagger';
import { ActorDto } from '../http/actor.dto.js';
import { Ids, Part, SomeOf } from '../http/body-fields.js';
import { Flag, Id, Labels, Line, OneOf } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const EXAMPLE_TIME = '2026-01-31T00:00:00.000Z';
const MANY = 1_000;

export const SCHEDULE_STATUSES = ['active', 'retired'] as const;

/** Which members there are depends on the kind: filters, nothing, or the campaign. Instants follow from the due time. */
export class ScheduleParametersDto {
  @Ids({ max: MANY, optional: true, nullable: true, description: 'Of an instant: only on these assets.', example: [] })
  assetIds?: string[] | null;

  @Ids({ max: MANY, optional: true, nullable: true, description: 'Of an instant: only held by these principals themselves.', example: [] })
  principalIds?: string[] | null;

  @SomeOf(SENSITIVITIES, { optional: true, nullable: true, description: 'Of an instant: only on these assets.', example: ['restricted'] })
  sensitivities?: Sensitivity[] | null;

  @Labels({
    maxItems: 100,
    max: 128,
    optional: true,
    nullable: true,
    description: 'Of an instant: only of these departments.',
    example: [],
  })
  departments?: string[] | null;

  @Id({ optional: true, description: 'Of campaign evidence: the campaign.', example: EXAMPLE_ID })
  campaignId?: string;
}

export class CreateScheduleDto {
  @Line({ min: 1, max: 200, description: 'What people call it.', example: 'Restricted access, every Monday' })
  name: string;

  @OneOf(REPORT_KINDS, { name: 'ReportKind', description: 'What its reports tell of.', example: 'access_listing' })
  kind: ReportKind;

  @OneOf(REPORT_FORMATS, { name: 'ReportFormat', description: 'The format of their files.', example: 'pdf' })
  format: ReportFormat;

  @Part(() => ScheduleParametersDto, {
    optional: true,
    description:
      'Filters of a report of an instant, which tells of the due time; the campaign of its evidence; nothing for a report of a period, which tells of the time since the last one.',
  })
  parameters?: ScheduleParametersDto;

  @Line({
    min: 1,
    max: 200,
    description: 'When: minute, hour, day of the month, month, day of the week, as cron has them.',
    example: '0 6 * * 1',
  })
  cron: string;

  @Line({
    min: 1,
    max: 64,
    optional: true,
    description: 'In which time zone, by its IANA name; UTC where it is left out.',
    example: 'Europe/Berlin',
  })
  timeZone?: string;

  @Flag({ optional: true, default: true, description: 'Whether it runs.', example: true })
  enabled?: boolean;
}

export class UpdateScheduleDto extends PartialType(OmitType(CreateScheduleDto, ['kind'] as const), { skipNullProperties: false }) {}

export class ListSchedulesDto extends PageQueryDto {
  @OneOf(SCHEDULE_STATUSES, { name: 'ScheduleStatus', optional: true, description: 'Only with this status.', example: 'active' })
  status?: string;
}

export class ScheduleDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownText({ max: 200, description: 'What people call it.', example: 'Restricted access, every Monday' }) name: string;
  @ShownOneOf(REPORT_KINDS, { name: 'ReportKind', description: 'What its reports tell of.', example: 'access_listing' }) kind: string;
  @ShownOneOf(REPORT_FORMATS, { name: 'ReportFormat', description: 'The format of their files.', example: 'pdf' }) format: string;
  @ApiProperty({
    ...{ description: 'Their parameters, but for instants.', type: 'object', additionalProperties: true, maxProperties: 8 },
    example: { sensitivities: ['restricted'] },
  })
  parameters: object;
  @ShownText({ max: 200, description: 'When they are made.', example: '0 6 * * 1' }) cron: string;
  @ShownText({ max: 64, description: 'In which time zone.', example: 'Europe/Berlin' }) timeZone: string;
  @ApiProperty({ description: 'Whether it runs.', type: Boolean, example: true }) enabled: boolean;
  @ShownOneOf(SCHEDULE_STATUSES, { name: 'ScheduleStatus', description: 'Whether it is still there.', example: 'active' }) status: string;
  @ShownPart({ type: () => ActorDto, description: 'Who made it.' }) createdBy: ActorDto;
  @ShownInstant({ nullable: true, description: 'When it is due next; null where it does not run.', example: EXAMPLE_TIME })
  nextRunAt: string | null;
  @ShownInstant({ nullable: true, description: 'The due time that it last ran for.', example: EXAMPLE_TIME }) lastDueAt: string | null;
  @ShownInstant({ nullable: true, description: 'When it last ran.', example: EXAMPLE_TIME }) lastRunAt: string | null;
  @ShownId({ nullable: true, description: 'The report that it last asked for.', example: EXAMPLE_ID }) lastReportId: string | null;
  @ShownText({ max: 64, nullable: true, description: 'Why it last could not ask for one, as a code.', example: null }) lastFailure:
    string | null;
  @ShownInstant({ description: 'When it was made.', example: EXAMPLE_TIME }) createdAt: string;
  @ShownInstant({ description: 'When it was last changed; runs do not count.', example: EXAMPLE_TIME }) updatedAt: string;
  @ShownCount({ description: 'Rises with every change.', min: 1, example: 2 }) version: number;
}

export const SchedulePageDto = pageOf(ScheduleDto, 'SchedulePage');
