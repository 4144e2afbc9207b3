import { PRIVILEGES, type Privilege } from '#libs/database/entities/grant.entity.js';
import { type Band, BANDS, type Recommendation, RECOMMENDATIONS } from '#libs/decay-model/decay-model.js';
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy, ValidateIf } from 'class-validator';
import { Id, Instant, OneOf, WholeNumber } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownList, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';
import { SCORE_SORTS, type ScoreSort } from './scores.repository.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'] as const;
const ANCHOR_KINDS = ['last_used', 'granted', 'tracking_started'] as const;
const LAST_USES = ['reported', 'inferred'] as const;
const LONGEST_FORECAST_DAYS = 730;

/** A bound for scores, 0 to 100; compared with what is shown, which has 2 decimals. */
function ScoreBound(description: string, example: number): PropertyDecorator {
  const message = 'must be a number from 0 to 100';
  return applyDecorators(
    ApiProperty({ description, required: false, type: 'number', format: 'double', minimum: 0, maximum: 100, example }),
    ValidateIf((_object, value) => value !== undefined),
    ValidateBy({
      name: 'scoreBound',
      validator: { validate: (value) => typeof value === 'number' && value >= 0 && value <= 100, defaultMessage: () => message },
    }),
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && /^-?[0-9]{1,3}(\.[0-9]{1,30})?(e[+-]?[0-9]{1,3})?$/i.test(value) ? Number(value) : value,
    ),
  );
}

/** A number of an answer. */
function ShownNumber(options: { description: string; example: number; max: number; nullable?: boolean }): PropertyDecorator {
  const { max, ...shown } = options;
  return ApiProperty({ ...shown, type: 'number', format: 'double', minimum: 0, maximum: max });
}

export class ListScoresDto extends PageQueryDto {
  @OneOf(BANDS, { name: 'Band', optional: true, description: 'Only in this band.', example: 'dormant' })
  band?: Band;

  @ScoreBound('Only scores of at least this.', 50)
  minScore?: number;

  @ScoreBound('Only scores of at most this.', 75)
  maxScore?: number;

  @Id({ optional: true, description: 'Only grants of this principal.', example: EXAMPLE_ID })
  principalId?: string;

  @Id({ optional: true, description: 'Only grants on this asset.', example: EXAMPLE_ID })
  assetId?: string;

  @OneOf(SENSITIVITIES, { name: 'Sensitivity', optional: true, description: 'Only on assets of this sensitivity.', example: 'restricted' })
  sensitivity?: string;

  @OneOf(RECOMMENDATIONS, { name: 'Recommendation', optional: true, description: 'Only with this recommendation.', example: 'revoke' })
  recommendation?: Recommendation;

  @OneOf(SCORE_SORTS, {
    name: 'ScoreSort',
    optional: true,
    description: 'The order; a minus puts the highest first.',
    example: '-priority',
  })
  sort?: ScoreSort;
}

export class ListScoreHistoryDto extends PageQueryDto {
  @Instant({ optional: true, description: 'Only from this instant on.', example: '2026-01-01T00:00:00.000Z' })
  from?: string;

  @Instant({ optional: true, description: 'Only before this instant.', example: '2027-01-01T00:00:00.000Z' })
  to?: string;
}

export class ForecastQueryDto {
  @WholeNumber({ min: 1, max: LONGEST_FORECAST_DAYS, default: 90, optional: true, description: 'How many days ahead.', example: 90 })
  days: number = 90;
}

