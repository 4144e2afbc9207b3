import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { EmbeddedFont, Kit, OpenGlyph } from './pdf-kit.js';
import { unpackWoff } from './woff.js';

const { resolve } = createRequire(import.meta.url);
const DEJAVU = 'dejavu-fonts-ttf/ttf/DejaVuSansCondensed';
const UNIFONT = '@fontsource/unifont/files/unifont-latin-400-normal.woff';

/** One glyph as the file shows it: in which font, under which number (four hex digits), how wide in thousandths of the size. */
export interface Glyph {
  face: Face;
  code: string;
  width: number;
}

/** What stands on the page for one character: its own glyph (`exact`), or others in its stead. */
export interface Shown {
  glyphs: readonly Glyph[];
  width: number;
  exact: boolean;
}

/** One font of the file. */
export class Face {
  private readonly codes = new Map<string, Glyph>();
  private opened: EmbeddedFont | undefined;

  constructor(
    private readonly kit: Kit,
    private readonly read: () => Buffer,
    /** Whether it knows how letters join, and where marks go. */
    readonly shapes: boolean,
  ) {}

  get embedded(): EmbeddedFont {
    if (!this.opened) {
      this.kit.font(this.read());
      this.opened = this.kit._font;
    }
    return this.opened;
  }

  has(codePoint: number): boolean {
    return this.embedded.font.hasGlyphForCodePoint(codePoint);
  }

  /** The glyph of a character, to be read as that character or as another. */
  of(codePoint: number, readAs = codePoint): Glyph {
    return this.glyph(this.embedded.font.glyphForCodePoint(codePoint), [readAs]);
  }

  /**
   * Two characters that look the same share a glyph in the font, but not here: each has a number of its own, so that what is copied out of the
   * page is what was put in.
   */
  glyph({ id, advanceWidth }: OpenGlyph, codePoints: readonly number[]): Glyph {
    const name = `${id}:${codePoints.join()}`;
    let glyph = this.codes.get(name);
    if (!glyph) {
      const { subset, widths, unicode, font } = this.embedded;
      const number = subset.glyphs.push(id) - 1;
      const width = (advanceWidth * 1000) / font.unitsPerEm;
      widths[number] = width;
      unicode[number] = [...codePoints];
      glyph = { face: this, code: number.toString(16).padStart(4, '0'), width };
      this.codes.set(name, glyph);
    }
    return glyph;
  }
}

/** The fonts that all files share, opened when a character needs them. */
export class Faces {
  readonly regular: Characters;
  readonly bold: Characters;

  constructor(kit: Kit) {
    const any = new Face(kit, () => unpackWoff(readFileSync(resolve(UNIFONT))), false);
    const text = (name: string): Face => new Face(kit, () => readFileSync(resolve(`${name}.ttf`)), true);
    this.regular = new Characters(text(DEJAVU), any);
    this.bold = new Characters(text(`${DEJAVU}-Bold`), any);
  }
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/u;
const LINE_END = '\u21b5';

/** Characters in one style, in whichever font has them. */
export class Characters {
  private readonly known = new Map<number, Shown>();

  constructor(
    readonly text: Face,
    private readonly any: Face,
  ) {}

  shown(codePoint: number): Shown {
    let shown = this.known.get(codePoint);
    if (!shown) {
      shown = this.find(codePoint);
      this.known.set(codePoint, shown);
    }
    return shown;
  }

  /** A character that is drawn as its mirror image, and copied out as itself. */
  mirrored(character: string, mirror: string): Glyph {
    const codePoint = mirror.codePointAt(0) ?? 0;
    return (this.text.has(codePoint) ? this.text : this.any).of(codePoint, character.codePointAt(0));
  }

  /** What has no picture is given one: a reader of evidence sees that it is there, and it moves nothing. */
  private find(codePoint: number): Shown {
    const character = String.fromCodePoint(codePoint);
    if (character === '\n') return this.standIn(LINE_END);
    if (codePoint < 0x20) return this.standIn(String.fromCodePoint(0x2400 + codePoint));
    if (codePoint === 0x7f) return this.standIn('\u2421');
    const faces = INVISIBLE.test(character) ? [this.any] : [this.text, this.any];
    const face = faces.find((one) => one.has(codePoint));
    if (!face) return this.standIn(`\u27e8U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}\u27e9`);
    const glyph = face.of(codePoint);
    return { glyphs: [glyph], width: glyph.width, exact: true };
  }

  private standIn(text: string): Shown {
    const glyphs = [...text].flatMap((character) => this.shown(character.codePointAt(0) ?? 0).glyphs);
    return { glyphs, width: glyphs.reduce((sum, { width }) => sum + width, 0), exact: false };
  }
}
