import { Faces, type Characters, type Face } from './pdf-fonts.js';
import { createKit, type Kit, type Output, type PdfDictionary, type PdfObject } from './pdf-kit.js';
import { lineOperators, setLine } from './pdf-line.js';
import { type Marking, StructureElement, type Tag } from './pdf-structure.js';

export const MARGIN = 40;
const FOOTER_SIZE = 7;
/** Room for the number of the last page, which is known when all others are drawn. */
const TOTAL_WIDTH = 32;

export type Colour = readonly [red: number, green: number, blue: number];
export const INK: Colour = [0.11, 0.13, 0.17];
export const GREY: Colour = [0.36, 0.4, 0.46];

export interface TextStyle {
  size: number;
  bold?: boolean;
  colour?: Colour;
}

/** Room that is filled when what belongs there is known, in points. */
interface Placeholder {
  object: PdfDictionary;
  width: number;
}

/**
 * A PDF that is written while it is made: pages are drawn from the top, in points, and are gone once the next begins. `written` gives
 * what there is of it so far.
 */
export class PdfFile implements Marking {
  readonly document: StructureElement;
  pageNumber = 0;
  private readonly kit: Kit;
  private readonly output: Output;
  private readonly faces: Faces;
  private readonly total: Placeholder;
  private readonly placeholders: Placeholder[] = [];
  private operators: string[] = [];
  private owners: PdfObject[] = [];

  constructor(
    title: string,
    created: Date,
    private readonly footer: string,
  ) {
    const { kit, output } = createKit({
      pdfVersion: '1.7',
      tagged: true,
      displayTitle: true,
      lang: 'en',
      autoFirstPage: false,
      fontLayoutCache: false,
      // Ours are opened when they are needed; PDFKit's default would be a font that is not embedded.
      font: null as unknown as string,
      info: { Title: title, CreationDate: created },
    });
    this.kit = kit;
    this.output = output;
    this.faces = new Faces(kit);
    this.document = StructureElement.root(this.kit);
    this.total = this.placeholder(TOTAL_WIDTH);
  }

  get width(): number {
    return this.kit.page.width;
  }

  /** Where the room for content ends, from the top. */
  get bottom(): number {
    return this.kit.page.height - MARGIN - 14;
  }

  get page(): PdfObject {
    return this.kit.page.dictionary;
  }

  /** Begins a page; what there was of the last one is written. */
  startPage(layout: 'portrait' | 'landscape'): void {
    this.endPage();
    this.kit.addPage({ size: 'A4', layout, margin: 0 });
    this.pageNumber += 1;
    // PDFKit counts from the top, glyphs stand upright only from the bottom.
    this.operators = [`1 0 0 -1 0 ${this.kit.page.height} cm`];
    this.owners = [];
    this.artifact('Pagination', () => this.drawFooter());
  }

  /** An entry in the outline that viewers show beside the pages. */
  bookmark(title: string): void {
    this.kit.outline.addItem(title);
  }

  characters({ bold }: TextStyle): Characters {
    return bold ? this.faces.bold : this.faces.regular;
  }

  /** How wide a text is on one line, in points. */
  widthOf(text: string, style: TextStyle): number {
    const advances = setLine(text, this.characters(style)).map(({ advance }) => advance);
    return (advances.reduce((sum, advance) => sum + advance, 0) * style.size) / 1000;
  }

  /** One line, its baseline at `y` from the top. */
  text(text: string, x: number, y: number, style: TextStyle): void {
    if (text !== '') this.operators.push(this.textOperators(text, x, this.kit.page.height - y, style, this.kit.page.fonts));
  }

  rectangle(x: number, y: number, width: number, height: number, colour: Colour): void {
    const place = [x, this.kit.page.height - y - height, width, height].map((value) => value.toFixed(2)).join(' ');
    this.operators.push(`${colour.join(' ')} rg ${place} re f`);
  }

