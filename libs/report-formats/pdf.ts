import { Cover } from './pdf-cover.js';
import { PdfFile } from './pdf-file.js';
import { TableDrawing } from './pdf-table.js';
import type { ReportDocument } from './report-document.js';

/**
 * A report as a tagged PDF 1.7: a cover with what an auditor asks for, contents, the tables, "page n of m". Its fonts are embedded and show any
 * script; what has no picture, such as a control character, is given one. Pages are written as they are drawn, one at a time, so that the
 * number of rows costs no memory; nothing is drawn ahead of the reader.
 */
export async function* writePdf(document: ReportDocument): AsyncGenerator<Uint8Array> {
  const { metadata, tables } = document;
  const file = new PdfFile(metadata.title, new Date(metadata.generatedAt), `${metadata.title} · ${metadata.reportId}`);
  const pageNumbers = new Cover(file).draw(document);
  for (const table of tables) {
    const drawing = new TableDrawing(file, table);
    pageNumbers.get(table.name)?.(file.pageNumber);
    yield* drawing.draw();
    yield* file.written();
  }
  file.finish();
  yield* file.written();
}
