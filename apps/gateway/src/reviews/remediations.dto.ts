import { GRANT_STATUSES } from '#libs/database/entities/grant.entity.js';
import { REMEDIATION_STATUSES, type RemediationStatus } from '#libs/reviews/remediation.js';
import { ApiProperty } from '@nestjs/swagger';
import { Id, Line, OneOf, Prose, WholeNumber } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownOneOf, ShownText } from '../http/shown.js';
import { ShownMembershipDto } from './packets.dto.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class ListRemediationsDto extends PageQueryDto {
  @OneOf(REMEDIATION_STATUSES, { name: 'RemediationStatus', optional: true, description: 'Only with this status.', example: 'queued' })
  status?: string;

  @Line({ max: 64, optional: true, description: 'Only of this source.', example: 'warehouse' })
  source?: string;

  @Id({ optional: true, description: 'Only of this campaign.', example: EXAMPLE_ID })
  campaignId?: string;

  @Id({ optional: true, description: 'Only of this packet.', example: EXAMPLE_ID })
  packetId?: string;

  @Id({ optional: true, description: 'Only of this grant.', example: EXAMPLE_ID })
  grantId?: string;
}

export class ReportRemediationDto {
  @OneOf(REMEDIATION_STATUSES, { name: 'RemediationStatus', description: 'What was found at the source.', example: 'applied' })
  status: RemediationStatus;

  @Prose({
    max: 2000,
    optional: true,
    nullable: true,
    description: 'Why; needed where it failed.',
    example: 'Still reached through PUBLIC',
  })
  reason?: string | null;
}

export class LeaseRemediationDto {
  @WholeNumber({ min: 10, max: 3600, default: 60, optional: true, description: 'For how long, in seconds.', example: 60 })
  seconds?: number;
}

export class RemediationDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownId({ description: 'The item that was decided.', example: EXAMPLE_ID }) itemId: string;
  @ShownId({ description: 'Its packet.', example: EXAMPLE_ID }) packetId: string;
  @ShownId({ nullable: true, description: 'Its campaign; null for a packet of its own.', example: null }) campaignId: string | null;
  @ShownId({ description: 'The grant to take away.', example: EXAMPLE_ID }) grantId: string;
  @ShownText({ max: 64, description: 'The source of the grant.', example: 'warehouse' }) source: string;
  @ShownId({ description: 'Who has the grant.', example: EXAMPLE_ID }) principalId: string;
  @ShownId({ description: 'On which asset.', example: EXAMPLE_ID }) assetId: string;
  @ShownText({ max: 128, description: 'What it allows, in the words of the source.', example: 'SELECT' }) permission: string;
  @ShownOneOf(GRANT_STATUSES, { name: 'GrantStatus', description: 'Whether the grant is in force.', example: 'active' })
  grantStatus: string;
  @ApiProperty({
    ...{ nullable: true, type: () => ShownMembershipDto, isArray: true, maxItems: 100 },
    description: 'The memberships to end in the place of the grant; null for the grant.',
  })
  memberships: ShownMembershipDto[] | null;
  @ShownOneOf(REMEDIATION_STATUSES, { name: 'RemediationStatus', description: 'How far it is.', example: 'queued' }) status: string;
  @ShownText({ max: 2000, nullable: true, description: 'Why it is so.', example: null }) reason: string | null;
  @ShownOneOf(['restored', 'withdrawn', 'skipped'], {
    name: 'UndoOutcome',
    nullable: true,
    description: 'What undoing did.',
    example: null,
  })
  undo: string | null;
  @ShownText({ max: 64, nullable: true, description: 'Why undoing skipped it.', example: null }) undoReason: string | null;
  @ShownId({ nullable: true, description: 'The grant that is there again.', example: null }) restoredGrantId: string | null;
  @ShownInstant({ nullable: true, description: 'When somebody first took it to carry it out.', example: null }) startedAt: string | null;
  @ShownInstant({ nullable: true, description: 'Until when nobody else carries it out.', example: null }) leasedUntil: string | null;
  @ShownInstant({ nullable: true, description: 'When it came to its end.', example: null }) settledAt: string | null;
  @ShownInstant({ description: 'When it was made.', example: '2026-01-31T09:00:00.000Z' }) createdAt: string;
  @ShownInstant({ description: 'When it last changed.', example: '2026-01-31T09:00:00.000Z' }) updatedAt: string;
  @ShownCount({ min: 1, description: 'Counts its changes; also the `ETag`.', example: 1 }) version: number;
}

export const RemediationPageDto = pageOf(RemediationDto, 'RemediationPage');
