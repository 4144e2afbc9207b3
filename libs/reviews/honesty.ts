/**
 * How a packet `k` was decided, of the decisions that people made, in SQL. The time of a request is that since the one before it, or since the
 * packet was first seen; more than ten minutes for an item is a pause, and not reading. Who decides without having looked took no time at all.
 */
const READING_LIMIT_SECONDS = 600;
/** Nobody reads an item in less. A packet of fewer decisions says nothing of how somebody reads. */
const FASTEST_READING_SECONDS = 3;
const ENOUGH_DECISIONS = 5;

/** `only` narrows the decisions `d` that count. */
export const honesty = (
  only = '',
): string => `(SELECT json_build_object('decisions', h.decisions, 'secondsPerDecision', round((h.seconds / nullif(h.decisions, 0))::numeric, 1),
    'approvedShare', round(h.approved::numeric / nullif(h.decisions, 0), 3), 'bulkShare', round(h.bulk::numeric / nullif(h.decisions, 0), 3),
    'approvedAgainstRevoke', h.against, 'tooFast', h.decisions >= ${ENOUGH_DECISIONS} AND h.seconds / h.decisions < ${FASTEST_READING_SECONDS})
  FROM (
    SELECT coalesce(sum(b.made), 0)::integer AS decisions, coalesce(sum(b.approved), 0)::integer AS approved,
      coalesce(sum(b.made) FILTER (WHERE b.made > 1), 0)::integer AS bulk, coalesce(sum(b.against), 0)::integer AS against,
      coalesce(sum(least(extract(epoch FROM b.decided_at - coalesce(b.before, least(k.first_viewed_at, b.decided_at), b.decided_at)),
        ${READING_LIMIT_SECONDS} * b.made)), 0)::float8 AS seconds
    FROM (
      SELECT d.decided_at, count(*) AS made, count(*) FILTER (WHERE d.decision = 'approve') AS approved, count(*) FILTER (WHERE d.against_recommendation) AS against,
        lag(d.decided_at) OVER (ORDER BY d.decided_at) AS before
      FROM review_decisions d WHERE d.packet_id = k.id AND d.source = 'reviewer' ${only} GROUP BY d.decided_at
    ) b
  ) h)`;
