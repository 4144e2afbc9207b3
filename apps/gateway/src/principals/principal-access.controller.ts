import type { Caller } from '#libs/auth/request-caller.js';
import { READERS } from '#libs/auth/roles.js';
import type { Page } from '#libs/pagination/page.js';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { ListAccessDto } from '../http/access.dto.js';
import { PrincipalAccessPageDto } from './principal-access.dto.js';
import { PrincipalAccessService } from './principal-access.service.js';

@ApiTags('principals')
@Controller('principals')
export class PrincipalAccessController {
  constructor(private readonly access: PrincipalAccessService) {}

  @Get(':id/access')
  @IdParam('id', 'The principal.')
  @Operation({
    id: 'listPrincipalAccess',
    summary: 'List what a principal reaches',
    description:
      'One item for each grant that reaches it, directly or through groups, with the shortest path. A principal that was not active at the instant reaches nothing, and a group that was not passes nothing on.',
    roles: READERS,
    answer: { page: PrincipalAccessPageDto },
    errors: ['invalid_cursor', 'not_found'],
  })
  list(@Param('id', UuidPipe) id: string, @Query() { asOf, ...page }: ListAccessDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.access.ofPrincipal(id, asOf, page, caller);
  }
}
