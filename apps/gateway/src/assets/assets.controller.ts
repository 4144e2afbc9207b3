import type { Caller } from '#libs/auth/request-caller.js';
import { READERS, WRITERS } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { AssetDto, AssetPageDto, CreateAssetDto, ListAssetsDto, UpdateAssetDto } from './assets.dto.js';
import { AssetsService } from './assets.service.js';

@ApiTags('assets')
@Controller('assets')
export class AssetsController {
  constructor(private readonly assets: AssetsService) {}

  @Get()
  @Operation({
    id: 'listAssets',
    summary: 'List assets',
    description: 'What access is given to, by id. Without `status` all of them, also those that have ended.',
    roles: READERS,
    answer: { page: AssetPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListAssetsDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.assets.list(filters, { cursor, limit }, caller);
  }

  @Post()
  @Operation({
    id: 'createAsset',
    summary: 'Create an asset',
    description: 'Records something that access is given to.',
    roles: WRITERS,
    answer: { status: 201, resource: AssetDto, versioned: true },
    errors: ['business_rule', 'duplicate', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body() body: CreateAssetDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.assets.create(body, caller);
  }

  @Get(':id')
  @IdParam('id', 'The asset.')
  @Operation({
    id: 'getAsset',
    summary: 'Get an asset',
    description: 'One asset as it is now.',
    roles: READERS,
    answer: { resource: AssetDto, versioned: true },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.assets.get(id, caller);
  }

  @Patch(':id')
  @IdParam('id', 'The asset.')
  @Operation({
    id: 'updateAsset',
    summary: 'Change an asset',
    description: 'A JSON merge patch: a member that is left out stays, null clears. Its kind and its source never change.',
    roles: WRITERS,
    answer: { resource: AssetDto, versioned: true },
    errors: ['business_rule', 'not_found', 'duplicate', ...BODY_ERRORS],
    conditional: true,
  })
  update(@Param('id', UuidPipe) id: string, @Body() body: UpdateAssetDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.assets.update(id, body, caller);
  }

  @Delete(':id')
  @IdParam('id', 'The asset.')
  @Operation({
    id: 'retireAsset',
    summary: 'Retire an asset',
    description: 'Ends it: nobody can be granted access to it any more. Its grants and its history stay. Again: nothing changes.',
    roles: WRITERS,
    answer: { status: 204 },
    errors: ['not_found'],
    conditional: true,
  })
  retire(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<void> {
    return this.assets.retire(id, caller);
  }
}
