import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { type CampaignPreview, CampaignPreviewService } from './campaign-preview.service.js';
import { CampaignDto, CampaignPageDto, CampaignPreviewDto, CreateCampaignDto, ListCampaignsDto } from './campaigns.dto.js';
import { CampaignsService } from './campaigns.service.js';

const SEE = ['governance.auditor', 'governance.admin'] as const;
const RUN = ['governance.admin'] as const;

@ApiTags('reviews')
@Controller('reviews/campaigns')
export class CampaignsController {
  constructor(
    private readonly campaigns: CampaignsService,
    private readonly previews: CampaignPreviewService,
  ) {}

  @Get()
  @Operation({
    id: 'listCampaigns',
    summary: 'List campaigns',
    description: 'All campaigns, by id.',
    roles: SEE,
    answer: { page: CampaignPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListCampaignsDto): Promise<Page> {
    return this.campaigns.list(filters, { cursor, limit });
  }

  @Post()
  @Operation({
    id: 'createCampaign',
    summary: 'Draft a campaign',
    description: 'Which grants are to be reviewed, by whom, and until when. Nobody is asked anything before it is launched.',
    roles: RUN,
    answer: { status: 201, resource: CampaignDto, versioned: true },
    errors: ['business_rule', ...BODY_ERRORS],
    idempotent: true,
  })
  create(@Body() body: CreateCampaignDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.campaigns.create(body, caller);
  }

  @Get(':id')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'getCampaign',
    summary: 'Get a campaign',
    description: 'One campaign with its numbers, and the progress of what is being done with it. Never answered with 304.',
    roles: SEE,
    answer: { resource: CampaignDto },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string): Promise<Representation> {
    return this.campaigns.get(id);
  }

  @Get(':id/preview')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'previewCampaign',
    summary: 'Preview a campaign',
    description:
      'What launching a draft would make of the grants as they are now; of a campaign that is launched, what closing it now would do, defaults included.',
    roles: SEE,
    answer: { resource: CampaignPreviewDto },
    errors: ['not_found'],
  })
  preview(@Param('id', UuidPipe) id: string): Promise<CampaignPreview> {
    return this.previews.preview(id);
  }

  @Post(':id/launch')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'launchCampaign',
    summary: 'Launch a campaign',
    description: 'Makes packets of a draft, in the background where there is much to do: `progress` and `openedAt` tell how far that is.',
    roles: RUN,
    answer: { resource: CampaignDto, versioned: true },
    errors: ['not_found', 'campaign_state', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  launch(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.campaigns.launch(id, caller);
  }

  @Post(':id/close')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'closeCampaign',
    summary: 'Close a campaign before its due date',
    description:
      'What is undecided gets its default, and what is to be revoked is revoked, in the background; the circuit breaker may hold it.',
    roles: RUN,
    answer: { resource: CampaignDto, versioned: true },
    errors: ['not_found', 'campaign_state', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  close(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.campaigns.close(id, caller);
  }

  @Post(':id/cancel')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'cancelCampaign',
    summary: 'Cancel a campaign',
    description: 'Nothing comes of it. Only before it closes; a closing that is held cannot be cancelled away.',
    roles: RUN,
    answer: { resource: CampaignDto, versioned: true },
    errors: ['not_found', 'campaign_state', 'breaker_open', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  cancel(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.campaigns.cancel(id, caller);
  }

  @Post(':id/confirm')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'confirmCampaign',
    summary: 'Confirm a held closing',
    description: 'Lets a closing that the circuit breaker holds go on. Never by who created the campaign.',
    roles: RUN,
    answer: { resource: CampaignDto, versioned: true },
    errors: ['not_found', 'campaign_state', 'second_admin_required', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  confirm(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.campaigns.confirm(id, caller);
  }

  @Post(':id/undo')
  @IdParam('id', 'The campaign.')
  @Operation({
    id: 'undoCampaign',
    summary: 'Undo a campaign',
    description: 'Gives back, as new grants, what a completed campaign took away, for 30 days after its end. `undo` tells what came back.',
    roles: RUN,
    answer: { resource: CampaignDto, versioned: true },
    errors: ['not_found', 'campaign_state', 'undo_expired', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  undo(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.campaigns.undo(id, caller);
  }
}
