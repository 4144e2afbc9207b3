import { PRINCIPAL_TYPES } from '#libs/database/entities/principal.entity.js';
import { ApiProperty } from '@nestjs/swagger';
import { ShownCount, ShownId, ShownList, ShownOneOf, ShownText } from '../http/shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class EffectGroupDto {
  @ShownId({ description: 'The group.', example: EXAMPLE_ID }) id: string;
  @ShownText({ max: 256, description: 'Its name.', example: 'Finance' }) displayName: string;
}

export class OtherPathDto {
  @ShownId({ description: 'The grant that would still give the access.', example: EXAMPLE_ID }) grantId: string;
  @ShownList({ type: () => EffectGroupDto, maxItems: 1_000, description: 'Through which groups; empty for a direct grant.' })
  path: EffectGroupDto[];
}

export class AffectedPrincipalDto {
  @ShownId({ description: 'Who.', example: EXAMPLE_ID }) principalId: string;
  @ShownText({ max: 256, description: 'Their name.', example: 'Finance analyst 7' }) displayName: string;
  @ShownOneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'What it is.', example: 'user' }) type: string;
  @ShownList({
    type: () => EffectGroupDto,
    maxItems: 1_000,
    description: 'Through which groups the grant reaches them; empty where it is theirs.',
  })
  path: EffectGroupDto[];
  @ApiProperty({ type: Boolean, description: 'Whether the access would be gone.', example: true }) loses: boolean;
  @ShownList({ type: () => OtherPathDto, maxItems: 100, description: 'By which other paths they would keep it.' })
  otherPaths: OtherPathDto[];
}

export class RevocationEffectDto {
  @ShownId({ description: 'The grant that would go.', example: EXAMPLE_ID }) grantId: string;
  @ShownCount({ description: 'Users and service accounts that it reaches.', example: 40 }) affected: number;
  @ShownCount({ description: 'Of these, how many would lose this permission on the asset.', example: 38 }) loses: number;
  @ShownCount({ description: 'How many would keep it by another path.', example: 2 }) keeps: number;
  @ShownList({ type: () => AffectedPrincipalDto, maxItems: 100, description: 'The first hundred of them, those who would keep it first.' })
  principals: AffectedPrincipalDto[];
}
