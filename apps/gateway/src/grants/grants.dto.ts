import { GRANT_STATUSES, type GrantStatus, PRIVILEGES, type Privilege } from '#libs/database/entities/grant.entity.js';
import { ApiProperty } from '@nestjs/swagger';
import { Id, Instant, Line, OneOf, Prose } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownCount, ShownId, ShownInstant, ShownOneOf, ShownPart, ShownText } from '../http/shown.js';
import { ActorDto } from '../http/actor.dto.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class CreateGrantDto {
  @Id({ description: 'Who is given access.', example: EXAMPLE_ID })
  principalId: string;

  @Id({ description: 'To what.', example: EXAMPLE_ID })
  assetId: string;

  @Line({ max: 128, description: 'What may be done, in the words of the source.', example: 'SELECT' })
  permission: string;

  @OneOf(PRIVILEGES, { name: 'Privilege', description: 'How much that is.', example: 'read' })
  privilege: Privilege;

  @Instant({
    optional: true,
    description: 'Since when; now where it is left out. Never in the future.',
    example: '2025-03-01T09:00:00.000Z',
  })
  grantedAt?: string;

  @Instant({ optional: true, nullable: true, description: 'When it ends by itself; after `grantedAt`.', example: null })
  expiresAt?: string | null;

  @Prose({ max: 2000, optional: true, nullable: true, description: 'Why it was given.', example: 'Quarterly close' })
  justification?: string | null;
}

export class UpdateGrantDto {
  @Instant({
    optional: true,
    nullable: true,
    description: 'When it ends by itself, in the future; null for never.',
    example: '2030-01-01T00:00:00.000Z',
  })
  expiresAt?: string | null;

  @Prose({ max: 2000, optional: true, nullable: true, description: 'Why it was given.', example: 'Quarterly close' })
  justification?: string | null;
}

export class RevokeGrantDto {
  @Prose({ max: 2000, description: 'Why it is taken away.', example: 'Left the team' })
  reason: string;
}

export class ListGrantsDto extends PageQueryDto {
  @Id({ optional: true, description: 'Only of this principal.', example: EXAMPLE_ID })
  principalId?: string;

  @Id({ optional: true, description: 'Only on this asset.', example: EXAMPLE_ID })
  assetId?: string;

  @Line({ max: 128, optional: true, description: 'Only with this permission.', example: 'SELECT' })
  permission?: string;

  @OneOf(PRIVILEGES, { name: 'Privilege', optional: true, description: 'Only with this privilege.', example: 'read' })
  privilege?: Privilege;

  @OneOf(GRANT_STATUSES, { name: 'GrantStatus', optional: true, description: 'Only with this status now.', example: 'active' })
  status?: GrantStatus;

  @Line({ max: 64, optional: true, description: 'Only of this source.', example: 'manual' })
  source?: string;

  @Instant({ optional: true, description: 'Only what was in force at this instant.', example: '2026-01-31T00:00:00.000Z' })
  asOf?: string;

  @Instant({ optional: true, description: 'Only what ends by itself before this instant.', example: '2027-01-01T00:00:00.000Z' })
  expiresBefore?: string;
}

export class GrantDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownId({ description: 'Who has access.', example: EXAMPLE_ID }) principalId: string;
  @ShownText({ max: 256, description: 'The name of the principal.', example: 'Finance analyst 7' }) principalName: string;
  @ShownId({ description: 'To what.', example: EXAMPLE_ID }) assetId: string;
  @ShownText({ max: 512, description: 'The name of the asset.', example: 'finance.ledger' }) assetName: string;
  @ShownText({ max: 128, description: 'What may be done, in the words of the source.', example: 'SELECT' }) permission: string;
  @ShownOneOf(PRIVILEGES, { name: 'Privilege', description: 'How much that is.', example: 'read' }) privilege: Privilege;
  @ShownText({ max: 64, description: 'The source of the asset.', example: 'manual' }) source: string;
  @ShownOneOf(GRANT_STATUSES, { name: 'GrantStatus', description: 'Whether it is in force.', example: 'active' }) status: GrantStatus;
  @ShownInstant({ description: 'Since when.', example: '2025-03-01T09:00:00.000Z' }) grantedAt: string;
  @ShownPart({ type: () => ActorDto, description: 'Who gave it.' }) grantedBy: ActorDto;
  @ShownInstant({ nullable: true, description: 'When it ends by itself.', example: null }) expiresAt: string | null;
  @ShownText({ max: 2000, nullable: true, description: 'Why it was given.', example: 'Quarterly close' }) justification: string | null;
  @ShownInstant({ nullable: true, description: 'When it was last used, as far as is known.', example: null }) lastUsedAt: string | null;
  @ShownInstant({ nullable: true, description: 'When it was taken away.', example: null }) revokedAt: string | null;
  @ApiProperty({ nullable: true, type: () => ActorDto, description: 'Who took it away.' }) revokedBy: ActorDto | null;
  @ShownText({ max: 2000, nullable: true, description: 'Why it was taken away.', example: null }) revokeReason: string | null;
  @ShownId({ nullable: true, description: 'The revoked grant that this one restores.', example: null }) restoresGrantId: string | null;
  @ShownInstant({ description: 'When it was recorded.', example: '2026-01-31T09:00:00.000Z' }) createdAt: string;
  @ShownInstant({ description: 'When it last changed.', example: '2026-01-31T09:00:00.000Z' }) updatedAt: string;
  @ShownCount({ min: 1, description: 'Counts its changes; also the `ETag`.', example: 1 }) version: number;
}

export const GrantPageDto = pageOf(GrantDto, 'GrantPage');
