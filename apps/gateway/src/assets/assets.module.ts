import { Module } from '@nestjs/common';
import { AssetAccessController } from './asset-access.controller.js';
import { AssetAccessRepository } from './asset-access.repository.js';
import { AssetAccessService } from './asset-access.service.js';
import { AssetsController } from './assets.controller.js';
import { AssetsRepository } from './assets.repository.js';
import { AssetsService } from './assets.service.js';

@Module({
  controllers: [AssetsController, AssetAccessController],
  providers: [AssetsService, AssetsRepository, AssetAccessService, AssetAccessRepository],
  exports: [AssetsService],
})
export class AssetsModule {}