export class ScoreDto {
  @ShownId({ description: 'The grant.', example: EXAMPLE_ID }) grantId: string;
  @ShownId({ description: 'Who has access.', example: EXAMPLE_ID }) principalId: string;
  @ShownText({ max: 256, description: 'The name of the principal.', example: 'Finance analyst 7' }) principalName: string;
  @ShownId({ description: 'To what.', example: EXAMPLE_ID }) assetId: string;
  @ShownText({ max: 512, description: 'The name of the asset.', example: 'finance.ledger' }) assetName: string;
  @ShownText({ max: 128, description: 'What may be done, in the words of the source.', example: 'SELECT' }) permission: string;
  @ShownOneOf(PRIVILEGES, { name: 'Privilege', description: 'How much that is.', example: 'read' }) privilege: Privilege;
  @ShownOneOf(SENSITIVITIES, { name: 'Sensitivity', description: 'Of the asset.', example: 'restricted' }) sensitivity: string;
  @ShownNumber({ max: 100, description: 'From 0, in use, to 100, long forgotten.', example: 75 }) score: number;
  @ShownNumber({ max: 100, description: 'The score weighed by what is at stake.', example: 63.75 }) priority: number;
  @ShownOneOf(BANDS, { name: 'Band', description: 'What the score means.', example: 'dormant' }) band: Band;
  @ShownOneOf(RECOMMENDATIONS, { name: 'Recommendation', description: 'What to do.', example: 'revoke' }) recommendation: Recommendation;
  @ShownText({ max: 16, description: 'The version of the decay model.', example: '1' }) modelVersion: string;
  @ShownInstant({ description: 'For which instant it was computed.', example: '2026-01-31T09:00:00.000Z' }) computedAt: string;
  @ShownInstant({ nullable: true, description: 'When the next band begins if nothing happens.', example: null }) nextBandAt: string | null;
}

export class ScoreWeightsDto {
  @ShownNumber({ max: 1, description: 'Of the sensitivity of the asset.', example: 1 }) sensitivity: number;
  @ShownNumber({ max: 1, description: 'Of the privilege.', example: 0 }) privilege: number;
  @ShownNumber({
    max: 1,
    nullable: true,
    description: 'The share of peers without such a grant; null with fewer than 5 peers.',
    example: 0.9,
  })
  rarity: number | null;
  @ShownNumber({ max: 1, description: 'All of them together: W of the model.', example: 0.68 }) combined: number;
}

export class ScoreExplanationDto {
  @ShownInstant({ description: 'From when idleness counts.', example: '2025-11-02T09:00:00.000Z' }) anchorAt: string;
  @ShownOneOf(ANCHOR_KINDS, { name: 'AnchorKind', description: 'What that instant is.', example: 'last_used' }) anchorKind: string;
  @ShownOneOf(LAST_USES, {
    name: 'LastUse',
    nullable: true,
    description: 'How the last use is known: reported for this grant, or inferred from a use of the asset that it could have allowed.',
    example: 'reported',
  })
  lastUse: string | null;
  @ShownNumber({ max: 1_000_000, description: 'Days in which a use would have been seen.', example: 400 }) observedDays: number;
  @ShownNumber({ max: 1_000_000, description: 'Days since the anchor.', example: 90 }) idleDays: number;
  @ShownNumber({ max: 90, description: 'Days in which such a grant is half forgotten.', example: 45 }) halfLifeDays: number;
  @ShownNumber({
    max: 400,
    nullable: true,
    description: 'Days between its uses, their 90th percentile; null with fewer than 3 gaps.',
    example: 7,
  })
  cadenceDays: number | null;
  @ShownCount({ description: 'How many gaps between days with a use there are.', example: 12 }) cadenceGaps: number;
  @ShownNumber({ max: 180, description: 'Days in which this grant is half forgotten.', example: 45 }) effectiveHalfLifeDays: number;
  @ShownPart({ type: () => ScoreWeightsDto, description: 'What is at stake, each from 0 to 1.' }) weights: ScoreWeightsDto;
  @ShownText({ max: 500, description: 'The band in words.', example: 'Not used for 90 days; half forgotten every 45 days.' })
  reason: string;
}

export class ExplainedScoreDto extends ScoreDto {
  @ShownPart({ type: () => ScoreExplanationDto, description: 'Every input and term, as of `computedAt`.' })
  explanation: ScoreExplanationDto;
}

