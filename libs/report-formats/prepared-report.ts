import type { Reconciliation, ReportColumn } from './report-document.js';

/**
 * One table of a report, counted but not read yet. Its rows can be had in whichever form a format needs, made where that is cheapest; each form
 * is read once. All come in batches.
 */
export interface PreparedTable {
  name: string;
  title: string;
  columns: readonly ReportColumn[];
  /** The names of the columns that paper has room for. */
  onPaper: readonly string[];
  rowCount: number;
  /** It goes with the rows and is not counted as some of them; CSV, which is one table, leaves it out. */
  supplement: boolean;
  /** Lines of CSV without their ends, with the columns named, empty where the table has none of that name. */
  csvLines(columns: readonly string[]): AsyncIterable<readonly string[]>;
  /** JSON objects without white space between. */
  jsonLines(): AsyncIterable<readonly string[]>;
  /** The cells of some columns, as text, null for none. */
  cells(columns: readonly string[]): AsyncIterable<readonly (readonly (string | null)[])[]>;
}

/** A report as its source gives it: all that is counted before the first row is written. */
export interface PreparedReport {
  tables: readonly PreparedTable[];
  /** What the reconciliation counts. */
  counted: string;
  reconciliation: Reconciliation;
  bands: { band: string; count: number }[] | null;
  modelVersion: string | null;
}
