import type { Caller } from '#libs/auth/request-caller.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, NotFoundError } from '#libs/errors/errors.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { cancelCampaign } from '#libs/reviews/cancellation.js';
import { type Campaign, campaignResource, type DefaultDecision, lockCampaign, type Reviewers, wrongState } from '#libs/reviews/campaign.js';
import { beginClosing, confirmClosing } from '#libs/reviews/closing.js';
import { beginLaunch } from '#libs/reviews/launch.js';
import { beginStanding, endStanding, WATCHED_BANDS } from '#libs/reviews/standing.js';
import type { Selector } from '#libs/reviews/selector.js';
import { beginUndo } from '#libs/reviews/undo.js';
import { Injectable } from '@nestjs/common';
import { CampaignsRepository } from './campaigns.repository.js';
import { ReviewSteps } from './review-steps.service.js';

export interface CampaignInput {
  name: string;
  kind?: 'once' | 'standing';
  selector: Selector;
  reviewers: { kind: Reviewers['kind']; principalIds?: string[]; fallbackReviewerId: string };
  dueAt?: string | null;
  daysToDecide?: number | null;
  defaultDecision?: DefaultDecision;
}

/** Campaigns from draft to undo. What takes long is begun here, and done by `ReviewSteps` and the worker in steps. */
@Injectable()
export class CampaignsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly campaigns: CampaignsRepository,
    private readonly steps: ReviewSteps,
  ) {}

  list(filters: { status?: string }, page: PageRequest): Promise<Page> {
    return this.campaigns.page(filters, page);
  }

  async get(id: string): Promise<Representation> {
    const campaign = await this.campaigns.findRepresentation(id);
    if (!campaign) throw NotFoundError.of('campaign', id);
    return campaign;
  }

  create(input: CampaignInput, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const { name, kind = 'once', defaultDecision = 'none' } = input;
      const reviewers = { ...input.reviewers, principalIds: input.reviewers.principalIds ?? [] };
      await this.checkReviewers(tx, reviewers);
      const { dueAt, daysToDecide } = deadline(input, kind, tx.now);
      const watched = kind === 'standing' && !input.selector.bands?.length ? { bands: WATCHED_BANDS } : {};
      const selector = normalised({ ...input.selector, ...watched });
      await this.checkSelector(tx, selector);
      const id = uuidv7();
      await this.campaigns.insert(tx, { id, kind, name, selector, reviewers, dueAt, daysToDecide, defaultDecision });
      const after = { kind, status: 'draft', selector, reviewers, defaultDecision, dueAt };
      tx.record({ type: 'campaign.created', resource: campaignResource({ id, kind }), after });
      return this.represent(tx, id);
    });
  }

  /** From a draft to packets. A standing campaign opens its packets as grants decay. @throws ConflictError where it is no draft any more */
  async launch(id: string, caller: Caller): Promise<Representation> {
    const launched = await this.change(id, caller, async (tx, campaign) => {
      if (campaign.status !== 'draft') throw wrongState(`A campaign that is ${campaign.status} cannot be launched.`);
      if (campaign.dueAt && campaign.dueAt <= tx.now) throw wrongState('The due date has passed.');
      await (campaign.kind === 'once' ? beginLaunch : beginStanding)(tx, campaign);
    });
    this.steps.follow(id);
    return launched;
  }

  /** Before the due date, on an admin's word. A standing campaign asks no more; what it has asked goes on. */
  async close(id: string, caller: Caller): Promise<Representation> {
    const closing = await this.change(id, caller, async (tx, campaign) => {
      if (campaign.status !== 'active') throw wrongState(`A campaign that is ${campaign.status} cannot be closed.`);
      if (campaign.work === 'launch') throw wrongState('The campaign is still being launched.');
      await (campaign.kind === 'once' ? beginClosing(tx, campaign, 'asked') : endStanding(tx, campaign));
    });
    this.steps.follow(id);
    return closing;
  }

  /** Only before it closes: a closing that is held cannot be cancelled away. */
  cancel(id: string, caller: Caller): Promise<Representation> {
    return this.change(id, caller, cancelCampaign);
  }

  /** Lets a held closing go on. @throws AppError `second_admin_required` for who created it */
  async confirm(id: string, caller: Caller): Promise<Representation> {
    const confirmed = await this.change(id, caller, confirmClosing);
    this.steps.follow(id);
    return confirmed;
  }

  /** Brings back what a completed campaign took away, within 30 days. */
  async undo(id: string, caller: Caller): Promise<Representation> {
    const undoing = await this.change(id, caller, beginUndo);
    this.steps.follow(id);
    return undoing;
  }

  private change(id: string, caller: Caller, work: (tx: Transaction, campaign: Campaign) => Promise<void>): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const campaign = await lockCampaign(tx, id, 'change');
      if (!campaign || campaign.kind === 'packet') throw NotFoundError.of('campaign', id);
      assertVersion(caller, (await this.represent(tx, id)).version);
      await work(tx, campaign);
      return this.represent(tx, id);
    });
  }

  private async checkReviewers(tx: Transaction, { kind, principalIds, fallbackReviewerId }: Reviewers): Promise<void> {
    if (kind === 'named' && principalIds.length === 0) throw BadRequestError.rule('reviewers.principalIds', 'must name somebody');
    if (kind !== 'named' && principalIds.length > 0) throw BadRequestError.rule('reviewers.principalIds', 'is for named reviewers alone');
    const fit = await this.campaigns.findActiveUsers(tx, [...principalIds, fallbackReviewerId]);
    const unfit = principalIds.findIndex((id) => !fit.has(id));
    if (unfit >= 0) throw BadRequestError.rule(`reviewers.principalIds.${unfit}`, 'names nobody who is an active user');
    if (!fit.has(fallbackReviewerId)) throw BadRequestError.rule('reviewers.fallbackReviewerId', 'names nobody who is an active user');
  }

  private async checkSelector(tx: Transaction, { minScore, maxScore, assetIds }: Required<Selector>): Promise<void> {
    if (minScore !== null && maxScore !== null && minScore > maxScore)
      throw BadRequestError.rule('selector.minScore', 'must not be above maxScore');
    const known = await this.campaigns.findAssets(tx, assetIds ?? []);
    const unknown = (assetIds ?? []).findIndex((id) => !known.has(id));
    if (unknown >= 0) throw BadRequestError.rule(`selector.assetIds.${unknown}`, 'names no asset');
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const campaign = await this.campaigns.findRepresentation(id, tx);
    if (!campaign) throw NotFoundError.of('campaign', id);
    return campaign;
  }
}

