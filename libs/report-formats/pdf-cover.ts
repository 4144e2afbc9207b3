import { type Colour, GREY, MARGIN, type PdfFile, type TextStyle } from './pdf-file.js';
import { breakLines } from './pdf-lines.js';
import type { StructureElement, Tag } from './pdf-structure.js';
import type { ReportDocument, ReportMetadata } from './report-document.js';

const TITLE: TextStyle = { size: 22, bold: true };
const HEADING: TextStyle = { size: 12, bold: true };
const LABEL: TextStyle = { size: 9, colour: GREY };
const TEXT: TextStyle = { size: 9 };
const LINE_HEIGHT = 13;
const LABEL_WIDTH = 160;
const PAGE_NUMBER_WIDTH = 40;
const BAR: Colour = [0.24, 0.42, 0.66];
const BAR_GROUND: Colour = [0.92, 0.935, 0.955];
const BAR_WIDTH = 220;

/** Where a table's page number goes once it is known. */
export type PageNumbers = ReadonlyMap<string, (pageNumber: number) => void>;

type Facts = readonly (readonly [label: string, value: string])[];

/** What an auditor asks of a report before reading it: first page, and as many more as it takes. */
export class Cover {
  private y = MARGIN;

  constructor(private readonly file: PdfFile) {
    file.startPage('portrait');
  }

  /** Draws everything; the page numbers of the contents are filled in when the tables are drawn. */
  draw({ metadata, tables }: ReportDocument): PageNumbers {
    this.file.bookmark('About this report');
    this.y += 24;
    this.heading('H1', metadata.title, TITLE);
    this.y += 6;
    this.facts(factsOf(metadata));
    this.heading('H2', 'Reconciliation', HEADING);
    this.facts(reconciliationOf(metadata));
    if (metadata.bands) this.bands(metadata.bands);
    this.heading('H2', 'Contents', HEADING);
    return this.contents(tables);
  }

  private heading(tag: Tag, text: string, style: TextStyle): void {
    // Not alone at the foot of a page.
    this.need(4 * LINE_HEIGHT);
    this.y += style.size + 8;
    const lines = this.lines(text, this.file.width - 2 * MARGIN, style);
    this.file.document.whole(tag, (element) => {
      for (const line of lines) {
        element.mark(this.file, () => this.file.text(line, MARGIN, this.y, style));
        this.y += style.size + 4;
      }
    });
    this.y += 4;
  }

  private facts(facts: Facts): void {
    this.file.document.whole('Table', (table) => {
      for (const [label, value] of facts) this.fact(table, label, value);
    });
  }

  private fact(table: StructureElement, label: string, value: string): void {
    const { file } = this;
    const x = MARGIN + LABEL_WIDTH;
    const labels = this.lines(label, LABEL_WIDTH - 8, LABEL);
    const lines = this.lines(value, file.width - MARGIN - x, TEXT);
    table.whole('TR', (row) => {
      this.need(labels.length * LINE_HEIGHT);
      const drawLabel = (line: string, index: number): void => file.text(line, MARGIN, this.y + index * LINE_HEIGHT, LABEL);
      row.whole('TH', (cell) => cell.mark(file, () => labels.forEach(drawLabel)), { scope: 'Row' });
      const below = this.y + labels.length * LINE_HEIGHT;
      row.whole('TD', (cell) => {
        for (const line of lines) {
          this.need(LINE_HEIGHT);
          cell.mark(file, () => file.text(line, x, this.y, TEXT));
          this.y += LINE_HEIGHT;
        }
      });
      if (lines.length < labels.length) this.y = below;
    });
  }

