import { PRINCIPAL_STATUSES, PRINCIPAL_TYPES, type PrincipalStatus, type PrincipalType } from '#libs/database/entities/principal.entity.js';
import { OmitType, PartialType } from '@nestjs/swagger';
import { Attributes, Email, Id, Line, OneOf } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownAttributes, ShownCount, ShownId, ShownInstant, ShownOneOf, ShownText } from '../http/shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class CreatePrincipalDto {
  @OneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'What kind of principal it is; it never changes.', example: 'user' })
  type: PrincipalType;

  @Line({ max: 256, description: 'The name that people know it by.', example: 'Finance analyst 7' })
  displayName: string;

  @Email({
    optional: true,
    nullable: true,
    description: 'Its address; one active user of a source at a time has it.',
    example: 'fa7@example.com',
  })
  email?: string | null;

  @Line({
    max: 512,
    optional: true,
    nullable: true,
    description: 'Its id in its source: the object id for `entra`. Unique within the source.',
    example: '7e0c3f7e-0000-4000-8000-000000000007',
  })
  externalId?: string | null;

  @Line({ max: 64, optional: true, description: 'The system that it comes from; it never changes.', example: 'entra' })
  source: string = 'manual';

  @Line({ max: 128, optional: true, nullable: true, description: 'The department it works in.', example: 'Finance' })
  department?: string | null;

  @Id({ optional: true, nullable: true, description: 'The principal that is its manager.', example: EXAMPLE_ID })
  managerId?: string | null;

  @Id({ optional: true, nullable: true, description: 'The principal that owns it: of a service account or a group.', example: null })
  ownerId?: string | null;

  @Attributes({ optional: true, description: 'Whatever else is known of it.', example: { costCentre: '42' } })
  attributes?: Record<string, string>;
}

export class UpdatePrincipalDto extends PartialType(OmitType(CreatePrincipalDto, ['type', 'source', 'attributes'] as const), {
  skipNullProperties: false,
}) {
  @OneOf(PRINCIPAL_STATUSES, {
    name: 'PrincipalStatus',
    optional: true,
    description: 'Whether it may use its access.',
    example: 'suspended',
  })
  status?: PrincipalStatus;

  @Attributes({
    optional: true,
    nullable: true,
    removable: true,
    description: 'Attributes to set; null takes one away, the others stay.',
    example: { costCentre: '43' },
  })
  attributes?: Record<string, string | null> | null;
}

export class ListPrincipalsDto extends PageQueryDto {
  @OneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', optional: true, description: 'Only of this kind.', example: 'user' })
  type?: PrincipalType;

  @OneOf(PRINCIPAL_STATUSES, { name: 'PrincipalStatus', optional: true, description: 'Only with this status.', example: 'active' })
  status?: PrincipalStatus;

  @Line({ max: 128, optional: true, description: 'Only of this department.', example: 'Finance' })
  department?: string;

  @Id({ optional: true, description: 'Only with this manager.', example: EXAMPLE_ID })
  managerId?: string;

  @Line({ max: 64, optional: true, description: 'Only of this source.', example: 'entra' })
  source?: string;

  @Line({ max: 512, optional: true, description: 'Only with this id in its source.', example: '7e0c3f7e-0000-4000-8000-000000000007' })
  externalId?: string;

  @Line({ max: 256, optional: true, description: 'Only whose name or address begins with this, in any case.', example: 'fin' })
  q?: string;
}

export class PrincipalDto {
  @ShownId({ description: 'Its id, a UUIDv7.', example: EXAMPLE_ID }) id: string;
  @ShownOneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'What kind of principal it is.', example: 'user' })
  type: PrincipalType;
  @ShownText({ max: 256, description: 'The name that people know it by.', example: 'Finance analyst 7' }) displayName: string;
  @ShownText({ max: 254, nullable: true, description: 'Its address.', example: 'fa7@example.com' }) email: string | null;
  @ShownText({ max: 512, nullable: true, description: 'Its id in its source.', example: '7e0c3f7e-0000-4000-8000-000000000007' })
  externalId: string | null;
  @ShownText({ max: 64, description: 'The system that it comes from.', example: 'entra' }) source: string;
  @ShownOneOf(PRINCIPAL_STATUSES, { name: 'PrincipalStatus', description: 'Whether it may use its access.', example: 'active' })
  status: PrincipalStatus;
  @ShownText({ max: 128, nullable: true, description: 'The department it works in.', example: 'Finance' }) department: string | null;
  @ShownId({ nullable: true, description: 'Its manager.', example: EXAMPLE_ID }) managerId: string | null;
  @ShownId({ nullable: true, description: 'Its owner.', example: null }) ownerId: string | null;
  @ShownAttributes({ description: 'Whatever else is known of it.', example: { costCentre: '42' } }) attributes: Record<string, string>;
  @ShownInstant({ description: 'When it was recorded.', example: '2026-01-31T09:00:00.000Z' }) createdAt: string;
  @ShownInstant({ description: 'When it last changed.', example: '2026-01-31T09:00:00.000Z' }) updatedAt: string;
  @ShownCount({ min: 1, description: 'Counts its changes; also the `ETag`.', example: 1 }) version: number;
}

export const PrincipalPageDto = pageOf(PrincipalDto, 'PrincipalPage');
