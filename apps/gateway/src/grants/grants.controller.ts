import type { Caller } from '#libs/auth/request-caller.js';
import { READERS, WRITERS } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { CreateGrantDto, GrantDto, GrantPageDto, ListGrantsDto, RevokeGrantDto, UpdateGrantDto } from './grants.dto.js';
import { GrantsService } from './grants.service.js';

@ApiTags('grants')
@Controller('grants')
export class GrantsController {
  constructor(private readonly grants: GrantsService) {}

  @Get()
  @Operation({
    id: 'listGrants',
    summary: 'List grants',
    description:
      'Who may do what with which asset, by id. Without `status` all of them, also those that have ended; with `asOf` those in force then.',
    roles: READERS,
    answer: { page: GrantPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListGrantsDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.grants.list(filters, { cursor, limit }, caller);
  }

  @Post()
  @Operation({
    id: 'createGrant',
    summary: 'Grant access',
    description:
      'One active grant for each principal, asset and permission; 409 for a second. `grantedAt` may lie in the past, for an import.',
    roles: WRITERS,
    answer: { status: 201, resource: GrantDto, versioned: true },
    errors: ['business_rule', 'duplicate', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body() body: CreateGrantDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.grants.create(body, caller);
  }

  @Get(':id')
  @IdParam('id', 'The grant.')
  @Operation({
    id: 'getGrant',
    summary: 'Get a grant',
    description: 'One grant as it is now. Never answered with 304: its last use moves without its version.',
    roles: READERS,
    answer: { resource: GrantDto },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.grants.get(id, caller);
  }

  @Patch(':id')
  @IdParam('id', 'The grant.')
  @Operation({
    id: 'updateGrant',
    summary: 'Change a grant',
    description:
      'A JSON merge patch of its expiry and its justification; nothing else of a grant ever changes. One that has ended does not change at all.',
    roles: WRITERS,
    answer: { resource: GrantDto, versioned: true },
    errors: ['business_rule', 'not_found', ...BODY_ERRORS],
    conditional: true,
  })
  update(@Param('id', UuidPipe) id: string, @Body() body: UpdateGrantDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.grants.update(id, body, caller);
  }

  @Delete(':id')
  @IdParam('id', 'The grant.')
  @Operation({
    id: 'deleteGrant',
    summary: 'Revoke a grant without a reason',
    description: 'The same as revoking it, but without a reason. Again: nothing changes.',
    roles: WRITERS,
    answer: { status: 204 },
    errors: ['not_found'],
    conditional: true,
  })
  async delete(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    await this.grants.revoke(id, null, caller);
  }

  @Post(':id/revoke')
  @IdParam('id', 'The grant.')
  @Operation({
    id: 'revokeGrant',
    summary: 'Revoke a grant',
    description:
      'Takes the access away, from this instant on. Of a grant that has ended already nothing changes, and the answer is the grant as it is.',
    roles: WRITERS,
    answer: { resource: GrantDto, versioned: true },
    errors: ['not_found', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  revoke(@Param('id', UuidPipe) id: string, @Body() { reason }: RevokeGrantDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.grants.revoke(id, reason, caller);
  }
}
