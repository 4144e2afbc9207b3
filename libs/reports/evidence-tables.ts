import { honesty } from '#libs/reviews/honesty.js';
import sql, { raw, type Sql } from 'sql-template-tag';
import { rowsAsOf } from './as-of.js';
import type { SqlColumn, SqlTable } from './sql-table.js';

export interface Evidence {
  campaignId: string;
  /** What happened later is left out. */
  recordedAt: Date;
}

type Uncounted = Omit<SqlTable, 'rowCount'>;

const column =
  (type: SqlColumn['type']) =>
  (name: string, title: string, expression: string, weight = 0): SqlColumn => ({ name, title, type, expression, weight });
const [text, word, number, flag, instant] = [column('text'), column('word'), column('number'), column('boolean'), column('instant')];

const actor = (name: string, title: string, expression: string): SqlColumn[] => [
  text(name, title, `${expression}->>'id'`, 3),
  word(`${name}PrincipalId`, `${title}, principal`, `${expression}->>'principalId'`),
];

/** Where the event that tells of a row stands in the audit log. */
const PLACE: readonly SqlColumn[] = [number('auditSequence', 'Event no.', 'e.sequence', 2), word('auditHash', 'Event hash', 'e.hash', 5)];

/** The last event about a resource that had these actions, by an instant; `e`. None where events of that time have been pruned. */
function lastEvent(resource: string, actions: readonly string[], more: Sql): Sql {
  return sql`LEFT JOIN LATERAL (
      SELECT o.sequence, o.hash, o.payload FROM events o WHERE o.payload->'resource'->>'id' = ${raw(`${resource}::text`)}
        AND o.payload->>'action' IN ('grant.updated', 'review.decided', 'review.signed_off', 'remediation.queued', 'remediation.applied',
          'remediation.failed', 'remediation.not_needed', 'remediation.undone')
        AND o.payload->>'action' = ANY (${actions}) ${more} ORDER BY o.position DESC LIMIT 1
    ) e ON true`;
}

/** The tables of a campaign's evidence, in the order in which they are read. */
export function evidenceTables(evidence: Evidence): Uncounted[] {
  return [campaign(evidence), packets(evidence), items(evidence), decisions(evidence), reassignments(evidence), remediations(evidence)];
}

function campaign({ campaignId, recordedAt }: Evidence): Uncounted {
  const columns = [
    ...[word('campaignId', 'Campaign', 'c.id', 3), text('name', 'Name', 'c.name', 4), word('kind', 'Kind', 'c.kind', 1)],
    word(
      'status',
      'Status',
      `CASE WHEN c.cancelled_at <= c.by THEN 'cancelled' WHEN c.completed_at <= c.by THEN 'completed' WHEN c.closing_at <= c.by THEN 'closing'
        WHEN c.launched_at <= c.by THEN 'active' ELSE 'draft' END`,
      2,
    ),
    text('selector', 'Selector', 'c.selector::text', 5),
    text('reviewers', 'Reviewers', 'c.reviewers::text', 4),
    word('defaultDecision', 'Default', 'c.default_decision', 2),
    instant('dueAt', 'Due', 'c.due_at', 3),
    ...actor('createdBy', 'Created by', 'c.created_by'),
    instant('createdAt', 'Created', 'c.created_at'),
    instant('launchedAt', 'Launched', 'CASE WHEN c.launched_at <= c.by THEN c.launched_at END', 3),
    instant('closingAt', 'Closing', 'CASE WHEN c.closing_at <= c.by THEN c.closing_at END'),
    instant('completedAt', 'Completed', 'CASE WHEN c.completed_at <= c.by THEN c.completed_at END', 3),
    text('confirmedBy', 'Confirmed by', `CASE WHEN c.confirmed_at <= c.by THEN c.confirmed_by->>'id' END`),
    instant('confirmedAt', 'Confirmed', 'CASE WHEN c.confirmed_at <= c.by THEN c.confirmed_at END'),
  ];
  const from = sql`(SELECT o.*, ${recordedAt}::timestamptz AS by FROM review_campaigns o WHERE o.id = ${campaignId}) c`;
  return { name: 'campaign', title: 'Campaign', columns, from, order: sql`c.id` };
}

const packetsBy = ({ campaignId, recordedAt }: Evidence): Sql =>
  sql`(SELECT o.*, ${recordedAt}::timestamptz AS by FROM review_packets o WHERE o.shown_campaign_id = ${campaignId} AND o.created_at <= ${recordedAt})`;

