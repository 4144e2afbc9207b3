import type { Transaction } from '#libs/database/transaction.js';
import sql, { join, type Sql } from 'sql-template-tag';
import { type Campaign, campaignResource, changeCampaign, lockCampaigns } from './campaign.js';
import { type Reviewable, reviewables } from './items.js';
import { resolution } from './reviewer-resolution.js';
import { openRound } from './rounds.js';
import { REVIEWABLE, selected } from './selector.js';

const DAY_MS = 86_400_000;
const RUN_EVERY_MS = 3_600_000;
/** A reviewer is asked this often at most, and for this much. */
const PACKET_EVERY_MS = 7 * DAY_MS;
const PACKET_ITEMS = 25;
/** How long a decision holds, unless what it rested on has changed. */
const DECISION_HOLDS_MS = 90 * DAY_MS;
const REVIEWERS_A_STEP = 40;
const DAYS_TO_DECIDE = 14;

/** What a standing campaign looks for that is drafted without bands of its own. */
export const WATCHED_BANDS = ['stale', 'dormant'] as const;

/** From now on the campaign, a draft that is locked by the caller, asks as grants decay. */
export async function beginStanding(tx: Transaction, campaign: Campaign): Promise<void> {
  const active = [sql`status = 'active'`, sql`launched_at = ${tx.now}`, sql`opened_at = ${tx.now}`, sql`next_run_at = ${tx.now}`];
  await changeCampaign(tx, campaign.id, ...active);
  tx.record({ type: 'campaign.launched', resource: campaignResource(campaign), before: { status: 'draft' }, after: { status: 'active' } });
}

/** The campaign asks no more. The packets it has opened go on to their own ends. */
export async function endStanding(tx: Transaction, campaign: Campaign): Promise<void> {
  await changeCampaign(tx, campaign.id, sql`status = 'completed'`, sql`completed_at = ${tx.now}`);
  tx.record({
    type: 'campaign.completed',
    resource: campaignResource(campaign),
    before: { status: 'active' },
    after: { status: 'completed' },
  });
}

/**
 * Runs a standing campaign whose time has come: opens a small packet for each reviewer who has grants to look at, the most urgent first. Answers
 * whether there may be more to do.
 */
export async function runStanding(tx: Transaction): Promise<boolean> {
  const due = sql`c.kind = 'standing' AND c.status = 'active' AND c.next_run_at <= ${tx.now}`;
  const [campaign] = await lockCampaigns(tx, due, 'change if free');
  if (!campaign) {
    tx.leaveUnchanged();
    return false;
  }
  const byReviewer = grouped(await toAskFor(tx, campaign));
  const dueAt = new Date(tx.now.getTime() + (campaign.daysToDecide ?? DAYS_TO_DECIDE) * DAY_MS);
  for (const [reviewerId, grants] of byReviewer) {
    const { name, defaultDecision, createdBy } = campaign;
    await openRound(tx, { standingId: campaign.id, name, reviewerId, dueAt, defaultDecision, createdBy }, grants);
  }
  const more = byReviewer.size === REVIEWERS_A_STEP;
  await changeCampaign(
    tx,
    campaign.id,
    ...[sql`next_run_at = ${new Date(tx.now.getTime() + (more ? 0 : RUN_EVERY_MS))}`, sql`population = population + ${sum(byReviewer)}`],
    sql`included = included + ${sum(byReviewer)}`,
  );
  if (byReviewer.size === 0) tx.leaveUnchanged();
  return more;
}

/** The grants in a watched band that nobody is being asked about and nobody has lately decided about, for reviewers who have had no packet this week. */
function toAskFor(tx: Transaction, campaign: Campaign): Promise<Reviewable[]> {
  const where: Sql[] = [
    ...selected(campaign.selector),
    sql`NOT EXISTS (SELECT FROM review_items i JOIN review_packets o ON o.id = i.packet_id
      WHERE i.grant_id = g.id AND i.status = 'pending' AND o.status = 'open')`,
    // What was cancelled came to nothing, whatever was said in it.
    sql`NOT EXISTS (SELECT FROM review_items i JOIN review_campaigns k ON k.id = i.campaign_id
      WHERE i.grant_id = g.id AND k.status <> 'cancelled' AND i.decided_at > ${new Date(tx.now.getTime() - DECISION_HOLDS_MS)}
      AND i.band IS NOT DISTINCT FROM s.band AND i.sensitivity = a.sensitivity)`,
    sql`NOT EXISTS (SELECT FROM remediations q WHERE q.grant_id = g.id AND q.status = 'queued')`,
  ];
  const chosen = sql`SELECT g.id, g.principal_id, p.manager_id, a.owner_id AS asset_owner_id, s.priority FROM ${REVIEWABLE} WHERE ${join(where, ' AND ')}`;
  const lately = new Date(tx.now.getTime() - PACKET_EVERY_MS);
  const ctes = sql`${resolution(chosen, campaign.reviewers)},
    ranked AS (
      SELECT r.*, row_number() OVER (PARTITION BY r.reviewer_id ORDER BY r.priority DESC, r.id) AS place FROM resolved r
      WHERE r.reviewer_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM review_packets o WHERE o.shown_campaign_id = ${campaign.id} AND o.reviewer_id = r.reviewer_id AND o.created_at > ${lately}
      )
    ), picked AS (
      SELECT * FROM (SELECT *, dense_rank() OVER (ORDER BY reviewer_id) AS turn FROM ranked WHERE place <= ${PACKET_ITEMS}) t
      WHERE turn <= ${REVIEWERS_A_STEP}
    )`;
  return reviewables(tx, ctes, sql`picked`);
}

function grouped(grants: readonly Reviewable[]): Map<string, Reviewable[]> {
  const groups = new Map<string, Reviewable[]>();
  for (const grant of grants) {
    if (grant.reviewerId === null) continue;
    groups.set(grant.reviewerId, [...(groups.get(grant.reviewerId) ?? []), grant]);
  }
  return groups;
}

function sum(groups: ReadonlyMap<string, readonly Reviewable[]>): number {
  return [...groups.values()].reduce((total, grants) => total + grants.length, 0);
}
