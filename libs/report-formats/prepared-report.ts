import type { Reconciliation, ReportColumn } from './report-document.js';

/** Lines as a file has them, with their ends, one after the other. What comes at once may begin and end within a line. */
export interface Lines {
  bytes: Uint8Array;
  /** How many begin in it. */
  count: number;
}

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
  /** Lines of CSV with the columns named, empty where the table has none of that name. */
  csvLines(columns: readonly string[]): AsyncIterable<Lines>;
  /** JSON objects, each on its line. */
  jsonLines(): AsyncIterable<Lines>;
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