function packets(evidence: Evidence): Uncounted {
  const { recordedAt } = evidence;
  const decided = (decision: string): string => `coalesce((n.counts->>'${decision}')::integer, 0)`;
  const columns = [
    ...[
      word('packetId', 'Packet', 'k.id', 3),
      word('reviewerId', 'Reviewer', 'k.reviewer_id'),
      text('reviewerName', 'Reviewer', 'w.display_name', 4),
    ],
    word(
      'status',
      'Status',
      `CASE WHEN k.signed_off_at <= k.by THEN 'signed_off' WHEN k.status = 'cancelled' AND k.updated_at <= k.by THEN 'cancelled' ELSE 'open' END`,
      2,
    ),
    instant('dueAt', 'Due', 'k.due_at'),
    instant('firstViewedAt', 'First viewed', 'CASE WHEN k.first_viewed_at <= k.by THEN k.first_viewed_at END', 3),
    instant('signedOffAt', 'Signed off', 'CASE WHEN k.signed_off_at <= k.by THEN k.signed_off_at END', 3),
    ...actor('signedOffBy', 'Signed off by', 'CASE WHEN k.signed_off_at <= k.by THEN k.signed_off_by END'),
    ...[
      number('items', 'Items', 'coalesce(n.items, 0)', 1),
      number('approved', 'Kept', decided('approve'), 1),
      number('revoked', 'Revoked', decided('revoke'), 1),
    ],
    ...[number('abstained', 'Abstained', decided('abstain'), 1), number('byDefault', 'By default', 'coalesce(n.defaults, 0)', 1)],
    number('honestDecisions', 'Decisions by people', `(h.figures->>'decisions')::integer`),
    number('secondsPerDecision', 'Seconds a decision', `(h.figures->>'secondsPerDecision')::numeric`, 2),
    number('approvedShare', 'Share kept', `(h.figures->>'approvedShare')::numeric`, 1),
    number('bulkShare', 'Share in bulk', `(h.figures->>'bulkShare')::numeric`, 1),
    number('approvedAgainstRevoke', 'Kept against advice', `(h.figures->>'approvedAgainstRevoke')::integer`),
    flag('tooFast', 'Too fast to be read', `(h.figures->>'tooFast')::boolean`, 1),
    ...PLACE,
  ];
  const from = sql`${packetsBy(evidence)} k JOIN ${rowsAsOf('principals', { asOf: recordedAt, recordedAt })} w ON w.id = k.reviewer_id
    CROSS JOIN LATERAL (SELECT ${raw(honesty('AND d.decided_at <= k.by'))} AS figures) h
    LEFT JOIN (
      SELECT i.seat, sum(i.items) AS items, sum(i.defaults) AS defaults, jsonb_object_agg(coalesce(i.decision, 'pending'), i.items) AS counts FROM (
        SELECT o.seat, o.decision, count(*) AS items, count(*) FILTER (WHERE o.decision_source = 'default') AS defaults
        FROM ${itemsBy(evidence)} o GROUP BY o.seat, o.decision
      ) i GROUP BY i.seat
    ) n ON n.seat = k.id
    ${lastEvent('k.id', ['review.signed_off'], sql`AND o.time <= ${recordedAt}`)}`;
  return { name: 'packet', title: 'Packets and their sign-off', columns, from, order: sql`k.id` };
}

/** Items with the packet that each was in by the instant, and the decision that held. */
function itemsBy(evidence: Evidence): Sql {
  const { recordedAt } = evidence;
  return sql`(SELECT i.id, i.grant_id, i.principal_id, i.asset_id, i.reason, i.snapshot, i.band, i.sensitivity, i.recommendation, i.created_at,
      coalesce(
        (SELECT m.to_packet_id FROM review_reassignments m WHERE m.item_id = i.id AND m.reassigned_at <= ${recordedAt} ORDER BY m.id DESC LIMIT 1),
        (SELECT m.from_packet_id FROM review_reassignments m WHERE m.item_id = i.id ORDER BY m.id LIMIT 1), i.packet_id) AS seat,
      d.id AS decision_id, d.decision, d.source AS decision_source
    FROM review_items i LEFT JOIN LATERAL (
      SELECT * FROM review_decisions o WHERE o.item_id = i.id AND o.decided_at <= ${recordedAt} ORDER BY o.id DESC LIMIT 1
    ) d ON true
    WHERE i.campaign_id IN (SELECT k.campaign_id FROM ${packetsBy(evidence)} k) AND i.created_at <= ${recordedAt})`;
}

function items(evidence: Evidence): Uncounted {
  const columns = [
    ...[word('itemId', 'Item', 'i.id', 3), word('packetId', 'Packet', 'i.seat'), word('grantId', 'Grant', 'i.grant_id')],
    ...[word('principalId', 'Principal', 'i.principal_id'), word('principalType', 'Held by', `i.snapshot->'principal'->>'type'`, 2)],
    ...[text('principalName', 'Name', `i.snapshot->'principal'->>'displayName'`, 4), word('assetId', 'Asset', 'i.asset_id')],
    text('department', 'Department', `i.snapshot->'principal'->>'department'`),
    ...[text('assetName', 'Asset', `i.snapshot->'asset'->>'name'`, 4), word('sensitivity', 'Sensitivity', 'i.sensitivity', 2)],
    ...[
      text('permission', 'Permission', `i.snapshot->'grant'->>'permission'`, 2),
      word('privilege', 'Privilege', `i.snapshot->'grant'->>'privilege'`, 2),
    ],
    word('lastUsedAt', 'Last used', `i.snapshot->'grant'->>'lastUsedAt'`, 3),
    number('score', 'Score', `(i.snapshot->'score'->>'score')::numeric`, 1),
    word('band', 'Band', 'i.band', 2),
    word('recommendation', 'Advice', 'i.recommendation', 2),
    word('assignedAs', 'Assigned as', 'i.reason'),
    word('status', 'Status', `CASE WHEN i.decision IS NULL THEN 'pending' ELSE 'decided' END`),
    word('decision', 'Decision', 'i.decision', 2),
    word('decisionSource', 'Decided by', 'i.decision_source', 2),
    word('decisionId', 'Decision', 'i.decision_id'),
    instant('createdAt', 'Made', 'i.created_at'),
  ];
  return { name: 'item', title: 'Items', columns, from: sql`${itemsBy(evidence)} i`, order: sql`i.id` };
}

