import { KafkaModule } from '#libs/kafka/kafka.module.js';
import { UsageSubjects } from '#libs/scoring/usage-subjects.js';
import { Module } from '@nestjs/common';
import { AssetsModule } from '../assets/assets.module.js';
import { PrincipalsModule } from '../principals/principals.module.js';
import { GrantsBulkController } from './grants-bulk.controller.js';
import { GrantsBulkRepository } from './grants-bulk.repository.js';
import { GrantsBulkService } from './grants-bulk.service.js';
import { GrantsUsageController } from './grants-usage.controller.js';
import { GrantsUsageService } from './grants-usage.service.js';
import { GrantsController } from './grants.controller.js';
import { GrantsRepository } from './grants.repository.js';
import { GrantsService } from './grants.service.js';
import { UsageOutlet } from './usage-outlet.js';

@Module({
  imports: [PrincipalsModule, AssetsModule, KafkaModule],
  // The addresses with a word in them first: the other would take the word for an id.
  controllers: [GrantsUsageController, GrantsBulkController, GrantsController],
  providers: [GrantsService, GrantsRepository, GrantsBulkService, GrantsBulkRepository, GrantsUsageService, UsageOutlet, UsageSubjects],
  exports: [GrantsService],
})
export class GrantsModule {}
