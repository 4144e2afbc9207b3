import { GRANT_STATUSES, PRIVILEGES } from '#libs/database/entities/grant.entity.js';
import { PRINCIPAL_STATUSES, PRINCIPAL_TYPES } from '#libs/database/entities/principal.entity.js';
import { BANDS, RECOMMENDATIONS } from '#libs/decay-model/decay-model.js';
import { CAMPAIGN_STATUSES, type Decision, DECISIONS, DEFAULT_DECISIONS, type DefaultDecision } from '#libs/reviews/campaign.js';
import { PACKET_STATUSES } from '#libs/reviews/packets.js';
import { REMEDIATION_STATUSES } from '#libs/reviews/remediation.js';
import { ASSIGNMENT_REASONS } from '#libs/reviews/reviewer-resolution.js';
import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import { Id, Instant, Line, OneOf, Prose } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownList, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';
import { ActorDto } from '../http/actor.dto.js';
import { CampaignBreakerDto, CampaignUndoDto, ReviewCountsDto } from './campaigns.dto.js';
import { Ids, Parts } from '../http/body-fields.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'] as const;
const ITEM_STATUSES = ['pending', 'decided'] as const;
const SOURCES = ['reviewer', 'default', 'system'] as const;
const UNDO_OUTCOMES = ['restored', 'withdrawn', 'skipped'] as const;
const REFUSALS = ['not_found', 'duplicate', 'self_review', 'justification_required', 'decision_conflict', 'membership_unknown'] as const;
const REVIEWER_PATTERN = '^(me|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$';
const MAX_ITEMS = 100;
const MAX_GRANTS = 1_000;

export class ListReviewsDto extends PageQueryDto {
  @Id({ optional: true, description: 'Only of this campaign.', example: EXAMPLE_ID })
  campaignId?: string;

  // Above the line, whose own pattern is wider: what is written last into the document is what is on top.
  @ApiProperty({ pattern: REVIEWER_PATTERN, required: false })
  @Line({ max: 36, optional: true, description: 'Only of this reviewer; `me` is the caller.', example: 'me' })
  @Matches(new RegExp(REVIEWER_PATTERN), { message: 'must be me or a UUID' })
  reviewer?: string;

  @OneOf(PACKET_STATUSES, { name: 'ReviewStatus', optional: true, description: 'Only with this status.', example: 'open' })
  status?: string;
}

export class ListReviewItemsDto extends PageQueryDto {
  @OneOf(ITEM_STATUSES, { name: 'ReviewItemStatus', optional: true, description: 'Only with this status.', example: 'pending' })
  status?: string;
}

export class CreateReviewDto {
  @Line({ max: 200, description: 'Its name.', example: 'Leavers of March' })
  name: string;

  @Id({ description: 'Who is asked: an active user.', example: EXAMPLE_ID })
  reviewerId: string;

  @Ids({ min: 1, max: MAX_GRANTS, description: 'The grants, each in force and none access of the reviewer.', example: [EXAMPLE_ID] })
  grantIds: string[];

  @Instant({ description: 'When it closes by itself; in the future.', example: '2031-03-31T17:00:00.000Z' })
  dueAt: string;

  @OneOf(DEFAULT_DECISIONS, {
    name: 'DefaultDecision',
    optional: true,
    default: 'none',
    description: 'What becomes of what is not decided by then; `none` is an abstention.',
    example: 'none',
  })
  defaultDecision?: DefaultDecision;
}

export class MembershipInputDto {
  @Id({ description: 'The group.', example: EXAMPLE_ID })
  groupId: string;

  @Id({ description: 'Who is in it.', example: EXAMPLE_ID })
  memberId: string;
}

export class ShownMembershipDto {
  @ShownId({ description: 'The group.', example: EXAMPLE_ID }) groupId: string;
  @ShownId({ description: 'Who was in it.', example: EXAMPLE_ID }) memberId: string;
}

export class DecisionInputDto {
  @Id({ description: 'The item.', example: EXAMPLE_ID })
  itemId: string;

  @OneOf(DECISIONS, { name: 'Decision', description: 'What is to become of the access.', example: 'revoke' })
  decision: Decision;

  @Prose({
    ...{ max: 2000, min: 0, optional: true, nullable: true, example: 'Changed teams' },
    description: 'Why. Needed to revoke, and to approve what is recommended to be revoked.',
  })
  justification?: string | null;

  @Parts(() => MembershipInputDto, {
    ...{ min: 0, max: 100, optional: true, nullable: true },
    description: 'With a decision to revoke what a group holds: the memberships to end in the place of the grant.',
  })
  memberships?: MembershipInputDto[] | null;

