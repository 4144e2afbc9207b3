import { type Colour, MARGIN, type PdfFile, type TextStyle } from './pdf-file.js';
import { columnWidths } from './pdf-columns.js';
import { breakLines } from './pdf-lines.js';
import type { StructureElement } from './pdf-structure.js';
import type { ReportTable } from './report-document.js';

const CELL: TextStyle = { size: 7 };
const HEADING: TextStyle = { size: 7, bold: true, colour: [1, 1, 1] };
const TITLE: TextStyle = { size: 13, bold: true };
const LINE_HEIGHT = 9;
const PADDING = 3;
const HEADING_FILL: Colour = [0.15, 0.23, 0.37];
const STRIPE: Colour = [0.955, 0.962, 0.975];
const RULE: Colour = [0.84, 0.86, 0.89];
/** A table of so many columns has no room on an upright page. */
const LANDSCAPE_FROM = 6;
/** Fewer lines than this of a long row are not worth beginning at the bottom of a page. */
const MIN_LINES = 4;
/** So many rows are looked at before the columns are laid out. */
const SAMPLE_ROWS = 100;

interface Column {
  title: readonly string[];
  x: number;
  width: number;
}

type Row = readonly (string | null)[];
type Cells = readonly (readonly string[])[];

/** Draws one table over as many pages as it takes. */
export class TableDrawing {
  private columns: readonly Column[] = [];
  private readonly layout: 'portrait' | 'landscape';
  private y = 0;
  private rowNumber = 0;

  constructor(
    private readonly file: PdfFile,
    private readonly table: ReportTable,
  ) {
    this.layout = table.columns.length >= LANDSCAPE_FROM ? 'landscape' : 'portrait';
    file.startPage(this.layout);
  }

  /** Yields what has been written with each page that is full. */
  async *draw(): AsyncGenerator<Uint8Array> {
    const { file, table } = this;
    file.bookmark(table.title);
    file.document.whole('H2', (heading) => {
      heading.mark(file, () => file.text(table.title, MARGIN, MARGIN + 12, TITLE));
    });
    this.y = MARGIN + 24;
    const { first, rest } = await begin(table.rows, SAMPLE_ROWS);
    this.columns = this.layColumns(first);
    const element = file.document.open('Table');
    element.whole('THead', (head) => head.whole('TR', (row) => this.drawHeading(row)));
    let body: StructureElement | null = null;
    for await (const cells of rest) {
      body ??= element.open('TBody');
      const page = file.pageNumber;
      this.drawRow(body, cells);
      if (file.pageNumber === page) continue;
      // One for each page, so that no more rows than a page's are held.
      body.close();
      body = null;
      yield* file.written();
    }
    body?.close();
    element.close();
    if (this.rowNumber === 0) this.sayNothing();
  }

  private layColumns(sample: readonly Row[]): Column[] {
    const { file, table } = this;
    const measures = {
      cell: { ...CELL, characters: file.characters(CELL) },
      heading: { ...HEADING, characters: file.characters(HEADING) },
    };
    const widths = columnWidths(table.columns, sample, file.width - 2 * MARGIN, 2 * PADDING + 0.5, measures);
    let x = MARGIN;
    return table.columns.map(({ title }, index) => {
      const width = widths[index] ?? 0;
      const column = { title: this.lines(title, width, HEADING), x, width };
      x += width;
      return column;
    });
  }

  private lines(text: string, width: number, style: TextStyle): string[] {
    return breakLines(text, this.file.characters(style), ((width - 2 * PADDING) * 1000) / style.size);
  }

  private drawRow(body: StructureElement, values: Row): void {
    const cells = this.columns.map(({ width }, index) => this.lines(values[index] ?? '', width, CELL));
    const height = Math.max(...cells.map((lines) => lines.length));
    this.rowNumber += 1;
    const row = body.open('TR');
    const elements = cells.map(() => row.open('TD'));
    // What does not fit begins on a new page, unless no page has room for it anyhow.
    if (this.room < (height > this.roomOfPage ? MIN_LINES : height)) this.goOn();
    for (let first = 0; first < height;) {
      if (first > 0) this.goOn();
      const last = Math.min(height, first + Math.max(1, this.room));
      this.drawSlice(cells, elements, first, last);
      first = last;
    }
    elements.forEach((element) => element.close());
    row.close();
  }

  private drawSlice(cells: Cells, elements: readonly StructureElement[], first: number, last: number): void {
    const { file } = this;
    const height = (last - first) * LINE_HEIGHT + 2 * PADDING;
    file.artifact('Layout', () => {
      if (this.rowNumber % 2 === 0) file.rectangle(MARGIN, this.y, file.width - 2 * MARGIN, height, STRIPE);
      file.rectangle(MARGIN, this.y + height - 0.4, file.width - 2 * MARGIN, 0.4, RULE);
    });
    cells.forEach((lines, index) => {
      const part = lines.slice(first, last);
      if (part.every((line) => line === '')) return;
      elements[index]?.mark(file, () => this.drawLines(part, this.columns[index]?.x ?? MARGIN, CELL));
    });
    this.y += height;
  }

  private drawLines(lines: readonly string[], x: number, style: TextStyle): void {
    lines.forEach((line, index) => this.file.text(line, x + PADDING, this.y + PADDING + 6.5 + index * LINE_HEIGHT, style));
  }

  /** The heading is told once; what is repeated on the pages that follow is for the eye. */
  private goOn(): void {
    this.file.startPage(this.layout);
    this.y = MARGIN;
    this.file.artifact('Pagination', () => this.drawHeading(null));
  }

  private drawHeading(row: StructureElement | null): void {
    const { file, columns } = this;
    const height = this.headingHeight;
    const fill = (): void => file.rectangle(MARGIN, this.y, file.width - 2 * MARGIN, height, HEADING_FILL);
    if (row) file.artifact('Layout', fill);
    else fill();
    for (const { title, x } of columns) {
      const draw = (): void => this.drawLines(title, x, HEADING);
      if (row) row.whole('TH', (cell) => cell.mark(file, draw), { scope: 'Column' });
      else draw();
    }
    this.y += height;
  }

  private sayNothing(): void {
    this.file.document.whole('P', (element) => {
      element.mark(this.file, () => this.file.text('No rows.', MARGIN + PADDING, this.y + 14, CELL));
    });
  }

  private get headingHeight(): number {
    return Math.max(...this.columns.map(({ title }) => title.length)) * LINE_HEIGHT + 2 * PADDING;
  }

  /** How many lines of a row the page has room for. */
  private get room(): number {
    return Math.floor((this.file.bottom - this.y - 2 * PADDING) / LINE_HEIGHT);
  }

  private get roomOfPage(): number {
    return Math.floor((this.file.bottom - MARGIN - this.headingHeight - 2 * PADDING) / LINE_HEIGHT);
  }
}

/** The first rows, and all of them. */
async function begin(rows: AsyncIterable<Row>, count: number): Promise<{ first: readonly Row[]; rest: AsyncIterable<Row> }> {
  const source = rows[Symbol.asyncIterator]();
  const first: Row[] = [];
  while (first.length < count) {
    const next = await source.next();
    if (next.done) break;
    first.push(next.value);
  }
  async function* all(): AsyncGenerator<Row> {
    try {
      yield* first;
      yield* { [Symbol.asyncIterator]: () => source };
    } finally {
      await source.return?.();
    }
  }
  return { first, rest: all() };
}
