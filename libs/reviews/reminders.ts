import type { Transaction } from '#libs/database/transaction.js';
import sql from 'sql-template-tag';

const HOUR_MS = 3_600_000;
const BATCH = 100;

type Moment = 'half_way' | '72_hours' | '24_hours';

/** When a packet's reviewer is reminded after its launch, in order. What would fall before the launch is left out. */
function moments(openedAt: Date, dueAt: Date): { moment: Moment; at: Date }[] {
  const [from, to] = [openedAt.getTime(), dueAt.getTime()];
  const all: { moment: Moment; at: Date }[] = [
    { moment: 'half_way', at: new Date(from + (to - from) / 2) },
    { moment: '72_hours', at: new Date(to - 72 * HOUR_MS) },
    { moment: '24_hours', at: new Date(to - 24 * HOUR_MS) },
  ];
  return all.filter(({ at }) => at > openedAt).sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** When the first reminder after the one of the launch is due; null where there is none before the due date. */
export function firstReminderAt(openedAt: Date, dueAt: Date): Date | null {
  return moments(openedAt, dueAt)[0]?.at ?? null;
}

interface DuePacket {
  id: string;
  reviewerId: string;
  pending: number;
  openedAt: Date;
  dueAt: Date;
}

/**
 * Reminds reviewers whose time has come, as events; whoever sends mail or chat listens to them. Only those with something pending, and of several
 * moments that passed unseen only of the last. Answers whether there may be more.
 */
export async function remind(tx: Transaction): Promise<boolean> {
  const due = await tx.rows<DuePacket>(
    sql`SELECT p.id, p.reviewer_id AS "reviewerId", p.pending, coalesce(c.opened_at, p.created_at) AS "openedAt", p.due_at AS "dueAt"
      FROM review_packets p JOIN review_campaigns c ON c.id = p.campaign_id
      WHERE p.status = 'open' AND p.next_reminder_at <= ${tx.now} ORDER BY p.next_reminder_at LIMIT ${BATCH} FOR NO KEY UPDATE OF p SKIP LOCKED`,
  );
  const next = due.map(({ id, openedAt, dueAt }) => ({
    id,
    at: moments(openedAt, dueAt).find(({ at }) => at > tx.now)?.at ?? null,
  }));
  await tx.rows(
    sql`UPDATE review_packets p SET next_reminder_at = n.at FROM jsonb_to_recordset(${JSON.stringify(next)}) AS n (id uuid, at timestamptz) WHERE p.id = n.id`,
  );
  for (const { id, reviewerId, pending, openedAt, dueAt } of due) {
    const passed = moments(openedAt, dueAt).findLast(({ at }) => at <= tx.now);
    if (pending === 0 || !passed) continue;
    const after = { reviewerId, pending, moment: passed.moment, dueAt: dueAt.toISOString() };
    tx.record({ type: 'review.reminder', resource: { type: 'review', id }, after });
  }
  if (tx.events.length === 0) tx.leaveUnchanged();
  return due.length === BATCH;
}