  @Id({
    ...{ optional: true, nullable: true, example: null },
    description: 'The id of the decision that it is to take the place of; null for none. Rejected where another is in force by then.',
  })
  replaces?: string | null;
}

export class DecideDto {
  @Parts(() => DecisionInputDto, { min: 1, max: MAX_ITEMS, description: 'The decisions, each on its own.' })
  decisions: DecisionInputDto[];
}

export class ReassignDto {
  @Ids({ min: 1, max: MAX_ITEMS, description: 'Undecided items of the packet.', example: [EXAMPLE_ID] })
  itemIds: string[];

  @Id({ description: 'Who is asked from now on.', example: EXAMPLE_ID })
  reviewerId: string;

  @Prose({ max: 2000, description: 'Why.', example: 'Knows this data' })
  reason: string;
}

export class AssignmentCountDto {
  @ShownOneOf(ASSIGNMENT_REASONS, { name: 'AssignmentReason', description: 'How the reviewer came to them.', example: 'asset_owner' })
  reason: string;
  @ShownCount({ description: 'How many items.', example: 12 }) count: number;
}

export class HonestyDto {
  @ShownCount({ description: 'Decisions that people made, those included that were replaced.', example: 12 }) decisions: number;
  @ApiProperty({
    ...{ type: 'number', format: 'double', minimum: 0, maximum: 1_000_000, nullable: true, example: 8.5 },
    description: 'Seconds for each.',
  })
  secondsPerDecision: number | null;
  @ApiProperty({
    ...{ type: 'number', format: 'double', minimum: 0, maximum: 1, nullable: true, example: 0.9 },
    description: 'The share that approves.',
  })
  approvedShare: number | null;
  @ApiProperty({
    ...{ type: 'number', format: 'double', minimum: 0, maximum: 1, nullable: true, example: 0.5 },
    description: 'The share made several at once.',
  })
  bulkShare: number | null;
  @ShownCount({ description: 'Approvals of what was recommended to be revoked.', example: 1 }) approvedAgainstRevoke: number;
  @ApiProperty({ type: Boolean, description: 'Decided faster than a person can read.', example: false }) tooFast: boolean;
}

export class ReviewDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownId({ nullable: true, description: 'Its campaign; null for a packet of its own.', example: null }) campaignId: string | null;
  @ShownText({ max: 200, description: 'Its name.', example: 'Q1 restricted data' }) name: string;
  @ShownId({ description: 'Who is asked.', example: EXAMPLE_ID }) reviewerId: string;
  @ShownText({ max: 256, description: 'Their name.', example: 'Finance lead' }) reviewerName: string;
  @ShownOneOf(PACKET_STATUSES, { name: 'ReviewStatus', description: 'Whether it can still be worked on.', example: 'open' }) status: string;
  @ShownInstant({ description: 'When it closes by itself.', example: '2031-03-31T17:00:00.000Z' }) dueAt: string;
  @ShownPart({ type: () => ReviewCountsDto, description: 'Its items by what they are decided to be.' }) counts: ReviewCountsDto;
  @ShownList({ type: () => AssignmentCountDto, maxItems: 20, description: 'How its reviewer came to its items.' })
  reasons: AssignmentCountDto[];
  @ShownOneOf(CAMPAIGN_STATUSES, {
    name: 'CampaignStatus',
    description: 'Where what closes it is: its campaign, or itself.',
    example: 'active',
  })
  stage: string;
  @ShownInstant({ nullable: true, description: 'When it was signed off.', example: null }) signedOffAt: string | null;
  @ApiProperty({ nullable: true, type: () => ActorDto, description: 'Who signed it off; the system at the due date.' })
  signedOffBy: ActorDto | null;
  @ApiProperty({
    nullable: true,
    type: () => CampaignBreakerDto,
    description: 'The circuit breaker of a packet of its own, once it closes.',
  })
  breaker: CampaignBreakerDto | null;
  @ApiProperty({ nullable: true, type: () => CampaignUndoDto, description: 'What became of undoing a packet of its own.' })
  undo: CampaignUndoDto | null;
  @ShownInstant({ description: 'When it was made.', example: '2026-01-31T09:00:00.000Z' }) createdAt: string;
  @ShownInstant({ description: 'When it last changed.', example: '2026-01-31T09:00:00.000Z' }) updatedAt: string;
  @ShownCount({ min: 1, description: 'Counts its changes; also the `ETag`.', example: 1 }) version: number;
}

