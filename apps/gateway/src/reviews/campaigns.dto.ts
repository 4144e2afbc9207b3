import { BANDS } from '#libs/decay-model/decay-model.js';
import { PRIVILEGES } from '#libs/database/entities/grant.entity.js';
import { PRINCIPAL_TYPES } from '#libs/database/entities/principal.entity.js';
import { CAMPAIGN_STATUSES, DEFAULT_DECISIONS, type DefaultDecision, REVIEWER_KINDS, type ReviewerKind } from '#libs/reviews/campaign.js';
import { ApiProperty } from '@nestjs/swagger';
import { Id, Instant, Labels, Line, OneOf } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownLabels, ShownList, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';
import { ActorDto } from '../http/actor.dto.js';
import { Bounded, Ids, Part, SomeOf } from '../http/body-fields.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'] as const;
const KINDS = ['once', 'standing'] as const;
const WORKS = ['launch', 'defaults', 'check', 'apply', 'undo'] as const;
const BREAKER_CODES = ['too_many_revocations', 'last_admin'] as const;
const MAX_ASSETS = 1_000;
const MAX_REVIEWERS = 1_000;
const MANY = 100_000;

export class SelectorDto {
  @SomeOf(BANDS, { optional: true, nullable: true, description: 'Only in these bands.', example: ['stale', 'dormant'] })
  bands?: string[] | null;

  @Bounded({ min: 0, max: 100, optional: true, nullable: true, description: 'Only scores of at least this.', example: 50 })
  minScore?: number | null;

  @Bounded({ min: 0, max: 100, optional: true, nullable: true, description: 'Only scores of at most this.', example: 100 })
  maxScore?: number | null;

  @SomeOf(SENSITIVITIES, { optional: true, nullable: true, description: 'Only on assets of these sensitivities.', example: ['restricted'] })
  sensitivities?: string[] | null;

  @SomeOf(PRIVILEGES, { optional: true, nullable: true, description: 'Only with these privileges.', example: ['admin'] })
  privileges?: string[] | null;

  @Ids({ max: MAX_ASSETS, optional: true, nullable: true, description: 'Only on these assets.', example: [] })
  assetIds?: string[] | null;

  @Labels({ maxItems: 100, max: 128, optional: true, nullable: true, description: 'Only of these departments.', example: ['Finance'] })
  departments?: string[] | null;

  @SomeOf(PRINCIPAL_TYPES, { optional: true, nullable: true, description: 'Only held by these kinds of principals.', example: ['user'] })
  principalTypes?: string[] | null;

  @Labels({ maxItems: 100, max: 64, optional: true, nullable: true, description: 'Only of these sources.', example: ['manual'] })
  sources?: string[] | null;

  @Bounded({
    min: 0,
    max: 36_500,
    whole: true,
    optional: true,
    nullable: true,
    description: 'Only not used for so many days.',
    example: 90,
  })
  unusedForDays?: number | null;

  @Instant({ optional: true, nullable: true, description: 'Only granted before this instant.', example: '2025-01-01T00:00:00.000Z' })
  grantedBefore?: string | null;
}

export class ReviewersDto {
  @OneOf(REVIEWER_KINDS, { name: 'ReviewerKind', description: 'Who is asked first.', example: 'assetOwner' })
  kind: ReviewerKind;

  @Ids({ max: MAX_REVIEWERS, optional: true, description: 'Those who are named; for `named` alone.', example: [] })
  principalIds?: string[];

  @Id({ description: 'Who is asked where that leads to nobody fit. An active user.', example: EXAMPLE_ID })
  fallbackReviewerId: string;
}

export class CreateCampaignDto {
  @Line({ max: 200, description: 'Its name.', example: 'Q1 restricted data' })
  name: string;

  @OneOf(KINDS, {
    name: 'CampaignKind',
    optional: true,
    default: 'once',
    description: 'Once, with a due date; or standing, which opens small packets as grants decay.',
    example: 'once',
  })
  kind?: 'once' | 'standing';

  @Part(() => SelectorDto, { description: 'Which grants. A member that is absent, null or empty restricts nothing.' })
  selector: SelectorDto;

  @Part(() => ReviewersDto, { description: 'Who reviews them.' })
  reviewers: ReviewersDto;

  @Instant({
    optional: true,
    nullable: true,
    description: 'When it closes by itself; in the future. A standing campaign has none.',
    example: '2031-03-31T17:00:00.000Z',
  })
  dueAt?: string | null;

  @Bounded({
    ...{ min: 1, max: 90, whole: true, optional: true, nullable: true, example: null },
    description: 'For how many days a packet of a standing campaign is open; 14 where it is left out.',
  })
  daysToDecide?: number | null;

  @OneOf(DEFAULT_DECISIONS, {
    name: 'DefaultDecision',
    optional: true,
    default: 'none',
    description: 'What becomes of what nobody decides; `none` is an abstention.',
    example: 'none',
  })
  defaultDecision?: DefaultDecision;
}

