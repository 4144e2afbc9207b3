import { PRIVILEGES, type Privilege } from '#libs/database/entities/grant.entity.js';
import { PathStepDto } from '../http/access.dto.js';
import { pageOf } from '../http/page.dto.js';
import { ShownId, ShownList, ShownOneOf, ShownText } from '../http/shown.js';

const EXAMPLE_ID = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

export class PrincipalAccessDto {
  @ShownId({ description: 'The grant that reaches the principal.', example: EXAMPLE_ID }) grantId: string;
  @ShownId({ description: 'The asset that it gives access to.', example: EXAMPLE_ID }) assetId: string;
  @ShownText({ max: 512, description: 'The name of the asset.', example: 'finance.ledger' }) assetName: string;
  @ShownText({ max: 128, description: 'What may be done, in the words of the source.', example: 'SELECT' }) permission: string;
  @ShownOneOf(PRIVILEGES, { name: 'Privilege', description: 'How much that is.', example: 'read' }) privilege: Privilege;
  @ShownList({
    type: () => PathStepDto,
    maxItems: 1000,
    description: 'The shortest way from the principal to the group that holds the grant; empty where it holds it itself.',
  })
  path: PathStepDto[];
}

export const PrincipalAccessPageDto = pageOf(PrincipalAccessDto, 'PrincipalAccessPage');
