import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import type { Page } from '#libs/pagination/page.js';
import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { LeaseRemediationDto, ListRemediationsDto, RemediationDto, RemediationPageDto, ReportRemediationDto } from './remediations.dto.js';
import { RemediationsService } from './remediations.service.js';

const SEE = ['governance.connector', 'governance.auditor', 'governance.admin'] as const;

@ApiTags('reviews')
@Controller('reviews/remediations')
export class RemediationsController {
  constructor(private readonly remediations: RemediationsService) {}

  @Get()
  @Operation({
    id: 'listRemediations',
    summary: 'List remediations',
    description: 'What became of decisions to revoke, by id. A connector sees those of its source; `status=queued` is its work.',
    roles: SEE,
    answer: { page: RemediationPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListRemediationsDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.remediations.list(filters, { cursor, limit }, caller);
  }

  @Get(':id')
  @IdParam('id', 'The remediation.')
  @Operation({
    id: 'getRemediation',
    summary: 'Get a remediation',
    description: 'One remediation.',
    roles: SEE,
    answer: { resource: RemediationDto, versioned: true },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.remediations.get(id, caller);
  }

  @Post(':id/lease')
  @IdParam('id', 'The remediation.')
  @Operation({
    id: 'leaseRemediation',
    summary: 'Lease a remediation',
    description:
      'Says that the caller carries it out now: for so long nobody else may lease it or report on it. The caller may lease it again. `startedAt` tells what was begun and never reported from what was never begun.',
    roles: ['governance.connector', 'governance.admin'],
    answer: { resource: RemediationDto, versioned: true },
    errors: ['business_rule', 'not_found', 'leased', ...BODY_ERRORS],
    conditional: true,
    idempotent: true,
  })
  lease(
    @Param('id', UuidPipe) id: string,
    @Body() { seconds }: LeaseRemediationDto,
    @CurrentCaller() caller: Caller,
  ): Promise<Representation> {
    return this.remediations.lease(id, seconds ?? 60, caller);
  }

  @Patch(':id')
  @IdParam('id', 'The remediation.')
  @Operation({
    id: 'reportRemediation',
    summary: 'Report a remediation',
    description:
      'What was found at the source: `applied` once the access is gone there, which ends the grant, `not_needed` where it was gone before anybody began, or `failed` with the reason. What failed may be reported on again.',
    roles: ['governance.connector', 'governance.admin'],
    answer: { resource: RemediationDto, versioned: true },
    errors: ['business_rule', 'not_found', 'leased', ...BODY_ERRORS],
    conditional: true,
  })
  report(@Param('id', UuidPipe) id: string, @Body() body: ReportRemediationDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.remediations.report(id, body.status, body.reason ?? null, caller);
  }
}
