import { ReviewJobs } from '#libs/reviews/review-jobs.js';
import { Module } from '@nestjs/common';
import { PrincipalsModule } from '../principals/principals.module.js';
import { CampaignPreviewService } from './campaign-preview.service.js';
import { CampaignsController } from './campaigns.controller.js';
import { CampaignsRepository } from './campaigns.repository.js';
import { CampaignsService } from './campaigns.service.js';
import { DecisionsService } from './decisions.service.js';
import { ItemsRepository } from './items.repository.js';
import { PacketAccess } from './packet-access.service.js';
import { PacketWorkController } from './packet-work.controller.js';
import { PacketsRepository } from './packets.repository.js';
import { PacketsService } from './packets.service.js';
import { ReassignmentRepository } from './reassignment.repository.js';
import { ReassignmentService } from './reassignment.service.js';
import { RemediationsController } from './remediations.controller.js';
import { RemediationsRepository } from './remediations.repository.js';
import { RemediationsService } from './remediations.service.js';
import { ReviewSteps } from './review-steps.service.js';
import { ReviewsController } from './reviews.controller.js';
import { RevocationEffectRepository } from './revocation-effect.repository.js';
import { RevocationEffectService } from './revocation-effect.service.js';
import { SignOffRepository } from './sign-off.repository.js';

@Module({
  imports: [PrincipalsModule],
  // The fixed addresses first: `/reviews/campaigns` is not the packet of that id.
  controllers: [CampaignsController, RemediationsController, ReviewsController, PacketWorkController],
  providers: [
    ...[ReviewJobs, ReviewSteps, CampaignsService, CampaignsRepository, CampaignPreviewService],
    ...[PacketAccess, PacketsService, PacketsRepository, ItemsRepository, DecisionsService, SignOffRepository],
    ...[ReassignmentService, ReassignmentRepository, RevocationEffectService, RevocationEffectRepository],
    ...[RemediationsService, RemediationsRepository],
  ],
})
export class ReviewsModule {}
