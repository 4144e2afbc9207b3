import sql from 'sql-template-tag';

/*
 * What campaigns and packets show alike of the row `c` of review_campaigns that closes them, in SQL.
 */

/** The numbers of a campaign, from those of its packets: `n`. */
export const COUNTED = sql`SELECT count(*) AS packets, coalesce(sum(k.pending + k.approved + k.revoked + k.abstained), 0) AS items,
    coalesce(sum(k.pending), 0) AS pending, coalesce(sum(k.approved), 0) AS approved, coalesce(sum(k.revoked), 0) AS revoked,
    coalesce(sum(k.abstained), 0) AS abstained
  FROM review_packets k WHERE k.shown_campaign_id = c.id`;

/** What undoing it did: `u`. */
export const SKIPPED = sql`SELECT count(*) FILTER (WHERE r.undo = 'restored') AS restored, count(*) FILTER (WHERE r.undo = 'withdrawn') AS withdrawn,
    (SELECT coalesce(json_agg(s ORDER BY s.reason), '[]') FROM (
      SELECT o.undo_reason AS reason, count(*) AS count FROM remediations o WHERE o.campaign_id = c.id AND o.undo = 'skipped' GROUP BY o.undo_reason
    ) s) AS skipped
  FROM remediations r WHERE r.campaign_id = c.id AND c.undo_asked_at IS NOT NULL`;

export const BREAKER = `CASE WHEN c.breaker IS NOT NULL THEN json_build_object('open', c.held_at IS NOT NULL AND c.confirmed_at IS NULL, 'limit', c.breaker->'limit',
  'reasons', c.breaker->'reasons', 'wouldRevoke', c.breaker->'wouldRevoke', 'heldAt', instant(c.held_at), 'confirmedAt', instant(c.confirmed_at),
  'confirmedBy', c.confirmed_by) END`;

export const UNDO = `CASE WHEN c.undo_asked_at IS NOT NULL THEN json_build_object('askedAt', instant(c.undo_asked_at), 'askedBy', c.undo_asked_by,
  'undoneAt', instant(c.undone_at), 'restored', u.restored, 'withdrawn', u.withdrawn, 'skipped', u.skipped) END`;
