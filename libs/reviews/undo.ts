import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import { ConflictError } from '#libs/errors/errors.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import sql from 'sql-template-tag';
import { restoreMemberships, type ReviewedMembership } from './ended-memberships.js';
import { type Campaign, campaignResource, changeCampaign, wrongState } from './campaign.js';

/** For how long after its end the revocations of a campaign can be undone, in milliseconds. */
export const UNDO_MS = 30 * 86_400_000;
const CHUNK = 200;

interface Undoable {
  id: string;
  grantId: string;
  source: string;
  status: string;
  /** Why it cannot come back; null where it can. */
  obstacle: string | null;
  memberships: ReviewedMembership[] | null;
}

/**
 * Begins to undo a completed campaign, which the caller holds; steps of `undoStep` do it.
 *
 * @throws ConflictError where it is not completed, has been undone already, or ended more than 30 days ago
 */
export async function beginUndo(tx: Transaction, campaign: Campaign): Promise<void> {
  if (campaign.status !== 'completed' || !campaign.completedAt) throw wrongState('Only what is completed can be undone.');
  if (campaign.kind === 'standing') throw wrongState('What a standing campaign took away is undone packet by packet.');
  if (campaign.undoAskedAt) throw wrongState('This has been undone already.');
  if (tx.now.getTime() > campaign.completedAt.getTime() + UNDO_MS) throw new ConflictError('undo_expired');
  await changeCampaign(
    tx,
    campaign.id,
    sql`work = 'undo'`,
    sql`undo_asked_at = ${tx.now}`,
    sql`undo_asked_by = ${JSON.stringify(tx.actor)}::jsonb`,
  );
  tx.record({ type: 'campaign.undo_asked', resource: campaignResource(campaign) });
}

/** Brings back the next grants, or says of each why not; a revocation that is still queued is withdrawn. */
export async function undoStep(tx: Transaction, campaign: Campaign): Promise<void> {
  const next = await tx.rows<Undoable>(
    sql`SELECT r.id, r.grant_id AS "grantId", r.source, r.status, r.memberships, CASE
          WHEN r.status = 'not_needed' THEN 'not_revoked_by_this'
          WHEN r.leased_until > clock_timestamp() THEN 'being_carried_out'
          WHEN r.status IN ('queued', 'failed') THEN NULL
          WHEN r.source <> 'manual' THEN 'taken_away_by_connector'
          WHEN r.memberships IS NOT NULL THEN NULL
          WHEN p.status = 'deactivated' THEN 'principal_deactivated'
          WHEN a.status = 'retired' THEN 'asset_retired'
          WHEN g.expires_at <= ${tx.now} THEN 'expired_since'
          WHEN EXISTS (SELECT FROM grants o WHERE o.principal_id = g.principal_id AND o.asset_id = g.asset_id AND o.permission = g.permission
            AND ${inForce('o', null)}) THEN 'exists_already' END AS obstacle
      FROM remediations r JOIN grants g ON g.id = r.grant_id JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id
      WHERE r.campaign_id = ${campaign.id} AND r.undo IS NULL ORDER BY r.id LIMIT ${CHUNK} FOR NO KEY UPDATE OF r`,
  );
  if (next.length === 0) {
    await changeCampaign(tx, campaign.id, sql`work = NULL`, sql`undone_at = ${tx.now}`);
    tx.record({ type: 'campaign.undone', resource: campaignResource(campaign) });
    return;
  }
  for (const remediation of next) await undoOne(tx, remediation);
}

async function undoOne(tx: Transaction, { id, grantId, status, obstacle, memberships }: Undoable): Promise<void> {
  if (obstacle === null && status !== 'applied')
    return note(tx, id, { undo: 'withdrawn', status: 'not_needed', reason: 'undone', restoredId: null });
  if (obstacle === null && memberships !== null) {
    const reason = await restoreMemberships(tx, memberships);
    return note(tx, id, { undo: reason === null ? 'restored' : 'skipped', status, reason, restoredId: null });
  }
  const restoredId = obstacle === null ? await restore(tx, grantId) : null;
  if (restoredId !== null) return note(tx, id, { undo: 'restored', status, reason: null, restoredId });
  return note(tx, id, { undo: 'skipped', status, reason: obstacle ?? 'exists_already', restoredId: null });
}

/** A new grant in the place of a revoked one, with its use and since when it was held, so that its score goes on; null where it exists again already. */
async function restore(tx: Transaction, grantId: string): Promise<string | null> {
  const id = uuidv7();
  // A grant that has run out gives way to a new one, as it does everywhere.
  await tx.rows(
    sql`UPDATE grants g SET status = 'expired' FROM grants old WHERE old.id = ${grantId} AND g.principal_id = old.principal_id
        AND g.asset_id = old.asset_id AND g.permission = old.permission AND g.status = 'active' AND g.expires_at <= ${tx.now}`,
  );
  const [restored] = await tx.rows<{ after: Record<string, unknown> }>(
    sql`INSERT INTO grants AS n (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, expires_at, justification,
        restores_grant_id, held_since, created_at, updated_at, version)
      SELECT ${id}, g.principal_id, g.asset_id, g.permission, g.privilege, g.source, 'active', ${tx.now}, ${JSON.stringify(tx.actor)}::jsonb, g.expires_at,
        g.justification, g.id, coalesce(g.held_since, g.granted_at), ${tx.now}, ${tx.now}, 1
      FROM grants g WHERE g.id = ${grantId}
      ON CONFLICT (principal_id, asset_id, permission) WHERE status = 'active' DO NOTHING
      RETURNING jsonb_strip_nulls(jsonb_build_object('principalId', n.principal_id, 'assetId', n.asset_id, 'permission', n.permission, 'privilege', n.privilege,
        'source', n.source, 'status', n.status, 'grantedAt', instant(n.granted_at), 'expiresAt', instant(n.expires_at), 'justification', n.justification,
        'restoresGrantId', n.restores_grant_id)) AS after`,
  );
  if (!restored) return null;
  await tx.rows(
    sql`INSERT INTO grant_usage SELECT whole.* FROM grant_usage u, jsonb_populate_record(u, jsonb_build_object('grant_id', ${id}::uuid)) AS whole
      WHERE u.grant_id = ${grantId}`,
  );
  // As learnt of now: what a report of an earlier knowledge has of the new grant does not change by it.
  await tx.rows(
    sql`INSERT INTO grant_uses (grant_id, used_at, recorded_at) SELECT ${id}, used_at, ${tx.now} FROM grant_uses WHERE grant_id = ${grantId}`,
  );
  tx.record({ type: 'grant.created', resource: { type: 'grant', id }, after: restored.after, reason: 'A review was undone.' });
  return id;
}

interface Undone {
  undo: 'restored' | 'withdrawn' | 'skipped';
  status: string;
  reason: string | null;
  restoredId: string | null;
}

async function note(tx: Transaction, id: string, { undo, status, reason, restoredId }: Undone): Promise<void> {
  await tx.rows(
    sql`UPDATE remediations SET undo = ${undo}, status = ${status}, undo_reason = ${reason}, restored_id = ${restoredId}, updated_at = ${tx.now},
        version = version + 1 WHERE id = ${id}`,
  );
  const after = { undo, ...(restoredId === null ? {} : { restoredGrantId: restoredId }) };
  tx.record({ type: 'remediation.undone', resource: { type: 'remediation', id }, after, reason });
}