export class ReviewedReviewDto extends ReviewDto {
  @ApiProperty({ required: false, type: () => HonestyDto, description: 'How it was decided; for admins and auditors.' })
  honesty?: HonestyDto;
}

export class SnapshotPrincipalDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'What it is.', example: 'user' }) type: string;
  @ShownText({ max: 256, description: 'Its name.', example: 'Finance analyst 7' }) displayName: string;
  @ShownText({ max: 256, nullable: true, description: 'Its department.', example: 'Finance' }) department: string | null;
  @ShownOneOf(PRINCIPAL_STATUSES, { name: 'PrincipalStatus', description: 'Its status.', example: 'active' }) status: string;
  @ShownId({ nullable: true, description: 'Who owns it.', example: null }) ownerId: string | null;
}

export class SnapshotAssetDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownText({ max: 32, description: 'What it is.', example: 'table' }) type: string;
  @ShownText({ max: 512, description: 'Its name.', example: 'finance.ledger' }) name: string;
  @ShownOneOf(SENSITIVITIES, { name: 'Sensitivity', description: 'Its sensitivity.', example: 'restricted' }) sensitivity: string;
  @ShownText({ max: 64, description: 'Its source.', example: 'manual' }) source: string;
  @ShownId({ nullable: true, description: 'Who owns it.', example: null }) ownerId: string | null;
}

export class SnapshotGrantDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownText({ max: 128, description: 'What may be done.', example: 'SELECT' }) permission: string;
  @ShownOneOf(PRIVILEGES, { name: 'Privilege', description: 'How much that is.', example: 'read' }) privilege: string;
  @ShownText({ max: 64, description: 'The source of the asset.', example: 'manual' }) source: string;
  @ShownInstant({ description: 'Since when.', example: '2025-03-01T09:00:00.000Z' }) grantedAt: string;
  @ShownInstant({ nullable: true, description: 'When it ends by itself.', example: null }) expiresAt: string | null;
  @ShownText({ max: 2000, nullable: true, description: 'Why it was given.', example: 'Quarterly close' }) justification: string | null;
  @ShownInstant({ nullable: true, description: 'When it was last used.', example: null }) lastUsedAt: string | null;
}

export class LiveScoreDto {
  @ApiProperty({ type: 'number', format: 'double', minimum: 0, maximum: 100, description: 'The score.', example: 75 }) score: number;
  @ApiProperty({ type: 'number', format: 'double', minimum: 0, maximum: 100, description: 'The priority.', example: 63.75 })
  priority: number;
  @ShownOneOf(BANDS, { name: 'Band', description: 'Its band.', example: 'dormant' }) band: string;
  @ShownOneOf(RECOMMENDATIONS, { name: 'Recommendation', description: 'What to do.', example: 'revoke' }) recommendation: string;
  @ShownInstant({ description: 'For which instant it was computed.', example: '2026-01-31T09:00:00.000Z' }) computedAt: string;
}

export class SnapshotScoreDto extends LiveScoreDto {
  @ShownText({ max: 16, description: 'The version of the decay model.', example: '1' }) modelVersion: string;
  @ShownInstant({ nullable: true, description: 'When the next band would have begun.', example: null }) nextBandAt: string | null;
  @ApiProperty({
    ...{ type: 'object', additionalProperties: true, maxProperties: 32 },
    description: 'Every input and term of it, as `explanation` of a score.',
  })
  explanation: object;
}

export class SnapshotDto {
  @ShownPart({ type: () => SnapshotPrincipalDto, description: 'Who has access.' }) principal: SnapshotPrincipalDto;
  @ShownPart({ type: () => SnapshotAssetDto, description: 'To what.' }) asset: SnapshotAssetDto;
  @ShownPart({ type: () => SnapshotGrantDto, description: 'The grant.' }) grant: SnapshotGrantDto;
  @ApiProperty({ nullable: true, type: () => SnapshotScoreDto, description: 'Its score; null where it had none yet.' })
  score: SnapshotScoreDto | null;
}

export class DecisionDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(DECISIONS, { name: 'Decision', description: 'What is to become of the access.', example: 'approve' }) decision: string;
  @ShownText({ max: 2000, nullable: true, description: 'Why.', example: null }) justification: string | null;
  @ShownOneOf(SOURCES, { name: 'DecisionSource', description: 'A person, or the default of the due date.', example: 'reviewer' })
  source: string;
  @ApiProperty({
    ...{ nullable: true, type: () => ShownMembershipDto, isArray: true, maxItems: 100 },
    description: 'The memberships that end in the place of the grant; null for the grant.',
  })
  memberships: ShownMembershipDto[] | null;
  @ShownPart({ type: () => ActorDto, description: 'Who decided.' }) by: ActorDto;
  @ShownInstant({ description: 'When.', example: '2026-02-03T09:00:00.000Z' }) at: string;
}

