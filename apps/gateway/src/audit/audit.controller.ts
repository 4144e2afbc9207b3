import type { Caller } from '#libs/auth/request-caller.js';
import type { Role } from '#libs/auth/roles.js';
import type { Representation } from '#libs/database/representation.js';
import type { PublicJwk } from '#libs/events/chain-keys.js';
import type { ChainVerification } from '#libs/events/chain-verification.js';
import type { Page } from '#libs/pagination/page.js';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentCaller } from '../http/current-caller.js';
import { Operation } from '../http/operation.js';
import { PageQueryDto } from '../http/page.dto.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { AuditItemDto, AuditKeysDto, AuditPageDto, CheckpointPageDto, ListAuditDto, VerificationDto, VerifyAuditDto } from './audit.dto.js';
import { AuditService } from './audit.service.js';

const AUDITORS: readonly Role[] = ['governance.auditor', 'governance.admin'];

@ApiTags('audit')
@Controller('audit')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @Operation({
    id: 'listAuditEvents',
    summary: 'Query the audit log',
    description: 'Every change, newest first, as far as the log is complete. The first page of a query is itself an event.',
    roles: AUDITORS,
    answer: { page: AuditPageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListAuditDto, @CurrentCaller() caller: Caller): Promise<Page> {
    return this.audit.list(filters, { cursor, limit }, caller);
  }

  @Get('verify')
  @Operation({
    id: 'verifyAuditLog',
    summary: 'Verify the chain',
    description:
      'Recomputes the hashes of a range and checks the signatures of its checkpoints. Says where it breaks first and how. `to` beyond what the log is complete to is clipped.',
    roles: AUDITORS,
    answer: { resource: VerificationDto },
  })
  verify(@Query() range: VerifyAuditDto, @CurrentCaller() caller: Caller): Promise<ChainVerification> {
    return this.audit.verify(range, caller);
  }

  @Get('checkpoints')
  @Operation({
    id: 'listCheckpoints',
    summary: 'List the signed checkpoints',
    description: 'By sequence. Signed at least every minute and every 1,000 events.',
    roles: AUDITORS,
    answer: { page: CheckpointPageDto },
    errors: ['invalid_cursor'],
  })
  checkpoints(@Query() page: PageQueryDto): Promise<Page> {
    return this.audit.checkpoints(page);
  }

  @Get('keys')
  @Operation({
    id: 'listAuditKeys',
    summary: 'The public keys of the checkpoints',
    description: 'A JWK set (RFC 7517) of every Ed25519 key that checkpoints were ever signed with, retired ones too.',
    roles: AUDITORS,
    answer: { resource: AuditKeysDto },
  })
  keys(): Promise<{ keys: PublicJwk[] }> {
    return this.audit.keys();
  }

  @Get(':id')
  @IdParam('id', 'The event.')
  @Operation({
    id: 'getAuditEvent',
    summary: 'Get an event of the audit log',
    description: 'One event, with its hashes.',
    roles: AUDITORS,
    answer: { resource: AuditItemDto },
    errors: ['not_found'],
  })
  get(@Param('id', UuidPipe) id: string): Promise<Representation> {
    return this.audit.get(id);
  }
}
