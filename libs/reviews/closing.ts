import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import type { Recommendation } from '#libs/decay-model/decay-model.js';
import { AppError } from '#libs/errors/errors.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import sql from 'sql-template-tag';
import { assetsThinned, breakerOfDecided, endedBy, type Going, orphanedAssets } from './breaker.js';
import {
  type Breaker,
  type Campaign,
  campaignResource,
  changeCampaign,
  type Decision,
  type DefaultDecision,
  wrongState,
} from './campaign.js';
import { recordDecisions } from './decisions.js';
import { queueOrRevoke, type ToRevoke } from './remediation.js';
import { REVIEWS_ACTOR } from './system-caller.js';

/** How many items a step of a closing takes. */
const CHUNK = 500;

/** Begins to close a campaign that is locked by the caller: nobody decides any more, and steps of `closingStep` do the rest. */
export async function beginClosing(tx: Transaction, campaign: Campaign, because: 'due' | 'asked' | 'signed_off'): Promise<void> {
  await changeCampaign(tx, campaign.id, sql`status = 'closing'`, sql`work = 'defaults'`, sql`closing_at = ${tx.now}`);
  tx.record({
    type: 'campaign.closing',
    resource: campaignResource(campaign),
    before: { status: 'active' },
    after: { status: 'closing', because },
  });
}

/** The next step of a closing; the campaign, which has work to do, is locked by the caller. */
export async function closingStep(tx: Transaction, campaign: Campaign): Promise<void> {
  switch (campaign.work) {
    case 'defaults':
      return decideByDefault(tx, campaign);
    case 'check':
      return checkBreaker(tx, campaign);
    case 'apply':
      return applyRevocations(tx, campaign);
    default:
      throw new Error(`A campaign with the work ${String(campaign.work)} is not closing.`);
  }
}

/** What a default makes of an item. Where it follows the recommendation, one that says to look is none. */
export function defaultDecision(rule: DefaultDecision, recommendation: Recommendation | null): Decision {
  if (rule === 'approve' || rule === 'revoke') return rule;
  if (rule === 'none') return 'abstain';
  if (recommendation === 'revoke') return 'revoke';
  return recommendation === 'keep' ? 'approve' : 'abstain';
}

const DEFAULT_REASON = 'Nobody decided before the due date.';

async function decideByDefault(tx: Transaction, campaign: Campaign): Promise<void> {
  const pending = await tx.rows<{ itemId: string; packetId: string; recommendation: Recommendation | null }>(
    sql`SELECT i.id AS "itemId", i.packet_id AS "packetId", coalesce(s.recommendation, i.recommendation) AS recommendation
      FROM review_items i LEFT JOIN scores s ON s.grant_id = i.grant_id
      WHERE i.campaign_id = ${campaign.id} AND i.status = 'pending' ORDER BY i.id LIMIT ${CHUNK}`,
  );
  if (pending.length === 0) {
    await signOffRest(tx, campaign);
    return changeCampaign(tx, campaign.id, sql`work = 'check'`);
  }
  await recordDecisions(
    tx,
    pending.map(({ itemId, packetId, recommendation }) => ({
      ...({ itemId, packetId, campaignId: campaign.id, source: 'default', by: REVIEWS_ACTOR, before: null, against: false } as const),
      decision: defaultDecision(campaign.defaultDecision, recommendation),
      justification: DEFAULT_REASON,
    })),
  );
}

async function signOffRest(tx: Transaction, campaign: Campaign): Promise<void> {
  const packets = await tx.rows<{ id: string }>(
    sql`UPDATE review_packets SET status = 'signed_off', signed_off_at = ${tx.now}, signed_off_by = ${JSON.stringify(REVIEWS_ACTOR)}::jsonb,
        next_reminder_at = NULL, updated_at = ${tx.now}, version = version + 1
      WHERE campaign_id = ${campaign.id} AND status = 'open' RETURNING id`,
  );
  for (const { id } of packets) {
    tx.record({ type: 'review.signed_off', resource: { type: 'review', id }, before: { status: 'open' }, after: { status: 'signed_off' } });
  }
  if (packets.length === 0) tx.leaveUnchanged();
}

async function checkBreaker(tx: Transaction, campaign: Campaign): Promise<void> {
  const breaker = await breakerOfDecided(tx, campaign.id);
  if (breaker.reasons.length > 0) return hold(tx, campaign, breaker);
  await changeCampaign(tx, campaign.id, sql`work = 'apply'`, sql`breaker = ${JSON.stringify(breaker)}::jsonb`);
  tx.leaveUnchanged();
}

