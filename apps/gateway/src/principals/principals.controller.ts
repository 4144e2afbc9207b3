import { READERS, WRITERS } from '#libs/auth/roles.js';
import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { CreatePrincipalDto, ListPrincipalsDto, PrincipalDto, PrincipalPageDto, UpdatePrincipalDto } from './principals.dto.js';
import { PrincipalsService } from './principals.service.js';

@ApiTags('principals')
@Controller('principals')
export class PrincipalsController {
  constructor(private readonly principals: PrincipalsService) {}

  @Get()
  @Operation({
    id: 'listPrincipals',
    summary: 'List principals',
    description: 'Users, service accounts and groups, by id. Without `status` all of them, also those that have ended.',
    roles: READERS,
    answer: { page: PrincipalPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListPrincipalsDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.principals.list(filters, { cursor, limit }, caller);
  }

  @Post()
  @Operation({
    id: 'createPrincipal',
    summary: 'Create a principal',
    description: 'Records a user, a service account or a group. It is active from now on.',
    roles: WRITERS,
    answer: { status: 201, resource: PrincipalDto, versioned: true },
    errors: ['business_rule', 'duplicate', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body() body: CreatePrincipalDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.principals.create(body, caller);
  }

  @Get(':id')
  @IdParam('id', 'The principal.')
  @Operation({
    id: 'getPrincipal',
    summary: 'Get a principal',
    description: 'One principal as it is now.',
    roles: READERS,
    answer: { resource: PrincipalDto, versioned: true },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.principals.get(id, caller);
  }

  @Patch(':id')
  @IdParam('id', 'The principal.')
  @Operation({
    id: 'updatePrincipal',
    summary: 'Change a principal',
    description: 'A JSON merge patch: a member that is left out stays, null clears. Its kind and its source never change.',
    roles: WRITERS,
    answer: { resource: PrincipalDto, versioned: true },
    errors: ['business_rule', 'not_found', 'duplicate', ...BODY_ERRORS],
    conditional: true,
  })
  update(@Param('id', UuidPipe) id: string, @Body() body: UpdatePrincipalDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.principals.update(id, body, caller);
  }

  @Delete(':id')
  @IdParam('id', 'The principal.')
  @Operation({
    id: 'deactivatePrincipal',
    summary: 'Deactivate a principal',
    description: 'Ends it: from now on it reaches nothing, and as a group it passes nothing on. Its history stays. Again: nothing changes.',
    roles: WRITERS,
    answer: { status: 204 },
    errors: ['not_found'],
    conditional: true,
  })
  deactivate(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.principals.deactivate(id, caller);
  }

  @Post(':id/erase')
  @IdParam('id', 'The principal.')
  @Operation({
    id: 'erasePrincipal',
    summary: 'Erase the personal fields of a principal',
    description:
      'Overwrites name, address, external id and attributes, also in the history, and drops the key of their digests in the log, whose chain stays intact. Cannot be undone.',
    roles: ['governance.admin'],
    answer: { resource: PrincipalDto, versioned: true },
    errors: ['not_found'],
    conditional: true,
    idempotent: true,
  })
  erase(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.principals.erase(id, caller);
  }
}
