import PDFDocument from 'pdfkit';

/** An object of the file. It is written, and forgotten, when it ends; others name it by its number before and after. */
export interface PdfObject {
  data: unknown;
  end(content?: string): void;
}

export interface PdfDictionary extends PdfObject {
  data: Record<string, unknown>;
}

/** A font as fontkit opens it: distances in units of `unitsPerEm`. */
export interface OpenFont {
  /** The glyphs that it has handed out. */
  _glyphs: object;
  unitsPerEm: number;
  hasGlyphForCodePoint(codePoint: number): boolean;
  glyphForCodePoint(codePoint: number): OpenGlyph;
  layout(
    text: string,
    features?: undefined,
    script?: undefined,
    language?: undefined,
    direction?: 'ltr' | 'rtl',
  ): { glyphs: OpenGlyph[]; positions: { xAdvance: number; xOffset: number; yOffset: number }[] };
}

export interface OpenGlyph {
  id: number;
  advanceWidth: number;
  codePoints: number[];
}

/** A font as PDFKit embeds it: of each glyph that is used, in the order of first use, where it comes from, how wide it is, and what it says. */
export interface EmbeddedFont {
  id: string;
  font: OpenFont;
  subset: { glyphs: number[] };
  widths: number[];
  unicode: number[][];
  ref(): PdfObject;
}

interface Internals {
  _font: EmbeddedFont;
  _root: PdfDictionary & { data: { StructTreeRoot: PdfDictionary } };
  page: { width: number; height: number; dictionary: PdfDictionary; fonts: Record<string, PdfObject>; xobjects: Record<string, PdfObject> };
  ref(data?: unknown): PdfDictionary;
  getStructParentTree(): { add(key: number, value: PdfObject): void };
  addPage(options: object): unknown;
}

/** PDFKit, with the parts of it that its types leave out: glyphs, structure and objects are ours, what a PDF file is made of is its. */
export type Kit = Omit<PDFKit.PDFDocument, keyof Internals> & Internals;

export function createKit(options: PDFKit.PDFDocumentOptions & { fontLayoutCache: boolean }): { kit: Kit; output: Output } {
  const output = new Output();
  const document = new PDFDocument(options);
  // PDFKit pushes every line of the file by itself: a stream that holds a table of a million places of objects so is ten times its size.
  document.push = (chunk: Uint8Array | null): boolean => output.add(chunk);
  // The first lines were pushed by the constructor.
  output.add(document.read() as Buffer | null);
  return { kit: document as unknown as Kit, output };
}

const BLOCK_BYTES = 64 * 1024;

/** What has been written and not yet been taken, in few pieces. */
export class Output {
  private readonly full: Buffer[] = [];
  private block = Buffer.allocUnsafe(BLOCK_BYTES);
  private used = 0;

  add(chunk: Uint8Array | null): boolean {
    if (chunk === null) return true;
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + BLOCK_BYTES - this.used);
      this.block.set(part, this.used);
      this.used += part.length;
      at += part.length;
      if (this.used === BLOCK_BYTES) this.endBlock();
    }
    return true;
  }

  /** All that has been added since it was last asked. */
  take(): Buffer[] {
    if (this.used > 0) this.endBlock();
    return this.full.splice(0);
  }

  private endBlock(): void {
    this.full.push(this.block.subarray(0, this.used));
    this.block = Buffer.allocUnsafe(BLOCK_BYTES);
    this.used = 0;
  }
}
