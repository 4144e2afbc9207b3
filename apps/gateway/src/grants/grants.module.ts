import { Module } from '@nestjs/common';
import { AssetsModule } from '../assets/assets.module.js';
import { PrincipalsModule } from '../principals/principals.module.js';
import { GrantsController } from './grants.controller.js';
import { GrantsRepository } from './grants.repository.js';
import { GrantsService } from './grants.service.js';

@Module({
  imports: [PrincipalsModule, AssetsModule],
  controllers: [GrantsController],
  providers: [GrantsService, GrantsRepository],
  exports: [GrantsService],
})
export class GrantsModule {}
