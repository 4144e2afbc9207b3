import type { PreparedReport } from './prepared-report.js';

export const CSV_LINE_END = '\r\n';

/**
 * A report as CSV (RFC 4180, UTF-8): a header and the rows, nothing else. Where it has several tables, the column `record` says of which one a
 * row is, and the others are those of all tables together. `wrote` is told of rows as they are passed on.
 */
export async function* writeCsv(report: PreparedReport, wrote: (rows: number) => void): AsyncGenerator<Uint8Array> {
  const tables = report.tables.filter(({ supplement }) => !supplement);
  const names = new Set(tables.flatMap(({ columns }) => columns.map(({ name }) => name)));
  const columns = tables.length > 1 ? ['record', ...names] : [...names];
  yield Buffer.from(columns.join(',') + CSV_LINE_END);
  for (const table of tables) {
    for await (const { bytes, count } of table.csvLines(columns)) {
      yield bytes;
      wrote(count);
    }
  }
}

/** A cell of text: quoted where it has to be, and with a `'` before what a spreadsheet would run, or what begins with one itself. */
export function csvCell(text: string | null): string {
  if (text === null) return '';
  const runs = /^[=+@\t\r'-]/.test(text);
  return runs || /[",\r\n]/.test(text) ? `"${runs ? `'` : ''}${text.replaceAll('"', '""')}"` : text;
}
