import type { Caller } from '#libs/auth/request-caller.js';
import { READERS } from '#libs/auth/roles.js';
import type { Page } from '#libs/pagination/page.js';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { ListAccessDto } from '../http/access.dto.js';
import { AssetAccessPageDto } from './asset-access.dto.js';
import { AssetAccessService } from './asset-access.service.js';

@ApiTags('assets')
@Controller('assets')
export class AssetAccessController {
  constructor(private readonly access: AssetAccessService) {}

  @Get(':id/access')
  @IdParam('id', 'The asset.')
  @Operation({
    id: 'listAssetAccess',
    summary: 'List who reaches an asset',
    description:
      'One item for each principal and grant by which it reaches the asset, directly or through groups, with the shortest path. Groups that hold grants are among them.',
    roles: READERS,
    answer: { page: AssetAccessPageDto },
    errors: ['invalid_cursor', 'not_found'],
  })
  list(@Param('id', UuidPipe) id: string, @Query() { asOf, ...page }: ListAccessDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.access.ofAsset(id, asOf, page, caller);
  }
}