export class ItemRemediationDto {
  @ShownId({ description: 'Its id.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(REMEDIATION_STATUSES, { name: 'RemediationStatus', description: 'How far it is.', example: 'applied' }) status: string;
  @ShownText({ max: 2000, nullable: true, description: 'Why it is so.', example: null }) reason: string | null;
  @ShownOneOf(UNDO_OUTCOMES, { name: 'UndoOutcome', nullable: true, description: 'What undoing did.', example: null }) undo: string | null;
  @ShownText({ max: 64, nullable: true, description: 'Why undoing skipped it.', example: null }) undoReason: string | null;
  @ShownId({ nullable: true, description: 'The grant that is there again.', example: null }) restoredGrantId: string | null;
}

export class ReviewItemDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownId({ description: 'Its packet.', example: EXAMPLE_ID }) packetId: string;
  @ShownId({ description: 'The grant it is about.', example: EXAMPLE_ID }) grantId: string;
  @ShownOneOf(ITEM_STATUSES, { name: 'ReviewItemStatus', description: 'Whether it is decided.', example: 'pending' }) status: string;
  @ShownOneOf(ASSIGNMENT_REASONS, { name: 'AssignmentReason', description: 'How the reviewer came to it.', example: 'asset_owner' })
  reason: string;
  @ShownPart({ type: () => SnapshotDto, description: 'What there was when the item was made.' }) snapshot: SnapshotDto;
  @ShownOneOf(GRANT_STATUSES, { name: 'GrantStatus', description: 'Whether the grant is in force now.', example: 'active' })
  grantStatus: string;
  @ApiProperty({ nullable: true, type: () => LiveScoreDto, description: 'The score now.' }) liveScore: LiveScoreDto | null;
  @ApiProperty({ nullable: true, type: () => DecisionDto, description: 'The decision in force.' }) decision: DecisionDto | null;
  @ApiProperty({ nullable: true, type: () => ItemRemediationDto, description: 'What became of a decision to revoke.' })
  remediation: ItemRemediationDto | null;
}

export class ReassignmentDto {
  @ShownId({ description: 'Out of which packet.', example: EXAMPLE_ID }) fromPacketId: string;
  @ShownId({ description: 'Into which.', example: EXAMPLE_ID }) toPacketId: string;
  @ShownText({ max: 2000, description: 'Why.', example: 'Knows this data' }) reason: string;
  @ShownPart({ type: () => ActorDto, description: 'Who did it.' }) by: ActorDto;
  @ShownInstant({ description: 'When.', example: '2026-02-03T09:00:00.000Z' }) at: string;
}

export class ReviewItemWithPastDto extends ReviewItemDto {
  @ShownList({ type: () => DecisionDto, maxItems: 10_000, description: 'Everything that was decided about it, oldest first.' })
  decisions: DecisionDto[];
  @ShownList({ type: () => ReassignmentDto, maxItems: 10_000, description: 'Through whose hands it went, oldest first.' })
  reassignments: ReassignmentDto[];
}

export class DecisionOutcomeDto {
  @ShownId({ description: 'The item.', example: EXAMPLE_ID }) itemId: string;
  @ShownOneOf(['recorded', 'rejected'], { name: 'DecisionOutcome', description: 'What became of it.', example: 'recorded' })
  outcome: string;
  @ShownOneOf(REFUSALS, { name: 'DecisionRefusal', nullable: true, description: 'Why it was rejected.', example: null }) code:
    string | null;
  @ShownText({ max: 500, nullable: true, description: 'The same in words.', example: null }) message: string | null;
  @ShownId({ nullable: true, description: 'The decision that is in force now by this request.', example: EXAMPLE_ID }) decisionId:
    string | null;
  @ShownId({ nullable: true, description: 'The decision whose place it took.', example: null }) replaced: string | null;
}

export class DecisionOutcomesDto {
  @ShownList({ type: () => DecisionOutcomeDto, maxItems: MAX_ITEMS, description: 'One for each decision, in their order.' })
  outcomes: DecisionOutcomeDto[];
  @ShownPart({ type: () => ReviewCountsDto, description: 'The numbers of the packet now.' }) counts: ReviewCountsDto;
}

export const ReviewPageDto = pageOf(ReviewDto, 'ReviewPage');
export const ReviewItemPageDto = pageOf(ReviewItemDto, 'ReviewItemPage');
