import { PRIVILEGES, type Privilege } from '#libs/database/entities/grant.entity.js';
import { PRINCIPAL_TYPES, type PrincipalType } from '#libs/database/entities/principal.entity.js';
import { pageOf } from '../http/page.dto.js';
import { ShownId, ShownList, ShownOneOf, ShownText } from '../http/shown.js';
import { PathStepDto } from '../http/access.dto.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class AssetAccessDto {
  @ShownId({ description: 'The principal that reaches the asset.', example: EXAMPLE_ID }) principalId: string;
  @ShownText({ max: 256, description: 'Its name.', example: 'Finance analyst 7' }) displayName: string;
  @ShownOneOf(PRINCIPAL_TYPES, { name: 'PrincipalType', description: 'What kind of principal it is.', example: 'user' })
  principalType: PrincipalType;
  @ShownId({ description: 'The grant by which it does.', example: EXAMPLE_ID }) grantId: string;
  @ShownText({ max: 128, description: 'What may be done, in the words of the source.', example: 'SELECT' }) permission: string;
  @ShownOneOf(PRIVILEGES, { name: 'Privilege', description: 'How much that is.', example: 'read' }) privilege: Privilege;
  @ShownList({
    type: () => PathStepDto,
    maxItems: 1000,
    description: 'The shortest way from the principal to the group that holds the grant; empty where it holds it itself.',
  })
  path: PathStepDto[];
}

export const AssetAccessPageDto = pageOf(AssetAccessDto, 'AssetAccessPage');
