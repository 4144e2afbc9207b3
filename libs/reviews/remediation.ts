import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import sql from 'sql-template-tag';
import { endMemberships, type ReviewedMembership } from './ended-memberships.js';
import { revokeGrants } from './revocation.js';

export const REMEDIATION_STATUSES = ['queued', 'applied', 'failed', 'not_needed'] as const;
export type RemediationStatus = (typeof REMEDIATION_STATUSES)[number];

/** The source whose grants nobody but us can take away. A grant of any other is its connector's. */
const OWN_SOURCE = 'manual';
const SETTLE_BATCH = 200;
const MADE = { applied: 'remediation.applied', queued: 'remediation.queued', not_needed: 'remediation.not_needed' } as const;

/** An item that has been decided to be revoked. */
export interface ToRevoke {
  itemId: string;
  packetId: string;
  campaignId: string;
  grantId: string;
  source: string;
  reason: string | null;
  /** What ends in the place of the grant; null where that goes. */
  memberships: ReviewedMembership[] | null;
}

/** Makes the remediations of items: a grant of our own is revoked here and now, one of a connector is queued for it, one that has ended needs nothing. */
export async function queueOrRevoke(tx: Transaction, items: readonly ToRevoke[]): Promise<void> {
  const revoked = await revokeGrants(
    tx,
    items
      .filter(({ source, memberships }) => source === OWN_SOURCE && memberships === null)
      .map(({ grantId, reason }) => ({ grantId, reason })),
  );
  const ids = items.map(({ grantId }) => grantId);
  const standing = await tx.rows<{ id: string }>(
    sql`SELECT g.id FROM grants g WHERE g.id = ANY (${ids}::uuid[]) AND ${inForce('g', null)}`,
  );
  const inForceIds = new Set(standing.map(({ id }) => id));
  const ofMemberships = await endOwnMemberships(tx, items);
  const rows = items.map(({ itemId, packetId, campaignId, grantId, source: grantSource, memberships }) => {
    const ended = ofMemberships.get(itemId);
    if (ended) return { id: uuidv7(), item_id: itemId, packet_id: packetId, campaign_id: campaignId, grant_id: grantId, ...ended };
    const source = grantSource;
    const status: 'applied' | 'queued' | 'not_needed' = revoked.has(grantId)
      ? 'applied'
      : inForceIds.has(grantId)
        ? 'queued'
        : 'not_needed';
    return { id: uuidv7(), item_id: itemId, packet_id: packetId, campaign_id: campaignId, grant_id: grantId, source, status, memberships };
  });
  await tx.rows(
    sql`WITH made AS (
        INSERT INTO remediations (id, item_id, campaign_id, packet_id, grant_id, source, status, memberships, settled_at, created_at, updated_at, version)
        SELECT r.id, r.item_id, r.campaign_id, r.packet_id, r.grant_id, r.source, r.status, nullif(r.memberships, 'null'), CASE WHEN r.status <> 'queued' THEN ${tx.now}::timestamptz END,
          ${tx.now}, ${tx.now}, 1
        FROM jsonb_to_recordset(${JSON.stringify(rows)}) AS r (id uuid, item_id uuid, campaign_id uuid, packet_id uuid, grant_id uuid, source text, status text, memberships jsonb)
        RETURNING item_id
      )
      UPDATE review_items i SET settled = true FROM made WHERE i.id = made.item_id`,
  );
  for (const { id, status, grant_id: grantId, item_id: itemId } of rows) {
    tx.record({ type: MADE[status], resource: { type: 'remediation', id }, after: { status, grantId, itemId } });
  }
}

interface EndOfMemberships {
  source: string;
  status: keyof typeof MADE;
  /** Where it is applied, only those that this ended: one that was gone already is none to bring back. */
  memberships: readonly ReviewedMembership[];
}

/** Ends, of the items that name memberships, those of groups of our own; answers what became of each such item, and whose work the rest is. */
async function endOwnMemberships(tx: Transaction, items: readonly ToRevoke[]): Promise<Map<string, EndOfMemberships>> {
  const found = new Map<string, EndOfMemberships>();
  for (const { itemId, memberships } of items) {
    if (memberships === null) continue;
    const groups = memberships.map(({ groupId }) => groupId);
    const [foreign] = await tx.rows<{ source: string }>(
      sql`SELECT source FROM principals WHERE id = ANY (${groups}::uuid[]) AND source <> ${OWN_SOURCE} ORDER BY source LIMIT 1`,
    );
    if (foreign) {
      found.set(itemId, { source: foreign.source, status: 'queued', memberships });
      continue;
    }
    const gone = await endMemberships(tx, memberships);
    const ended = memberships.filter((asked) =>
      gone.some(({ groupId, memberId }) => groupId === asked.groupId && memberId === asked.memberId),
    );
    found.set(
      itemId,
      ended.length > 0
        ? { source: OWN_SOURCE, status: 'applied', memberships: ended }
        : { source: OWN_SOURCE, status: 'not_needed', memberships },
    );
  }
  return found;
}

