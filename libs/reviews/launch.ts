import type { Transaction } from '#libs/database/transaction.js';
import sql, { empty, join } from 'sql-template-tag';
import { type Campaign, campaignResource, changeCampaign } from './campaign.js';
import { makeItems, reviewables } from './items.js';
import { noteReasons, openPackets, recordOpened } from './packets.js';
import { firstReminderAt } from './reminders.js';
import { resolution } from './reviewer-resolution.js';
import { REVIEWABLE, selected } from './selector.js';

/** How many grants a step of a launch takes: a fraction of a second, after which others get their turn, and all that a crash can undo. */
const CHUNK = 2_000;

/**
 * Begins a launch: from here on the campaign is active, and steps of `launchStep` make its items. What was recorded after this instant is left
 * out, so that it comes to an end.
 */
export async function beginLaunch(tx: Transaction, campaign: Campaign): Promise<void> {
  const [counted] = await tx.rows<{ count: number }>(
    sql`SELECT count(*)::integer AS count FROM ${REVIEWABLE} WHERE ${join(selected(campaign.selector), ' AND ')}`,
  );
  await changeCampaign(
    tx,
    campaign.id,
    ...[sql`status = 'active'`, sql`work = 'launch'`, sql`launched_at = ${tx.now}`, sql`launched_by = ${JSON.stringify(tx.actor)}::jsonb`],
    sql`expected = ${counted?.count ?? 0}`,
  );
  tx.record({ type: 'campaign.launched', resource: campaignResource(campaign), before: { status: 'draft' }, after: { status: 'active' } });
}

/** Makes the next items of a campaign that is being launched; the last step opens its packets. The campaign is locked by the caller. */
export async function launchStep(tx: Transaction, campaign: Campaign): Promise<void> {
  const launchedAt = campaign.launchedAt ?? tx.now;
  const after = campaign.launchedUpTo === null ? empty : sql`AND g.id > ${campaign.launchedUpTo}::uuid`;
  const chosen = sql`SELECT g.id, g.principal_id, p.manager_id, a.owner_id AS asset_owner_id FROM ${REVIEWABLE}
    WHERE ${join(selected(campaign.selector), ' AND ')} AND g.created_at <= ${launchedAt} ${after} ORDER BY g.id LIMIT ${CHUNK}`;
  const grants = await reviewables(tx, resolution(chosen, campaign.reviewers));
  const last = grants.at(-1);
  if (!last || campaign.dueAt === null) return openCampaign(tx, campaign, launchedAt);
  const assigned = grants.filter(({ reviewerId }) => reviewerId !== null);
  const reviewerIds = assigned.flatMap(({ reviewerId }) => (reviewerId === null ? [] : [reviewerId]));
  const packets = await openPackets(tx, { campaign, shownCampaignId: campaign.id, dueAt: campaign.dueAt, reviewerIds });
  const made = await makeItems(tx, { id: campaign.id, launchedAt }, packets, assigned);
  await changeCampaign(
    tx,
    campaign.id,
    ...[sql`launched_up_to = ${last.id}`, sql`population = population + ${grants.length}`, sql`included = included + ${assigned.length}`],
  );
  tx.record({ type: 'campaign.items_assigned', resource: campaignResource(campaign), after: { items: made, upToGrantId: last.id } });
}

async function openCampaign(tx: Transaction, campaign: Campaign, launchedAt: Date): Promise<void> {
  await noteReasons(tx, sql`p.campaign_id = ${campaign.id}`);
  const remindAt = campaign.dueAt && firstReminderAt(tx.now, campaign.dueAt);
  const packets = await tx.rows<{ id: string; reviewerId: string; items: number; dueAt: Date }>(
    sql`UPDATE review_packets SET next_reminder_at = ${remindAt}, updated_at = ${tx.now}, version = version + 1 WHERE campaign_id = ${campaign.id}
      RETURNING id, reviewer_id AS "reviewerId", pending + approved + revoked + abstained AS items, due_at AS "dueAt"`,
  );
  await changeCampaign(tx, campaign.id, sql`work = NULL`, sql`opened_at = ${tx.now}`);
  for (const packet of packets) recordOpened(tx, { ...packet, campaignId: campaign.id });
  const took = { packets: packets.length, items: campaign.included, launchedAt: launchedAt.toISOString() };
  tx.record({ type: 'campaign.opened', resource: campaignResource(campaign), after: took });
}
