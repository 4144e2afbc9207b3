import type { PreparedReport } from './prepared-report.js';
import type { ReportMetadata } from './report-document.js';

/** A report as JSON Lines: a line of metadata, a line for each row, and a line with the counts. `wrote` is told of rows as they are passed on. */
export async function* writeJsonLines(
  { tables, reconciliation, counted }: PreparedReport,
  metadata: ReportMetadata,
  wrote: (rows: number) => void,
): AsyncGenerator<Uint8Array> {
  yield line({ metadata });
  const rows: Record<string, number> = {};
  for (const table of tables) {
    rows[table.name] = 0;
    for await (const { bytes, count } of table.jsonLines()) {
      yield bytes;
      rows[table.name] = (rows[table.name] ?? 0) + count;
      if (!table.supplement) wrote(count);
    }
  }
  const all = tables.filter(({ supplement }) => !supplement).reduce((sum, { name }) => sum + (rows[name] ?? 0), 0);
  yield line({ counts: { rows: all, tables: rows, counted, reconciliation } });
}

const line = (value: object): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`);