  /** What is drawn for the eye alone, or on every page again. */
  artifact(type: 'Pagination' | 'Layout', draw: () => void): void {
    this.operators.push(`/Artifact <</Type /${type}>> BDC`);
    draw();
    this.operators.push('EMC');
  }

  begin(tag: Tag, owner: PdfObject): number {
    const id = this.owners.push(owner) - 1;
    this.operators.push(`/${tag} <</MCID ${id}>> BDC`);
    return id;
  }

  end(): void {
    this.operators.push('EMC');
  }

  /** Leaves room for a text that is not known yet. */
  placeholder(width: number): Placeholder {
    const placeholder = { object: this.kit.ref({}), width };
    this.placeholders.push(placeholder);
    return placeholder;
  }

  /** Shows what will be in a placeholder, its baseline at `y` from the top. */
  show({ object }: Placeholder, x: number, y: number): void {
    const { xobjects, height } = this.kit.page;
    const known = Object.entries(xobjects).find(([, one]) => one === object)?.[0];
    const name = known ?? `X${Object.keys(xobjects).length + 1}`;
    xobjects[name] = object;
    this.operators.push(`q 1 0 0 1 ${x.toFixed(2)} ${(height - y).toFixed(2)} cm /${name} Do Q`);
  }

  fill(placeholder: Placeholder, text: string, style: TextStyle, align: 'left' | 'right'): void {
    const { object, width } = placeholder;
    const fonts: Record<string, PdfObject> = {};
    const x = align === 'left' ? 0 : width - this.widthOf(text, style);
    const operators = this.textOperators(text, x, 0, style, fonts);
    const [type, box] = [{ Type: 'XObject', Subtype: 'Form' }, { BBox: [0, -style.size, width, style.size * 2] }];
    object.data = { ...type, ...box, Resources: { Font: fonts } };
    object.end(operators);
    this.placeholders.splice(this.placeholders.indexOf(placeholder), 1);
  }

  /** Writes all that is left. Every placeholder has to be filled by then. */
  finish(): void {
    this.endPage();
    this.fill(this.total, String(this.pageNumber), { size: FOOTER_SIZE, colour: GREY }, 'left');
    if (this.placeholders.length > 0) throw new Error('A place in the file was left empty.');
    this.document.close();
    this.kit._root.data.StructTreeRoot.data['ParentTreeNextKey'] = this.pageNumber;
    this.kit.end();
  }

  /** What has been written since it was last asked. */
  written(): Buffer[] {
    return this.output.take();
  }

  private endPage(): void {
    if (this.pageNumber === 0 || this.operators.length === 0) return;
    const key = this.pageNumber - 1;
    const owners = this.kit.ref(this.owners);
    owners.end();
    // What it named is written, and is not to be held on to by it.
    owners.data = {};
    this.kit.getStructParentTree().add(key, owners);
    const page = this.kit.page.dictionary.data;
    page['StructParents'] = key;
    this.kit.addContent(this.operators.join('\n'));
    this.operators = [];
  }

  private drawFooter(): void {
    const style = { size: FOOTER_SIZE, colour: GREY };
    const y = this.kit.page.height - MARGIN + 8;
    const right = this.kit.page.width - MARGIN - TOTAL_WIDTH;
    this.rectangle(MARGIN, y - 12, this.kit.page.width - 2 * MARGIN, 0.5, [0.8, 0.82, 0.85]);
    this.text(this.footer, MARGIN, y, style);
    const page = `page ${this.pageNumber} of `;
    this.text(page, right - this.widthOf(page, style), y, style);
    this.show(this.total, right, y);
  }

  private textOperators(text: string, x: number, y: number, style: TextStyle, fonts: Record<string, PdfObject>): string {
    const use = (face: Face): string => {
      const { embedded } = face;
      fonts[embedded.id] ??= embedded.ref();
      return embedded.id;
    };
    const drawn = lineOperators(setLine(text, this.characters(style)), style.size, use);
    return `BT ${(style.colour ?? INK).join(' ')} rg 1 0 0 1 ${x.toFixed(2)} ${y.toFixed(2)} Tm\n${drawn}ET`;
  }
}
