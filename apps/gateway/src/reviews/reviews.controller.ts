import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import {
  CreateReviewDto,
  ListReviewItemsDto,
  ListReviewsDto,
  ReviewDto,
  ReviewedReviewDto,
  ReviewItemPageDto,
  ReviewItemWithPastDto,
  ReviewPageDto,
} from './packets.dto.js';
import { PacketsService } from './packets.service.js';
import { RevocationEffectDto } from './revocation-effect.dto.js';
import { type RevocationEffect, RevocationEffectService } from './revocation-effect.service.js';

const SEE = ['governance.reviewer', 'governance.auditor', 'governance.admin'] as const;

/** Packets as they are read, and the making of one. Working on one is in PacketWorkController. */
@ApiTags('reviews')
@Controller('reviews')
export class ReviewsController {
  constructor(
    private readonly packets: PacketsService,
    private readonly effects: RevocationEffectService,
  ) {}

  @Get()
  @Operation({
    id: 'listReviews',
    summary: 'List review packets',
    description: "By id. A reviewer sees their own; `reviewer=me` is the caller's, whoever calls.",
    roles: SEE,
    answer: { page: ReviewPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListReviewsDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.packets.list(filters, { cursor, limit }, caller);
  }

  @Post()
  @Operation({
    id: 'createReview',
    summary: 'Ask somebody about grants',
    description: 'A packet of its own, without a campaign. What it revokes is revoked when it is signed off, or at its due date.',
    roles: ['governance.admin'],
    answer: { status: 201, resource: ReviewDto, versioned: true },
    errors: ['business_rule', 'self_review', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body() body: CreateReviewDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.packets.create(body, caller);
  }

  @Get(':id')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'getReview',
    summary: 'Get a review packet',
    description:
      "One packet with its numbers; 404 for somebody else's. Admins and auditors are also told how it was decided. Never answered with 304.",
    roles: SEE,
    answer: { resource: ReviewedReviewDto },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.packets.get(id, caller);
  }

  @Get(':id/items')
  @IdParam('id', 'The packet.')
  @Operation({
    id: 'listReviewItems',
    summary: 'List the items of a packet',
    description: 'By id: what there was when each was made, the score now, the decision in force, and what became of it.',
    roles: SEE,
    answer: { page: ReviewItemPageDto },
    errors: ['invalid_cursor', 'not_found'],
  })
  items(
    @Param('id', UuidPipe) id: string,
    @Query() { cursor, limit, ...filters }: ListReviewItemsDto,
    @CurrentCaller() caller: Caller,
  ): Promise<Page> {
    return this.packets.items(id, filters, { cursor, limit }, caller);
  }

  @Get(':id/items/:itemId')
  @IdParam('id', 'The packet.')
  @IdParam('itemId', 'The item.')
  @Operation({
    id: 'getReviewItem',
    summary: 'Get an item of a packet',
    description: 'One item with everything that was decided about it, and through whose hands it went.',
    roles: SEE,
    answer: { resource: ReviewItemWithPastDto },
    errors: ['not_found'],
  })
  item(@Param('id', UuidPipe) id: string, @Param('itemId', UuidPipe) itemId: string, @CurrentCaller() caller: Caller): Promise<object> {
    return this.packets.item(id, itemId, caller);
  }

  @Get(':id/items/:itemId/effect')
  @IdParam('id', 'The packet.')
  @IdParam('itemId', 'The item.')
  @Operation({
    id: 'previewRevocation',
    summary: 'Preview what revoking an item takes away',
    description: 'From whom, through which groups, and who would keep the access by another path.',
    roles: SEE,
    answer: { resource: RevocationEffectDto },
    errors: ['not_found'],
  })
  effect(
    @Param('id', UuidPipe) id: string,
    @Param('itemId', UuidPipe) itemId: string,
    @CurrentCaller() caller: Caller,
  ): Promise<RevocationEffect> {
    return this.effects.preview(id, itemId, caller);
  }
}
