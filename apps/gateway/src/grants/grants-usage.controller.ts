import type { Caller } from '#libs/auth/request-caller.js';
import { WRITERS } from '#libs/auth/roles.js';
import { Body, Controller, Post } from '@nestjs/common';
import { ApiExtraModels, ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { ReportUsageDto, UsageEventDto, UsageReceiptDto } from './grants-usage.dto.js';
import { GrantsUsageService, type UsageReceipt } from './grants-usage.service.js';

@ApiTags('grants')
@ApiExtraModels(UsageEventDto)
@Controller('grants/usage')
export class GrantsUsageController {
  constructor(private readonly usage: GrantsUsageService) {}

  @Post()
  @Operation({
    id: 'reportUsage',
    summary: 'Report uses of grants',
    description:
      'Each event is accepted or rejected on its own, whatever is wrong with it. Accepted is durable, and seen in the scores within seconds; the same `eventId` of the same caller counts once, so a call may simply be repeated. An event names its grant, or a principal and an asset: then every grant is credited that could have allowed it at that time, also those of groups.',
    roles: WRITERS,
    answer: { status: 202, resource: UsageReceiptDto },
    errors: BODY_ERRORS,
  })
  report(@Body() { events }: ReportUsageDto, @CurrentCaller() caller: Caller): Promise<UsageReceipt> {
    return this.usage.report(events, caller);
  }
}
