import type { Actor } from '#libs/auth/caller.js';

/** How many things a report is about, how many of them it shows, and why not the others: `population = included + the counts excluded`. */
export interface Reconciliation {
  population: number;
  included: number;
  excluded: { reason: string; count: number }[];
}

/** What an auditor asks of a report before reading it. Instants are RFC 3339 in UTC with milliseconds. */
export interface ReportMetadata {
  reportId: string;
  kind: string;
  title: string;
  format: string;
  /** The instant that it tells of, or the period; the other one is null. */
  asOf: string | null;
  period: { from: string; to: string } | null;
  /** What was recorded later is left out. */
  recordedAt: string;
  timeZone: 'UTC';
  /** Exactly as it was asked for, defaults filled in. */
  parameters: Readonly<Record<string, unknown>>;
  source: { product: string; version: string };
  /** Of the decay model, where the report has scores. */
  modelVersion: string | null;
  requestedBy: Actor;
  requestedAt: string;
  generatedBy: string;
  generatedAt: string;
  /** Rows of all tables, and of each. */
  rows: number;
  tables: { name: string; rows: number }[];
  /** What the counts of the reconciliation count: `grants`, `changes`, `items`, `events`. */
  counted: string;
  reconciliation: Reconciliation;
  /** How many grants each band of the decay model has, in the order of the bands; null where that is not what the report is about. */
  bands: { band: string; count: number }[] | null;
}

export interface ReportColumn {
  /** The name in CSV and JSON Lines. */
  name: string;
  /** The heading on paper. */
  title: string;
  /** How wide it is on paper, beside the others. */
  weight: number;
}

export interface ReportTable {
  name: string;
  title: string;
  columns: readonly ReportColumn[];
  rowCount: number;
  /** The cells as text, null for none, in the order of the columns. Read once. */
  rows: AsyncIterable<readonly (string | null)[]>;
}

/** A report as the formats for paper are given it. The tables are read one after the other, in their order. */
export interface ReportDocument {
  metadata: ReportMetadata;
  tables: readonly ReportTable[];
}