export interface Remediation {
  id: string;
  grantId: string;
  source: string;
  status: RemediationStatus;
  reason: string | null;
  memberships: ReviewedMembership[] | null;
  startedAt: Date | null;
  /** Whose lease runs at this instant; null where none does. */
  leasedBy: string | null;
  version: number;
}

const COLUMNS = sql`r.id, r.grant_id AS "grantId", r.source, r.status, r.reason, r.memberships, r.started_at AS "startedAt",
  CASE WHEN r.leased_until > clock_timestamp() THEN r.leased_by END AS "leasedBy", r.version`;

/** A remediation by its id, locked; null where there is none. */
export async function lockRemediation(tx: Transaction, id: string): Promise<Remediation | null> {
  const [found] = await tx.rows<Remediation>(sql`SELECT ${COLUMNS} FROM remediations r WHERE r.id = ${id} FOR NO KEY UPDATE`);
  return found ?? null;
}

/** Gives a remediation to the actor for a while: until then nobody else takes it or reports on it. Its own lease is made longer. */
export async function leaseRemediation(tx: Transaction, { id, startedAt }: Remediation, seconds: number): Promise<void> {
  const leasedUntil = new Date(tx.now.getTime() + seconds * 1000);
  await tx.rows(
    sql`UPDATE remediations SET started_at = ${startedAt ?? tx.now}, leased_by = ${tx.actor.id}, leased_until = ${leasedUntil},
        updated_at = ${tx.now}, version = version + 1
      WHERE id = ${id}`,
  );
  tx.record({ type: 'remediation.leased', resource: { type: 'remediation', id }, after: { leasedUntil } });
}

/** Moves a remediation to another status. What has been applied has taken the grant away, in the same transaction. */
export async function moveRemediation(
  tx: Transaction,
  remediation: Remediation,
  status: RemediationStatus,
  reason: string | null,
): Promise<void> {
  const { memberships, grantId } = remediation;
  if (status === 'applied' && memberships) await endMemberships(tx, memberships);
  else if (status === 'applied') await revokeGrants(tx, [{ grantId, reason: reason ?? 'Revoked by a review.' }]);
  const settledAt = status === 'queued' ? null : tx.now;
  await tx.rows(
    sql`UPDATE remediations SET status = ${status}, reason = ${reason}, settled_at = ${settledAt}, leased_by = NULL, leased_until = NULL, updated_at = ${tx.now}, version = version + 1
      WHERE id = ${remediation.id}`,
  );
  tx.record({
    type: `remediation.${status}`,
    resource: { type: 'remediation', id: remediation.id },
    before: { status: remediation.status },
    after: { status },
    // A connector's reason for a failure names roles, which may be people; no event holds a name.
    reason: status === 'failed' ? null : reason,
  });
}

/**
 * Settles what a connector has taken away without saying that it was for a review: its grant is gone. One that failed is left to its connector,
 * which ends the grant as well where the access goes on by another path. Answers whether there may be more.
 */
export async function settleEnded(tx: Transaction): Promise<boolean> {
  const ended = await tx.rows<Remediation>(
    sql`SELECT ${COLUMNS} FROM remediations r JOIN grants g ON g.id = r.grant_id
      WHERE r.status = 'queued' AND (r.leased_until IS NULL OR r.leased_until <= clock_timestamp()) AND CASE WHEN r.memberships IS NULL THEN NOT ${inForce('g', null)} ELSE NOT EXISTS (
          SELECT FROM jsonb_to_recordset(r.memberships) AS w ("groupId" uuid, "memberId" uuid)
          JOIN memberships m ON m.group_id = w."groupId" AND m.member_id = w."memberId" AND m.removed_at IS NULL
        ) END
      ORDER BY r.id LIMIT ${SETTLE_BATCH} FOR NO KEY UPDATE OF r SKIP LOCKED`,
  );
  for (const remediation of ended) await moveRemediation(tx, remediation, 'applied', 'The access is gone at its source.');
  if (ended.length === 0) tx.leaveUnchanged();
  return ended.length === SETTLE_BATCH;
}