export class PastScoreDto {
  @ShownInstant({ description: 'For which instant it was computed.', example: '2026-01-31T09:00:00.000Z' }) computedAt: string;
  @ShownNumber({ max: 100, description: 'The score.', example: 75 }) score: number;
  @ShownNumber({ max: 100, description: 'The priority.', example: 63.75 }) priority: number;
  @ShownOneOf(BANDS, { name: 'Band', description: 'The band.', example: 'dormant' }) band: Band;
  @ShownText({ max: 16, description: 'The version of the decay model.', example: '1' }) modelVersion: string;
}

export class BandCountsDto {
  @ShownCount({ description: 'Active.', example: 12 }) active: number;
  @ShownCount({ description: 'Aging.', example: 5 }) aging: number;
  @ShownCount({ description: 'Stale.', example: 3 }) stale: number;
  @ShownCount({ description: 'Dormant.', example: 7 }) dormant: number;
  @ShownCount({ description: 'Observed for too short a time, or not at all.', example: 1 }) insufficient_data: number;
}

export class SensitivityCountsDto {
  @ShownPart({ type: () => BandCountsDto, description: 'On public assets.' }) public: BandCountsDto;
  @ShownPart({ type: () => BandCountsDto, description: 'On internal assets.' }) internal: BandCountsDto;
  @ShownPart({ type: () => BandCountsDto, description: 'On confidential assets.' }) confidential: BandCountsDto;
  @ShownPart({ type: () => BandCountsDto, description: 'On restricted assets.' }) restricted: BandCountsDto;
}

export class TopAssetDto {
  @ShownId({ description: 'The asset.', example: EXAMPLE_ID }) assetId: string;
  @ShownText({ max: 512, description: 'Its name.', example: 'finance.ledger' }) name: string;
  @ShownCount({ description: 'How many grants on it are dormant.', example: 40 }) dormant: number;
  @ShownCount({ description: 'How many grants on it are in force.', example: 60 }) total: number;
}

export class ScoresSummaryDto {
  @ShownCount({ description: 'How many grants have a score.', example: 28 }) total: number;
  @ShownPart({ type: () => BandCountsDto, description: 'By band.' }) byBand: BandCountsDto;
  @ShownPart({ type: () => SensitivityCountsDto, description: 'By sensitivity and band.' }) bySensitivity: SensitivityCountsDto;
  @ShownList({ type: () => TopAssetDto, maxItems: 10, description: 'The assets with the most dormant grants.' }) topAssets: TopAssetDto[];
  @ShownInstant({ description: 'When it was counted.', example: '2026-01-31T09:00:00.000Z' }) computedAt: string;
}

export class BandEntriesDto {
  @ShownCount({ description: 'Enter active: 30 days have been observed.', example: 1 }) active: number;
  @ShownCount({ description: 'Enter aging.', example: 4 }) aging: number;
  @ShownCount({ description: 'Enter stale.', example: 2 }) stale: number;
  @ShownCount({ description: 'Enter dormant.', example: 3 }) dormant: number;
}

export class ForecastDayDto extends BandEntriesDto {
  @ApiProperty({ description: 'The UTC day.', type: String, format: 'date', maxLength: 10, example: '2026-03-01' }) date: string;
}

export class ForecastDto {
  @ShownInstant({ description: 'From when.', example: '2026-01-31T09:00:00.000Z' }) from: string;
  @ShownInstant({ description: 'Until when, that instant included.', example: '2026-05-01T09:00:00.000Z' }) to: string;
  @ShownPart({ type: () => BandEntriesDto, description: 'Over all days.' }) totals: BandEntriesDto;
  @ShownList({ type: () => ForecastDayDto, maxItems: LONGEST_FORECAST_DAYS + 1, description: 'Days on which a grant enters a band.' })
  days: ForecastDayDto[];
}

export const ScorePageDto = pageOf(ScoreDto, 'ScorePage');
export const PastScorePageDto = pageOf(PastScoreDto, 'PastScorePage');
