import { PRINCIPAL_TYPES, type PrincipalType } from '#libs/database/entities/principal.entity.js';
import { Flag } from '../http/fields.js';
import { pageOf, PageQueryDto } from '../http/page.dto.js';
import { ShownId, ShownInstant, ShownOneOf, ShownText } from '../http/shown.js';

export class ListGroupsDto extends PageQueryDto {
  @Flag({ optional: true, default: false, description: 'Also the groups that it is in through other groups.', example: true })
  transitive: boolean = false;
}

export class MemberDto {
  @ShownId({ description: 'The principal.', example: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10' }) principalId: string;
  @ShownOneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'What kind of principal it is.', example: 'user' })
  type: PrincipalType;
  @ShownText({ max: 256, description: 'Its name.', example: 'Finance analyst 7' }) displayName: string;
  @ShownInstant({ description: 'Since when it is a member.', example: '2026-01-31T09:00:00.000Z' }) addedAt: string;
}

export class GroupOfDto {
  @ShownId({ description: 'The group.', example: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10' }) principalId: string;
  @ShownOneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'Always `group`.', example: 'group' }) type: PrincipalType;
  @ShownText({ max: 256, description: 'Its name.', example: 'Finance' }) displayName: string;
  @ShownInstant({
    nullable: true,
    description: 'Since when; null where it is in the group through another one only.',
    example: '2026-01-31T09:00:00.000Z',
  })
  addedAt: string | null;
}

export const MemberPageDto = pageOf(MemberDto, 'MemberPage');
export const GroupOfPageDto = pageOf(GroupOfDto, 'GroupOfPage');
