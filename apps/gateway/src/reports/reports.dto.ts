import { SENSITIVITIES, type Sensitivity } from '#libs/database/entities/asset.entity.js';
import { PERIOD_KINDS, POINT_KINDS, REPORT_FORMATS, REPORT_KINDS, REPORT_STATUSES } from '#libs/reports/report-kinds.js';
import type { ReportFormat, ReportKind } from '#libs/reports/report-kinds.js';
import { ApiProperty } from '@nestjs/swagger';
import { ActorDto } from '../http/actor.dto.js';
import { Ids, Part, SomeOf } from '../http/body-fields.js';
import { Id, Instant, Labels, Line, OneOf } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownList, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const EXAMPLE_TIME = '2026-01-31T00:00:00.000Z';
const EXAMPLE_HASH = '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9';
const MANY = 1_000;

class RecordedDto {
  @Instant({
    optional: true,
    description: 'Leaves out what was recorded later; when the report is asked for, where it is left out.',
    example: EXAMPLE_TIME,
  })
  recordedAt?: string;
}

export class PointParametersDto extends RecordedDto {
  @Instant({ optional: true, description: 'The instant to tell of; `recordedAt` where it is left out.', example: EXAMPLE_TIME })
  asOf?: string;

  @Ids({ max: MANY, optional: true, nullable: true, description: 'Only on these assets.', example: [] })
  assetIds?: string[] | null;

  @Ids({ max: MANY, optional: true, nullable: true, description: 'Only held by these principals themselves.', example: [] })
  principalIds?: string[] | null;

  @SomeOf(SENSITIVITIES, { optional: true, nullable: true, description: 'Only on assets of these sensitivities.', example: ['restricted'] })
  sensitivities?: Sensitivity[] | null;

  @Labels({ maxItems: 100, max: 128, optional: true, nullable: true, description: 'Only of these departments.', example: ['Finance'] })
  departments?: string[] | null;
}

export class PeriodParametersDto extends RecordedDto {
  @Instant({ description: 'The first instant of the period.', example: '2026-01-01T00:00:00.000Z' })
  from: string;

  @Instant({ description: 'The first instant after the period.', example: EXAMPLE_TIME })
  to: string;
}

export class CampaignParametersDto extends RecordedDto {
  @Id({ description: 'The campaign.', example: EXAMPLE_ID })
  campaignId: string;
}

class ReportRequestDto {
  @OneOf(REPORT_FORMATS, { name: 'ReportFormat', description: 'The format of the file.', example: 'csv' })
  format: ReportFormat;
}

export class PointReportDto extends ReportRequestDto {
  @OneOf(POINT_KINDS, { name: 'PointReportKind', description: 'A report of one instant.', example: 'access_listing' })
  kind: ReportKind;

  @Part(() => PointParametersDto, { description: 'What it tells of.' })
  parameters: PointParametersDto;
}

export class PeriodReportDto extends ReportRequestDto {
  @OneOf(PERIOD_KINDS, { name: 'PeriodReportKind', description: 'A report of a period.', example: 'grant_changes' })
  kind: ReportKind;

  @Part(() => PeriodParametersDto, { description: 'What it tells of.' })
  parameters: PeriodParametersDto;
}

export class CampaignReportDto extends ReportRequestDto {
  @OneOf(['campaign_evidence'], { name: 'CampaignReportKind', description: 'A report of one campaign.', example: 'campaign_evidence' })
  kind: ReportKind;

  @Part(() => CampaignParametersDto, { description: 'What it tells of.' })
  parameters: CampaignParametersDto;
}

export class ListReportsDto extends PageQueryDto {
  @OneOf(REPORT_KINDS, { name: 'ReportKind', optional: true, description: 'Only of this kind.', example: 'access_listing' })
  kind?: string;

  @OneOf(REPORT_STATUSES, { name: 'ReportStatus', optional: true, description: 'Only with this status.', example: 'completed' })
  status?: string;