function deadline(input: CampaignInput, kind: 'once' | 'standing', now: Date): { dueAt: Date | null; daysToDecide: number | null } {
  const { dueAt, daysToDecide } = input;
  if (kind === 'standing') {
    if (dueAt) throw BadRequestError.rule('dueAt', 'is not for a standing campaign');
    return { dueAt: null, daysToDecide: daysToDecide ?? 14 };
  }
  if (daysToDecide != null) throw BadRequestError.rule('daysToDecide', 'is for a standing campaign');
  if (!dueAt) throw BadRequestError.rule('dueAt', 'is required');
  if (new Date(dueAt) <= now) throw BadRequestError.rule('dueAt', 'must lie in the future');
  return { dueAt: new Date(dueAt), daysToDecide: null };
}

/** Every member, so that clients are shown one shape whatever was left out. */
function normalised(selector: Selector): Required<Selector> {
  const {
    bands,
    minScore,
    maxScore,
    sensitivities,
    privileges,
    assetIds,
    departments,
    principalTypes,
    sources,
    unusedForDays,
    grantedBefore,
  } = selector;
  return {
    ...{
      bands: bands ?? [],
      minScore: minScore ?? null,
      maxScore: maxScore ?? null,
      sensitivities: sensitivities ?? [],
      privileges: privileges ?? [],
    },
    ...{ assetIds: assetIds ?? [], departments: departments ?? [], principalTypes: principalTypes ?? [], sources: sources ?? [] },
    ...{ unusedForDays: unusedForDays ?? null, grantedBefore: grantedBefore ?? null },
  };
}
