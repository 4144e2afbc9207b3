import type { Caller } from '#libs/auth/request-caller.js';
import { READERS, WRITERS } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import { Body, Controller, Get, Post, Query, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Readable } from 'node:stream';
import { CurrentCaller } from '../http/current-caller.js';
import { BODY_ERRORS, Operation } from '../http/operation.js';
import { CreateGrantsDto, ExportGrantsDto, GrantsReceiptDto } from './grants-bulk.dto.js';
import { GrantsBulkService } from './grants-bulk.service.js';

/** Not application/x-ndjson: generators of clients leave an answer out for which they have no reader. */
const JSON_LINES = 'application/octet-stream';

@ApiTags('grants')
@Controller('grants')
export class GrantsBulkController {
  constructor(private readonly grants: GrantsBulkService) {}

  @Post('batch')
  @Operation({
    id: 'createGrants',
    summary: 'Grant access, many at once',
    description:
      'Each grant is created or rejected on its own, by the rules of the single route and with its codes, an event each. A call may simply be repeated: what it created is `duplicate` then. At most 1 MB.',
    roles: WRITERS,
    answer: { resource: GrantsReceiptDto },
    errors: BODY_ERRORS,
    idempotent: true,
  })
  createMany(@Body() { grants }: CreateGrantsDto, @CurrentCaller() caller: Caller): Promise<Representation> {
    return this.grants.createMany(grants, caller);
  }

  @Get('export')
  @Operation({
    id: 'exportGrants',
    summary: 'Export the grants in force of a source',
    description:
      'All of them in one answer, by id, a line of JSON each: `{"id","principalId","assetId","permission","privilege"}`. Like a walk of the pages of the list, it has each grant that was in force all along exactly once. An answer that breaks off is not whole.',
    roles: READERS,
    answer: { content: { [JSON_LINES]: { schema: { type: 'string', format: 'binary', maxLength: 2_147_483_647 } } } },
  })
  async export(@Query() { source }: ExportGrantsDto, @CurrentCaller() caller: Caller): Promise<StreamableFile> {
    return new StreamableFile(Readable.from(await this.grants.export(source, caller), { objectMode: false }), { type: JSON_LINES });
  }
}
