/** Every type of event that this product writes: the resource, and what happened to it. */
export const EVENT_TYPES = [
  'principal.created',
  'principal.updated',
  'principal.deactivated',
  'principal.erased',
  'membership.added',
  'membership.removed',
  'asset.created',
  'asset.updated',
  'asset.retired',
  'grant.created',
  'grant.updated',
  'grant.revoked',
  'campaign.created',
  'campaign.launched',
  'campaign.items_assigned',
  'campaign.opened',
  'campaign.closing',
  'campaign.held',
  'campaign.confirmed',
  'campaign.completed',
  'campaign.cancelled',
  'campaign.undo_asked',
  'campaign.undone',
  'review.opened',
  'review.reminder',
  'review.decided',
  'review.reassigned',
  'review.signed_off',
  'review.cancelled',
  'remediation.queued',
  'remediation.leased',
  'remediation.applied',
  'remediation.failed',
  'remediation.not_needed',
  'remediation.undone',
  'report.requested',
  'report.cancelled',
  'report.completed',
  'report.failed',
  'report.expired',
  'report.downloaded',
  'report_schedule.created',
  'report_schedule.updated',
  'report_schedule.retired',
  'report_schedule.run',
  'audit.queried',
  'audit.verified',
  'auth.denied',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export type EventFields = Record<string, unknown>;

/**
 * What a change says of itself. `before` and `after` hold the changed fields only; ids, never names, addresses or attributes: an immutable log
 * must not hold what a person may ask to have erased.
 */
export interface EventDraft {
  type: EventType;
  resource: { type: string; id: string };
  before?: EventFields | null;
  after?: EventFields | null;
  reason?: string | null;
  /** `success` where it is left out. */
  outcome?: 'success' | 'denied' | 'failed';
}

/** The fields in which `after` differs from `before`, on either side, by JSON value. */
export function changedFields(before: EventFields, after: EventFields): { before: EventFields; after: EventFields } {
  const changed = Object.keys(after).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const pick = (fields: EventFields): EventFields => Object.fromEntries(changed.map((name) => [name, fields[name]]));
  return { before: pick(before), after: pick(after) };
}