function decisions(evidence: Evidence): Uncounted {
  const { recordedAt } = evidence;
  const columns = [
    ...[word('decisionId', 'Decision', 'd.id'), word('itemId', 'Item', 'd.item_id', 3), word('packetId', 'Packet', 'd.packet_id')],
    ...[
      instant('decidedAt', 'When', 'd.decided_at', 3),
      word('decision', 'Decision', 'd.decision', 2),
      word('source', 'Source', 'd.source', 2),
    ],
    ...actor('decidedBy', 'By', 'd.decided_by'),
    text('justification', 'Justification', 'd.justification', 4),
    number('decidedTogether', 'Together with', 'd.together', 1),
    flag('againstRecommendation', 'Against advice', 'd.against_recommendation', 1),
    flag(
      'inForce',
      'In force',
      `NOT EXISTS (SELECT FROM review_decisions l WHERE l.item_id = d.item_id AND l.id > d.id AND l.decided_at <= d.by)`,
      1,
    ),
    ...PLACE,
  ];
  const same = sql`AND o.time = d.decided_at AND o.payload->'after'->>'decision' = d.decision`;
  const from = sql`(SELECT o.*, ${recordedAt}::timestamptz AS by FROM review_decisions o
      WHERE o.campaign_id IN (SELECT k.campaign_id FROM ${packetsBy(evidence)} k) AND o.decided_at <= ${recordedAt}) d
    ${lastEvent('d.item_id', ['review.decided'], same)}`;
  return { name: 'decision', title: 'Decisions, all that were made', columns, from, order: sql`d.id` };
}

function reassignments(evidence: Evidence): Uncounted {
  const columns = [
    ...[word('itemId', 'Item', 'm.item_id', 3), word('fromPacketId', 'From packet', 'm.from_packet_id', 3)],
    ...[word('toPacketId', 'To packet', 'm.to_packet_id', 3), text('reason', 'Reason', 'm.reason', 4)],
    ...actor('reassignedBy', 'By', 'm.reassigned_by'),
    instant('reassignedAt', 'When', 'm.reassigned_at', 3),
  ];
  const from = sql`review_reassignments m JOIN ${packetsBy(evidence)} k ON k.id = m.to_packet_id AND m.reassigned_at <= k.by`;
  return { name: 'reassignment', title: 'Reassignments', columns, from, order: sql`m.id` };
}

const REMEDIATION_EVENTS = ['remediation.queued', 'remediation.applied', 'remediation.failed', 'remediation.not_needed'];

function remediations(evidence: Evidence): Uncounted {
  const { recordedAt } = evidence;
  const columns = [
    ...[word('remediationId', 'Remediation', 'r.id'), word('itemId', 'Item', 'r.item_id', 3), word('grantId', 'Grant', 'r.grant_id', 3)],
    text('grantSource', 'Source', 'r.source', 2),
    word('status', 'Status', `coalesce(e.payload->'after'->>'status', r.status)`, 2),
    text('reason', 'Reason', `coalesce(e.payload->>'reason', r.reason)`, 4),
    word('settledAt', 'Settled', `CASE WHEN e.payload->'after'->>'status' <> 'queued' THEN e.payload->>'time' END`, 3),
    instant('grantRevokedAt', 'Grant revoked', 'CASE WHEN g.revoked_at <= r.by THEN g.revoked_at END', 3),
    word('undo', 'Undone', 'CASE WHEN u.undone THEN r.undo END', 2),
    word('restoredGrantId', 'Restored as', 'CASE WHEN u.undone THEN r.restored_id END'),
    ...PLACE,
  ];
  const from = sql`(SELECT o.*, ${recordedAt}::timestamptz AS by FROM remediations o
      WHERE o.campaign_id IN (SELECT k.campaign_id FROM ${packetsBy(evidence)} k) AND o.created_at <= ${recordedAt}) r
    JOIN grants g ON g.id = r.grant_id
    CROSS JOIN LATERAL (SELECT r.undo IS NOT NULL AND r.updated_at <= r.by AS undone) u
    ${lastEvent('r.id', REMEDIATION_EVENTS, sql`AND o.time <= ${recordedAt}`)}`;
  return { name: 'remediation', title: 'Remediation and its proof', columns, from, order: sql`r.id` };
}