  @Line({ max: 512, optional: true, description: 'Only those that this actor asked for.', example: 'dev' })
  requestedBy?: string;
}

const shownLarge = (description: string, example: number | null, nullable = true): PropertyDecorator =>
  ApiProperty({
    ...{ description, type: 'integer', format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, example },
    ...(nullable ? { nullable: true } : {}),
  });

export class ReportProgressDto {
  @shownLarge('Rows that are written.', 5_000, false) done: number;
  @shownLarge('Rows that there will be; null until they are counted.', 120_000) total: number | null;
}

export class ExcludedDto {
  @ShownText({ max: 64, description: 'Why.', example: 'other_sensitivity' }) reason: string;
  @shownLarge('How many.', 3, false) count: number;
}

export class ReconciliationDto {
  @shownLarge('How many there are: included and excluded together.', 100, false) population: number;
  @shownLarge('How many the report shows.', 97, false) included: number;
  @ShownList({ type: () => ExcludedDto, maxItems: 100, description: 'The others, by why they are not shown.' }) excluded: ExcludedDto[];
}

export class ReportFailureDto {
  @ShownText({ max: 64, description: 'Why, as a code.', example: 'reconciliation' }) code: string;
  @ShownText({ max: 1000, description: 'Why, in words.', example: 'The rows do not add up.' }) message: string;
}

export class ReportDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(REPORT_KINDS, { name: 'ReportKind', description: 'What it tells of.', example: 'access_listing' }) kind: string;
  @ShownOneOf(REPORT_FORMATS, { name: 'ReportFormat', description: 'The format of its file.', example: 'csv' }) format: string;
  @ApiProperty({
    description: 'Its parameters with nothing left open: the same ones give the same rows for ever.',
    type: 'object',
    additionalProperties: true,
    maxProperties: 16,
    example: { asOf: EXAMPLE_TIME, recordedAt: EXAMPLE_TIME, assetIds: [], principalIds: [], sensitivities: [], departments: [] },
  })
  parameters: object;
  @ShownOneOf(REPORT_STATUSES, { name: 'ReportStatus', description: 'How far it is.', example: 'completed' }) status: string;
  @ShownPart({ type: () => ReportProgressDto, description: 'How far its file is.' }) progress: ReportProgressDto;
  @ShownPart({ type: () => ActorDto, description: 'Who asked for it.' }) requestedBy: ActorDto;
  @shownLarge('How many rows it has.', 97) rows: number | null;
  @shownLarge('How long its file is, in bytes.', 48_213) bytes: number | null;
  @ApiProperty({
    ...{ description: 'SHA-256 of its file, in hex.', type: String, nullable: true, minLength: 64, maxLength: 64 },
    ...{ pattern: '^[0-9a-f]{64}$', example: EXAMPLE_HASH },
  })
  sha256: string | null;
  @ApiProperty({ description: 'How its counts add up; null until it is complete.', type: () => ReconciliationDto, nullable: true })
  reconciliation: ReconciliationDto | null;
  @ApiProperty({ description: 'Why it failed, where it did.', type: () => ReportFailureDto, nullable: true })
  failure: ReportFailureDto | null;
  @ShownInstant({ description: 'When it was asked for.', example: EXAMPLE_TIME }) createdAt: string;
  @ShownInstant({ nullable: true, description: 'When it was begun.', example: EXAMPLE_TIME }) startedAt: string | null;
  @ShownInstant({ nullable: true, description: 'When it was complete.', example: EXAMPLE_TIME }) completedAt: string | null;
  @ShownInstant({ nullable: true, description: 'When its file goes; its record stays.', example: '2026-05-01T00:00:00.000Z' })
  expiresAt: string | null;
  @ShownInstant({ description: 'When it last changed.', example: EXAMPLE_TIME }) updatedAt: string;
  @ShownCount({ description: 'Rises with every change.', min: 1, example: 2 }) version: number;
}

export const ReportPageDto = pageOf(ReportDto, 'ReportPage');
