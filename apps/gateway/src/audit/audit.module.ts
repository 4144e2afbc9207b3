import { AuditLog } from '#libs/clickhouse/audit-log.js';
import { ClickHouseModule } from '#libs/clickhouse/clickhouse.module.js';
import { ChainStore } from '#libs/events/chain-store.js';
import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditRepository } from './audit.repository.js';
import { AuditService } from './audit.service.js';
import { Denials } from './denials.service.js';

@Module({
  imports: [ClickHouseModule],
  controllers: [AuditController],
  providers: [AuditService, AuditRepository, AuditLog, ChainStore, Denials],
  exports: [Denials],
})
export class AuditModule {}
