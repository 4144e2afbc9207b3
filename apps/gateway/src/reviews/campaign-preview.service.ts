import { NotFoundError } from '#libs/errors/errors.js';
import { breakerOf } from '#libs/reviews/breaker.js';
import type { BreakerReason, DefaultDecision, Reviewers } from '#libs/reviews/campaign.js';
import type { Selector } from '#libs/reviews/selector.js';
import { Injectable } from '@nestjs/common';
import { CampaignsRepository } from './campaigns.repository.js';

export interface CampaignPreview {
  population: number;
  included: number;
  excluded: { reason: string; count: number }[];
  byReviewer: { reviewerId: string; items: number }[];
  wouldRevoke: number;
  breaker: { open: boolean; limit: number; reasons: BreakerReason[] };
}

interface ShownCampaign {
  status: string;
  selector: Selector;
  reviewers: Reviewers;
  defaultDecision: DefaultDecision;
}

/** What a campaign would do, before it does it: launching it while it is a draft, and closing it from then on. */
@Injectable()
export class CampaignPreviewService {
  constructor(private readonly campaigns: CampaignsRepository) {}

  /** @throws NotFoundError */
  async preview(id: string): Promise<CampaignPreview> {
    const found = await this.campaigns.findRepresentation(id);
    if (!found) throw NotFoundError.of('campaign', id);
    const campaign = found.parse<ShownCampaign>();
    const { orphanedAssets, ...estimate } = await (campaign.status === 'draft'
      ? this.campaigns.estimateDraft(campaign)
      : this.campaigns.estimateLaunched({ id, defaultDecision: campaign.defaultDecision }));
    const { limit, reasons } = breakerOf(estimate.included, estimate.wouldRevoke, orphanedAssets);
    const { population, included, byReviewer, wouldRevoke } = estimate;
    const excluded = population > included ? [{ reason: 'no_eligible_reviewer', count: population - included }] : [];
    return { population, included, excluded, byReviewer, wouldRevoke, breaker: { open: reasons.length > 0, limit, reasons } };
  }
}
