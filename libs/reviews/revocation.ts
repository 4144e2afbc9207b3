import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import sql from 'sql-template-tag';

/** A grant to take away, and why. */
export interface Revocation {
  grantId: string;
  reason: string | null;
}

/**
 * The one way in which reviews take access away: revokes those of the grants that are still in force, each with its event. Answers which those
 * were; the others had ended already, and stay as they are.
 */
export async function revokeGrants(tx: Transaction, revocations: readonly Revocation[]): Promise<Set<string>> {
  if (revocations.length === 0) return new Set();
  const ids = arrayLiteral(revocations.map(({ grantId }) => grantId));
  // By id: two closings never wait for each other crosswise.
  await tx.rows(sql`SELECT id FROM grants WHERE id = ANY (${ids}::uuid[]) ORDER BY id FOR NO KEY UPDATE`);
  const rows = JSON.stringify(revocations.map(({ grantId, reason }) => ({ id: grantId, reason })));
  const revoked = await tx.rows<{ id: string }>(
    sql`UPDATE grants g SET status = 'revoked', revoked_at = ${tx.now}, revoked_by = ${JSON.stringify(tx.actor)}::jsonb, revoke_reason = r.reason,
        updated_at = ${tx.now}, version = g.version + 1
      FROM jsonb_to_recordset(${rows}) AS r (id uuid, reason text)
      WHERE g.id = r.id AND ${inForce('g', null)} RETURNING g.id`,
  );
  const ended = new Set(revoked.map(({ id }) => id));
  for (const { grantId, reason } of revocations) {
    if (!ended.has(grantId)) continue;
    tx.record({
      type: 'grant.revoked',
      resource: { type: 'grant', id: grantId },
      before: { status: 'active' },
      after: { status: 'revoked' },
      reason,
    });
  }
  return ended;
}
