export const REPORT_KINDS = [
  'access_listing',
  'privileged_access',
  'dormant_access',
  'campaign_evidence',
  'grant_changes',
  'audit_extract',
] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

export const REPORT_FORMATS = ['csv', 'jsonl', 'pdf'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

export const REPORT_STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired'] as const;
export type ReportStatus = (typeof REPORT_STATUSES)[number];

/** Kinds that tell of one instant, and take filters; and those that tell of a period. */
export const POINT_KINDS = ['access_listing', 'privileged_access', 'dormant_access'] as const;
export const PERIOD_KINDS = ['grant_changes', 'audit_extract'] as const;
export type PointKind = (typeof POINT_KINDS)[number];
export type PeriodKind = (typeof PERIOD_KINDS)[number];

export const REPORT_TITLES: Record<ReportKind, string> = {
  access_listing: 'Access listing',
  privileged_access: 'Privileged access',
  dormant_access: 'Dormant access',
  campaign_evidence: 'Campaign evidence',
  grant_changes: 'Changes of grants',
  audit_extract: 'Extract of the audit log',
};

export const CONTENT_TYPES: Record<ReportFormat, string> = {
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: 'application/jsonl; charset=utf-8',
  pdf: 'application/pdf',
};

export const isPointKind = (kind: ReportKind): kind is PointKind => (POINT_KINDS as readonly string[]).includes(kind);
export const isPeriodKind = (kind: ReportKind): kind is PeriodKind => (PERIOD_KINDS as readonly string[]).includes(kind);
