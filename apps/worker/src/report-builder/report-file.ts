import { writeCsv } from '#libs/report-formats/csv.js';
import { writeJsonLines } from '#libs/report-formats/json-lines.js';
import { writePdf } from '#libs/report-formats/pdf.js';
import type { PreparedReport, PreparedTable } from '#libs/report-formats/prepared-report.js';
import type { ReportMetadata, ReportTable } from '#libs/report-formats/report-document.js';
import type { ReportJob } from '#libs/reports/report-jobs.js';
import { isPeriodKind, isPointKind, REPORT_TITLES } from '#libs/reports/report-kinds.js';
import type { PeriodParameters, PointParameters } from '#libs/reports/report-parameters.js';
import { readFileSync } from 'node:fs';

/** The rows do not add up: a report that would say so of itself is none. */
export class ReconciliationError extends Error {}

const { version } = JSON.parse(readFileSync(new URL('../../../../../package.json', import.meta.url), 'utf8')) as { version: string };

/** How many rows a report has in all, what only goes with them left out. */
export const rowsOf = ({ tables }: PreparedReport): number =>
  tables.filter(({ supplement }) => !supplement).reduce((sum, { rowCount }) => sum + rowCount, 0);

/**
 * The bytes of a report. `wrote` is told of rows as they are passed on.
 *
 * @throws ReconciliationError where what is included and excluded is not all there is, or the rows are not as many as were counted
 */
export async function* reportFile(job: ReportJob, report: PreparedReport, wrote: (rows: number) => void): AsyncGenerator<Uint8Array> {
  const { population, included, excluded } = report.reconciliation;
  if (population !== excluded.reduce((sum, { count }) => sum + count, included)) {
    throw new ReconciliationError(`Of ${population} ${report.counted}, ${included} are included, and the others are not accounted for.`);
  }
  let rows = 0;
  const count = (more: number): void => {
    rows += more;
    wrote(more);
  };
  yield* written(job, report, count);
  if (rows !== rowsOf(report)) throw new ReconciliationError(`There are ${rows} rows, and ${rowsOf(report)} were counted.`);
}

function written(job: ReportJob, report: PreparedReport, wrote: (rows: number) => void): AsyncIterable<Uint8Array> {
  switch (job.format) {
    case 'csv':
      return writeCsv(report, wrote);
    case 'jsonl':
      return writeJsonLines(report, metadataOf(job, report), wrote);
    case 'pdf':
      return writePdf({ metadata: metadataOf(job, report), tables: report.tables.map((table) => onPaper(table, wrote)) });
  }
}

function metadataOf({ id, kind, format, parameters, requestedBy, createdAt }: ReportJob, report: PreparedReport): ReportMetadata {
  const { tables, counted, reconciliation, bands, modelVersion } = report;
  const { from, to } = parameters as PeriodParameters;
  return {
    ...{ reportId: id, kind, title: REPORT_TITLES[kind], format },
    asOf: isPointKind(kind) ? (parameters as PointParameters).asOf : null,
    period: isPeriodKind(kind) ? { from, to } : null,
    ...{ recordedAt: parameters.recordedAt, timeZone: 'UTC', parameters: { ...parameters } },
    source: { product: 'access-governance-gateway', version },
    ...{ modelVersion, requestedBy, requestedAt: createdAt.toISOString(), generatedBy: 'report-builder' },
    generatedAt: new Date().toISOString(),
    rows: rowsOf(report),
    tables: tables.map(({ name, rowCount }) => ({ name, rows: rowCount })),
    ...{ counted, reconciliation, bands },
  };
}

function onPaper(table: PreparedTable, wrote: (rows: number) => void): ReportTable {
  const { name, title, rowCount, supplement } = table;
  const columns = table.columns.filter((column) => table.onPaper.includes(column.name));
  async function* rows(): AsyncGenerator<readonly (string | null)[]> {
    for await (const batch of table.cells(table.onPaper)) {
      yield* batch;
      if (!supplement) wrote(batch.length);
    }
  }
  return { name, title, columns, rowCount, rows: rows() };
}