async function hold(tx: Transaction, campaign: Campaign, breaker: Breaker): Promise<void> {
  await changeCampaign(
    tx,
    campaign.id,
    sql`work = NULL`,
    sql`held_at = ${tx.now}`,
    sql`confirmed_at = NULL`,
    sql`breaker = ${JSON.stringify(breaker)}::jsonb`,
  );
  const { limit, wouldRevoke, reasons } = breaker;
  tx.record({
    type: 'campaign.held',
    resource: campaignResource(campaign),
    after: { limit, wouldRevoke, reasons: [...new Set(reasons.map(({ code }) => code))] },
  });
}

/**
 * Lets a held closing go on; what it was held for is not asked again.
 *
 * @throws ConflictError where nothing is held; AppError `second_admin_required` for who created what is closing
 */
export async function confirmClosing(tx: Transaction, campaign: Campaign): Promise<void> {
  if (campaign.status !== 'closing' || !campaign.heldAt || campaign.confirmedAt) throw wrongState('Nothing is held here.');
  if (campaign.createdBy.id === tx.actor.id) throw new AppError('second_admin_required');
  const assets = campaign.breaker?.reasons.flatMap(({ assetId }) => (assetId === null ? [] : [assetId])) ?? [];
  await changeCampaign(
    tx,
    campaign.id,
    ...[sql`work = 'apply'`, sql`confirmed_at = ${tx.now}`, sql`confirmed_by = ${JSON.stringify(tx.actor)}::jsonb`],
    sql`confirmed_assets = confirmed_assets || ${arrayLiteral(assets)}::uuid[]`,
  );
  tx.record({
    type: 'campaign.confirmed',
    resource: campaignResource(campaign),
    after: { wouldRevoke: campaign.breaker?.wouldRevoke ?? 0 },
  });
}

/** Applies the next revocations, asset by asset. With the assets locked, what was true of their admins at the check is asked once more. */
async function applyRevocations(tx: Transaction, campaign: Campaign): Promise<void> {
  const next = await tx.rows<ToRevoke & { assetId: string; privilege: string }>(
    sql`SELECT i.id AS "itemId", i.packet_id AS "packetId", i.campaign_id AS "campaignId", i.grant_id AS "grantId", i.asset_id AS "assetId",
        i.justification AS reason, g.source, g.privilege, ${inForce('g', null)} AS "inForce", i.memberships
      FROM review_items i JOIN grants g ON g.id = i.grant_id
      WHERE i.campaign_id = ${campaign.id} AND i.decision = 'revoke' AND NOT i.settled ORDER BY i.asset_id, i.id LIMIT ${CHUNK}`,
  );
  if (next.length === 0) return complete(tx, campaign);
  const administered = [...new Set(next.filter(({ privilege }) => privilege === 'admin').map(({ assetId }) => assetId))];
  const ended = JSON.stringify(next.flatMap(({ memberships }) => memberships ?? []));
  const going: Going = {
    grants: sql`SELECT unnest(${arrayLiteral(next.filter(({ memberships }) => memberships === null).map(({ grantId }) => grantId))}::uuid[])`,
    memberships: endedBy(sql`FROM (SELECT ${ended}::jsonb AS memberships) i`),
  };
  await tx.rows(
    sql`SELECT id FROM assets WHERE id = ANY (${arrayLiteral(administered)}::uuid[]) OR id IN (${assetsThinned(going.memberships)})
      ORDER BY id FOR NO KEY UPDATE`,
  );
  const orphaned = await orphanedAssets((query) => tx.rows(query), going);
  const unconfirmed = orphaned.filter((assetId) => !campaign.confirmedAssets.includes(assetId));
  if (unconfirmed.length > 0) {
    const breaker = await breakerOfDecided(tx, campaign.id);
    return hold(tx, campaign, { ...breaker, reasons: unconfirmed.map((assetId) => ({ code: 'last_admin', assetId })) });
  }
  await queueOrRevoke(tx, next);
}

async function complete(tx: Transaction, campaign: Campaign): Promise<void> {
  await changeCampaign(tx, campaign.id, sql`work = NULL`, sql`status = 'completed'`, sql`completed_at = ${tx.now}`);
  tx.record({
    type: 'campaign.completed',
    resource: campaignResource(campaign),
    before: { status: 'closing' },
    after: { status: 'completed' },
  });
}
