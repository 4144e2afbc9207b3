import { Module } from '@nestjs/common';
import { PrincipalAccessController } from './principal-access.controller.js';
import { PrincipalAccessRepository } from './principal-access.repository.js';
import { PrincipalAccessService } from './principal-access.service.js';
import { MeController } from './me.controller.js';
import { MeService } from './me.service.js';
import { MembershipsController } from './memberships.controller.js';
import { MembershipsRepository } from './memberships.repository.js';
import { MembershipsService } from './memberships.service.js';
import { PrincipalsController } from './principals.controller.js';
import { PrincipalsRepository } from './principals.repository.js';
import { PrincipalsService } from './principals.service.js';

@Module({
  controllers: [PrincipalsController, MembershipsController, PrincipalAccessController, MeController],
  providers: [
    PrincipalsService,
    PrincipalsRepository,
    MembershipsService,
    MembershipsRepository,
    PrincipalAccessService,
    PrincipalAccessRepository,
    MeService,
  ],
  exports: [PrincipalsService],
})
export class PrincipalsModule {}