export class ListCampaignsDto extends PageQueryDto {
  @OneOf(CAMPAIGN_STATUSES, { name: 'CampaignStatus', optional: true, description: 'Only with this status.', example: 'active' })
  status?: string;
}

export class ShownSelectorDto {
  @ShownLabels({ maxItems: 5, max: 32, description: 'Bands.', example: ['dormant'] }) bands: string[];
  @ApiProperty({
    type: 'number',
    format: 'double',
    minimum: 0,
    maximum: 100,
    nullable: true,
    description: 'The lowest score.',
    example: null,
  })
  minScore: number | null;
  @ApiProperty({
    type: 'number',
    format: 'double',
    minimum: 0,
    maximum: 100,
    nullable: true,
    description: 'The highest score.',
    example: null,
  })
  maxScore: number | null;
  @ShownLabels({ maxItems: 4, max: 32, description: 'Sensitivities.', example: [] }) sensitivities: string[];
  @ShownLabels({ maxItems: 3, max: 32, description: 'Privileges.', example: [] }) privileges: string[];
  @ShownLabels({ maxItems: MAX_ASSETS, max: 36, description: 'Assets.', example: [] }) assetIds: string[];
  @ShownLabels({ maxItems: 100, max: 128, description: 'Departments.', example: [] }) departments: string[];
  @ShownLabels({ maxItems: 3, max: 32, description: 'Kinds of principals.', example: [] }) principalTypes: string[];
  @ShownLabels({ maxItems: 100, max: 64, description: 'Sources.', example: [] }) sources: string[];
  @ApiProperty({
    type: 'integer',
    format: 'int32',
    minimum: 0,
    maximum: 36_500,
    nullable: true,
    description: 'Days without a use.',
    example: null,
  })
  unusedForDays: number | null;
  @ShownInstant({ nullable: true, description: 'Granted before.', example: null }) grantedBefore: string | null;
}

export class ShownReviewersDto {
  @ShownOneOf(REVIEWER_KINDS, { name: 'ReviewerKind', description: 'Who is asked first.', example: 'assetOwner' }) kind: string;
  @ShownLabels({ maxItems: MAX_REVIEWERS, max: 36, description: 'Those who are named.', example: [] }) principalIds: string[];
  @ShownId({ description: 'Who is asked where that leads to nobody fit.', example: EXAMPLE_ID }) fallbackReviewerId: string;
}

export class ReviewCountsDto {
  @ShownCount({ description: 'Items.', example: 120 }) items: number;
  @ShownCount({ description: 'Not decided yet.', example: 20 }) pending: number;
  @ShownCount({ description: 'To be kept.', example: 70 }) approved: number;
  @ShownCount({ description: 'To be taken away.', example: 25 }) revoked: number;
  @ShownCount({ description: 'Neither.', example: 5 }) abstained: number;
}

export class CampaignCountsDto extends ReviewCountsDto {
  @ShownCount({ description: 'Packets.', example: 12 }) packets: number;
}

export class ReasonCountDto {
  @ShownText({ max: 64, description: 'Why.', example: 'no_eligible_reviewer' }) reason: string;
  @ShownCount({ description: 'How many.', example: 1 }) count: number;
}

export class CampaignProgressDto {
  @ShownOneOf(WORKS, { name: 'CampaignWork', description: 'What is being done.', example: 'launch' }) phase: string;
  @ShownCount({ description: 'How much of it.', example: 5000 }) done: number;
  @ShownCount({ description: 'Of how much.', example: 100_000 }) total: number;
}

export class BreakerReasonDto {
  @ShownOneOf(BREAKER_CODES, { name: 'BreakerCode', description: 'Why it is open.', example: 'too_many_revocations' }) code: string;
  @ShownId({ nullable: true, description: 'The asset that would be left without an admin.', example: null }) assetId: string | null;
}

export class PreviewBreakerDto {
  @ApiProperty({ type: Boolean, description: 'Whether a second admin has to confirm.', example: false }) open: boolean;
  @ShownCount({ description: 'How many revocations pass without.', example: 25 }) limit: number;
  @ShownList({ type: () => BreakerReasonDto, maxItems: MANY, description: 'Why it is open.' }) reasons: BreakerReasonDto[];
}

export class CampaignBreakerDto extends PreviewBreakerDto {
  @ShownCount({ description: 'How many grants would be revoked.', example: 12 }) wouldRevoke: number;
  @ShownInstant({ nullable: true, description: 'Since when the closing is held, or was.', example: null }) heldAt: string | null;
  @ShownInstant({ nullable: true, description: 'When a second admin confirmed.', example: null }) confirmedAt: string | null;
  @ApiProperty({ nullable: true, type: () => ActorDto, description: 'Who confirmed.' }) confirmedBy: ActorDto | null;
}

