import type { Actor } from '#libs/auth/caller.js';
import type { Transaction } from '#libs/database/transaction.js';
import { ConflictError } from '#libs/errors/errors.js';
import sql, { empty, join, raw, type Sql } from 'sql-template-tag';
import type { Selector } from './selector.js';

export const CAMPAIGN_STATUSES = ['draft', 'active', 'closing', 'completed', 'cancelled'] as const;
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];
/** `packet` is the round that a packet without a campaign of its own is; clients never see it. */
export type CampaignKind = 'once' | 'standing' | 'packet';
export const DEFAULT_DECISIONS = ['none', 'approve', 'revoke', 'recommendation'] as const;
export type DefaultDecision = (typeof DEFAULT_DECISIONS)[number];
export const DECISIONS = ['approve', 'revoke', 'abstain'] as const;
export type Decision = (typeof DECISIONS)[number];
export const REVIEWER_KINDS = ['assetOwner', 'manager', 'named'] as const;
export type ReviewerKind = (typeof REVIEWER_KINDS)[number];

/** Who reviews: each grant's own reviewer, or one of those named; the fallback where that leads to nobody fit. */
export interface Reviewers {
  kind: ReviewerKind;
  principalIds: readonly string[];
  fallbackReviewerId: string;
}

/** What a runner has to do next; null where nobody has to do anything. */
export type CampaignWork = 'launch' | 'defaults' | 'check' | 'apply' | 'undo';

/** Why a closing waits for a second admin. */
export interface BreakerReason {
  code: 'too_many_revocations' | 'last_admin';
  /** The asset that would be left without an admin. */
  assetId: string | null;
}

export interface Breaker {
  limit: number;
  wouldRevoke: number;
  reasons: BreakerReason[];
}

export interface Campaign {
  id: string;
  kind: CampaignKind;
  name: string;
  status: CampaignStatus;
  selector: Selector;
  reviewers: Reviewers;
  dueAt: Date | null;
  daysToDecide: number | null;
  defaultDecision: DefaultDecision;
  createdBy: Actor;
  work: CampaignWork | null;
  launchedAt: Date | null;
  launchedUpTo: string | null;
  openedAt: Date | null;
  breaker: Breaker | null;
  heldAt: Date | null;
  confirmedAt: Date | null;
  confirmedAssets: string[];
  completedAt: Date | null;
  undoAskedAt: Date | null;
  undoneAt: Date | null;
  included: number;
}

const COLUMNS = raw(
  Object.entries({
    ...{ id: 'id', kind: 'kind', name: 'name', status: 'status', selector: 'selector', reviewers: 'reviewers', dueAt: 'due_at' },
    ...{
      daysToDecide: 'days_to_decide',
      defaultDecision: 'default_decision',
      createdBy: 'created_by',
      work: 'work',
      launchedAt: 'launched_at',
    },
    ...{ launchedUpTo: 'launched_up_to', openedAt: 'opened_at', breaker: 'breaker', heldAt: 'held_at', confirmedAt: 'confirmed_at' },
    ...{
      confirmedAssets: 'confirmed_assets',
      completedAt: 'completed_at',
      undoAskedAt: 'undo_asked_at',
      undoneAt: 'undone_at',
      included: 'included',
    },
  })
    .map(([name, column]) => `c.${column} AS "${name}"`)
    .join(', '),
);

/** How a campaign is held until the transaction ends: to change it, the same unless somebody has it, or against its change only. */
export type CampaignLock = 'change' | 'change if free' | 'share';
const LOCKS: Record<CampaignLock, Sql> = {
  change: sql`FOR NO KEY UPDATE`,
  'change if free': sql`FOR NO KEY UPDATE SKIP LOCKED`,
  share: sql`FOR SHARE`,
};

/** The campaigns that fit a condition on `c`, each locked, those that have waited longest first. */
export function lockCampaigns(tx: Transaction, condition: Sql, lock: CampaignLock, limit = 1): Promise<Campaign[]> {
  return tx.rows<Campaign>(
    sql`SELECT ${COLUMNS} FROM review_campaigns c WHERE ${condition} ORDER BY c.updated_at LIMIT ${limit} ${LOCKS[lock]}`,
  );
}

/** A campaign by its id, locked; null where there is none, or somebody else has it and the lock does not wait. */
export async function lockCampaign(tx: Transaction, id: string, lock: CampaignLock): Promise<Campaign | null> {
  const [campaign] = await lockCampaigns(tx, sql`c.id = ${id}`, lock);
  return campaign ?? null;
}

/** Writes changes of a campaign, as assignments in SQL. */
export async function changeCampaign(tx: Transaction, id: string, ...assignments: Sql[]): Promise<void> {
  const changes = assignments.length > 0 ? sql`${join(assignments)},` : empty;
  await tx.rows(sql`UPDATE review_campaigns SET ${changes} updated_at = ${tx.now}, version = version + 1 WHERE id = ${id}`);
}

/** What events name a campaign as: clients know of a round only the packet it is made of. */
export const campaignResource = (campaign: Pick<Campaign, 'id' | 'kind'>): { type: string; id: string } => ({
  type: campaign.kind === 'packet' ? 'review_round' : 'campaign',
  id: campaign.id,
});

/** 409 for what a campaign is in no state for. */
export function wrongState(message: string): ConflictError {
  return new ConflictError('campaign_state', message);
}
