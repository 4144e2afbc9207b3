import type { Kit, PdfDictionary, PdfObject } from './pdf-kit.js';

export type Tag = 'Document' | 'H1' | 'H2' | 'P' | 'Table' | 'THead' | 'TBody' | 'TR' | 'TH' | 'TD' | 'TOC' | 'TOCI' | 'Figure';

interface Attributes {
  /** Of a TH: what it is the heading of. */
  scope?: 'Row' | 'Column';
  /** What a picture says, for who cannot see it. */
  alt?: string;
}

/** Where the structure meets the pages: marks the content that is drawn meanwhile as that of an element, and answers where it is. */
export interface Marking {
  readonly page: PdfObject;
  begin(tag: Tag, owner: PdfObject): number;
  end(): void;
}

/**
 * A part of the document as a screen reader walks it (ISO 32000-1, 14.7 and 14.8). Written when it closes, after which only its number is left:
 * PDFKit's own elements stay in memory to the end of the file, and a report has a million of them.
 */
export class StructureElement {
  private readonly kids: unknown[] = [];

  private constructor(
    private readonly kit: Kit,
    private readonly tag: Tag,
    private readonly object: PdfDictionary,
    private readonly owner: StructureElement | null,
  ) {}

  static root(kit: Kit): StructureElement {
    const tree = kit._root.data.StructTreeRoot;
    const object = kit.ref({ S: 'Document', P: tree });
    tree.data['K'] = [object];
    return new StructureElement(kit, 'Document', object, null);
  }

  open(tag: Tag, { scope, alt }: Attributes = {}): StructureElement {
    const object = this.kit.ref({
      S: tag,
      P: this.object,
      ...(scope && { A: { O: 'Table', Scope: scope } }),
      // PDFKit writes a plain string as a name.
      ...(alt !== undefined && { Alt: new String(alt) }),
    });
    this.kids.push(object);
    return new StructureElement(this.kit, tag, object, this);
  }

  /** Draws something that belongs to this element; more than once where it goes on over a page. */
  mark(marking: Marking, draw: () => void): void {
    const id = marking.begin(this.tag, this.object);
    draw();
    marking.end();
    this.kids.push({ Type: 'MCR', Pg: marking.page, MCID: id });
  }

  close(): void {
    this.object.data['K'] = this.kids;
    this.object.end();
    this.object.data = {};
    this.kids.length = 0;
  }

  /** An element that is opened, filled and closed. */
  whole(tag: Tag, fill: (element: StructureElement) => void, attributes: Attributes = {}): void {
    const element = this.open(tag, attributes);
    fill(element);
    element.close();
  }
}