export class CampaignUndoDto {
  @ShownInstant({ description: 'When it was asked for.', example: '2026-04-01T09:00:00.000Z' }) askedAt: string;
  @ShownPart({ type: () => ActorDto, description: 'Who asked.' }) askedBy: ActorDto;
  @ShownInstant({ nullable: true, description: 'When it was done.', example: '2026-04-01T09:00:01.000Z' }) undoneAt: string | null;
  @ShownCount({ description: 'Grants that are there again.', example: 11 }) restored: number;
  @ShownCount({ description: 'Revocations that no connector had carried out yet.', example: 0 }) withdrawn: number;
  @ShownList({ type: () => ReasonCountDto, maxItems: 20, description: 'What could not come back, and why.' }) skipped: ReasonCountDto[];
}

export class CampaignDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(KINDS, { name: 'CampaignKind', description: 'Once, or standing.', example: 'once' }) kind: string;
  @ShownText({ max: 200, description: 'Its name.', example: 'Q1 restricted data' }) name: string;
  @ShownOneOf(CAMPAIGN_STATUSES, { name: 'CampaignStatus', description: 'Where it is.', example: 'active' }) status: string;
  @ShownPart({ type: () => ShownSelectorDto, description: 'Which grants.' }) selector: ShownSelectorDto;
  @ShownPart({ type: () => ShownReviewersDto, description: 'Who reviews them.' }) reviewers: ShownReviewersDto;
  @ShownInstant({ nullable: true, description: 'When it closes by itself.', example: '2031-03-31T17:00:00.000Z' }) dueAt: string | null;
  @ApiProperty({
    type: 'integer',
    format: 'int32',
    minimum: 1,
    maximum: 90,
    nullable: true,
    description: 'Days of a packet.',
    example: null,
  })
  daysToDecide: number | null;
  @ShownOneOf(DEFAULT_DECISIONS, { name: 'DefaultDecision', description: 'What becomes of what nobody decides.', example: 'none' })
  defaultDecision: string;
  @ShownCount({ description: 'How many grants the selector has found.', example: 121 }) population: number;
  @ShownList({ type: () => ReasonCountDto, maxItems: 20, description: 'What of these is in no packet, and why.' })
  excluded: ReasonCountDto[];
  @ShownPart({ type: () => CampaignCountsDto, description: 'Its items by what they are decided to be.' }) counts: CampaignCountsDto;
  @ApiProperty({ nullable: true, type: () => CampaignProgressDto, description: 'What is being done with it in the background.' })
  progress: CampaignProgressDto | null;
  @ApiProperty({ nullable: true, type: () => CampaignBreakerDto, description: 'The circuit breaker, once it is closing.' })
  breaker: CampaignBreakerDto | null;
  @ApiProperty({ nullable: true, type: () => CampaignUndoDto, description: 'What became of undoing it, where that was asked for.' })
  undo: CampaignUndoDto | null;
  @ShownPart({ type: () => ActorDto, description: 'Who created it; never who confirms it.' }) createdBy: ActorDto;
  @ShownInstant({ nullable: true, description: 'When it was launched.', example: null }) launchedAt: string | null;
  @ShownInstant({ nullable: true, description: 'When all its items were there.', example: null }) openedAt: string | null;
  @ShownInstant({ nullable: true, description: 'When it began to close.', example: null }) closingAt: string | null;
  @ShownInstant({ nullable: true, description: 'When it was completed.', example: null }) completedAt: string | null;
  @ShownInstant({ nullable: true, description: 'When it was cancelled.', example: null }) cancelledAt: string | null;
  @ShownInstant({ description: 'When it was created.', example: '2026-01-31T09:00:00.000Z' }) createdAt: string;
  @ShownInstant({ description: 'When it last changed.', example: '2026-01-31T09:00:00.000Z' }) updatedAt: string;
  @ShownCount({ min: 1, description: 'Counts its changes; also the `ETag`.', example: 1 }) version: number;
}

export class ReviewerLoadDto {
  @ShownId({ description: 'The reviewer.', example: EXAMPLE_ID }) reviewerId: string;
  @ShownCount({ description: 'How many items they have, or would have.', example: 12 }) items: number;
}

export class CampaignPreviewDto {
  @ShownCount({ description: 'Grants that the selector finds.', example: 121 }) population: number;
  @ShownCount({ description: 'Grants that somebody reviews.', example: 120 }) included: number;
  @ShownList({ type: () => ReasonCountDto, maxItems: 20, description: 'The others, and why.' }) excluded: ReasonCountDto[];
  @ShownList({ type: () => ReviewerLoadDto, maxItems: MANY, description: 'Who reviews how many.' }) byReviewer: ReviewerLoadDto[];
  @ShownCount({ description: 'Grants that closing now would revoke, defaults included.', example: 12 }) wouldRevoke: number;
  @ShownPart({ type: () => PreviewBreakerDto, description: 'What the circuit breaker would say to that.' }) breaker: PreviewBreakerDto;
}

export const CampaignPageDto = pageOf(CampaignDto, 'CampaignPage');