  /** A bar for each band, with its name and its number beside it: nothing is told by colour or length alone. */
  private bands(bands: NonNullable<ReportMetadata['bands']>): void {
    const { file } = this;
    this.heading('H2', 'Grants by band', HEADING);
    const total = bands.reduce((sum, { count }) => sum + count, 0);
    const x = MARGIN + LABEL_WIDTH;
    file.document.whole('Table', (table) => {
      for (const { band, count } of bands) {
        this.need(LINE_HEIGHT + 3);
        const share = total === 0 ? 0 : count / total;
        file.artifact('Layout', () => {
          file.rectangle(x, this.y - 8, BAR_WIDTH, 10, BAR_GROUND);
          file.rectangle(x, this.y - 8, BAR_WIDTH * share, 10, BAR);
        });
        table.whole('TR', (row) => {
          row.whole('TH', (cell) => cell.mark(file, () => file.text(band.replaceAll('_', ' '), MARGIN, this.y, LABEL)), { scope: 'Row' });
          const value = `${count} (${(share * 100).toFixed(1)} %)`;
          row.whole('TD', (cell) => cell.mark(file, () => file.text(value, x + BAR_WIDTH + 10, this.y, TEXT)));
        });
        this.y += LINE_HEIGHT + 3;
      }
    });
  }

  private contents(tables: ReportDocument['tables']): PageNumbers {
    const { file } = this;
    const numbers = new Map<string, (pageNumber: number) => void>();
    const right = file.width - MARGIN - PAGE_NUMBER_WIDTH;
    file.document.whole('TOC', (toc) => {
      for (const { name, title, rowCount } of tables) {
        this.need(LINE_HEIGHT);
        const placeholder = file.placeholder(PAGE_NUMBER_WIDTH);
        numbers.set(name, (page) => file.fill(placeholder, String(page), TEXT, 'right'));
        toc.whole('TOCI', (entry) =>
          entry.mark(file, () => {
            file.text(`${title} (${rowCount} ${rowCount === 1 ? 'row' : 'rows'})`, MARGIN, this.y, TEXT);
            file.show(placeholder, right, this.y);
          }),
        );
        this.y += LINE_HEIGHT;
      }
    });
    return numbers;
  }

  private lines(text: string, width: number, style: TextStyle): string[] {
    return breakLines(text, this.file.characters(style), (width * 1000) / style.size);
  }

  private need(height: number): void {
    if (this.y + height <= this.file.bottom) return;
    this.file.startPage('portrait');
    this.y = MARGIN + LINE_HEIGHT;
  }
}

function factsOf(metadata: ReportMetadata): Facts {
  const { asOf, period, recordedAt, parameters, source, requestedBy, tables } = metadata;
  const facts: [string, string | null][] = [
    ['Kind', metadata.kind],
    ['Report', metadata.reportId],
    ['As of', asOf],
    ['Period', period && `from ${period.from} up to ${period.to}`],
    ['Time zone', metadata.timeZone],
    ['Recorded up to', `${recordedAt} (what was recorded later is left out)`],
    ...Object.entries(parameters).map(([name, value]): [string, string] => [`Parameter ${name}`, JSON.stringify(value)]),
    ['Source', `${source.product} ${source.version}`],
    ['Decay model', metadata.modelVersion && `version ${metadata.modelVersion}`],
    ['Requested by', actorOf(requestedBy)],
    ['Requested at', metadata.requestedAt],
    ['Generated by', metadata.generatedBy],
    ['Generated at', metadata.generatedAt],
    ['Rows', String(metadata.rows)],
    ...(tables.length > 1 ? tables.map(({ name, rows }): [string, string] => [`Rows of ${name}`, String(rows)]) : []),
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

function actorOf({ id, type, principalId }: ReportMetadata['requestedBy']): string {
  return `${type} ${id}${principalId === null ? '' : ` (principal ${principalId})`}`;
}

function reconciliationOf({ counted, reconciliation }: ReportMetadata): Facts {
  const { population, included, excluded } = reconciliation;
  const left = excluded.reduce((sum, { count }) => sum + count, 0);
  return [
    ['Counted', counted],
    ['Population', String(population)],
    ['Included', String(included)],
    ...excluded.map(({ reason, count }): [string, string] => [`Excluded: ${reason.replaceAll('_', ' ')}`, String(count)]),
    ['Included + excluded', `${included} + ${left} = ${included + left}`],
  ];
}
