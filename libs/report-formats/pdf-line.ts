import bidiModule from 'bidi-js';
import type { Characters, Face, Glyph } from './pdf-fonts.js';

// Its types speak of a default export; what Node loads is the function itself.
const bidi = (bidiModule as unknown as typeof bidiModule.default)();

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
/** Letters that join, and marks that go above or below others. */
const NEEDS_SHAPING = /[\p{M}\u0600-\u07ff\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]/u;
/** They are shown, and obeyed by nobody: a value that turns its neighbours round would show what it does not say. */
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** They say whether letters join: shown by what the letters look like. */
const JOINERS = new Set(['\u200c', '\u200d']);
const NEUTRAL = '\ufffd';

/** A glyph where it goes: what it moves on by, and how far it stands off the line, in thousandths of the size. */
interface Placed {
  glyph: Glyph;
  advance: number;
  x: number;
  y: number;
  /** The character that it stands in for, with its neighbours that do the same. */
  instead: { character: string } | null;
}

interface Run {
  text: string;
  level: number;
  face: Face | null;
  /** Of a bracket, or its like, that opens towards the right: the character whose glyph it is drawn with. */
  mirror: string | null;
}

/** Sets a line: each character in a font that has it, right-to-left runs turned round, Arabic joined. From left to right. */
export function setLine(text: string, characters: Characters): Placed[] {
  const isPlain = !RIGHT_TO_LEFT.test(text) && !NEEDS_SHAPING.test(text);
  return isPlain ? plain(text, characters).flat() : runsOf(text, characters).flatMap((run) => setRun(run, characters));
}

/** The glyphs of each character. */
function plain(text: string, characters: Characters): Placed[][] {
  return Array.from(text, (character) => {
    const { glyphs, exact } = characters.shown(character.codePointAt(0) ?? 0);
    const instead = exact ? null : { character };
    return glyphs.map((glyph) => inPlace(glyph, instead));
  });
}

function inPlace(glyph: Glyph, instead: Placed['instead'] = null): Placed {
  return { glyph, advance: glyph.width, x: 0, y: 0, instead };
}

/** The runs of one direction and one font, from left to right (Unicode Standard Annex 9, rule L2). */
function runsOf(text: string, characters: Characters): Run[] {
  const { levels } = bidi.getEmbeddingLevels(text.replace(BIDI_CONTROLS, NEUTRAL), 'auto');
  const runs: Run[] = [];
  for (let at = 0; at < text.length;) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    const { glyphs } = characters.shown(character.codePointAt(0) ?? 0);
    const face = glyphs.length === 1 ? (glyphs[0]?.face ?? null) : null;
    const level = levels[at] ?? 0;
    const last = runs.at(-1);
    const mirror = level % 2 === 1 ? (bidi.getMirroredCharacter(character) ?? null) : null;
    const joins = JOINERS.has(character) && last?.face?.shapes === true && NEEDS_SHAPING.test(last.text);
    const continues = last?.level === level && last.face === face && last.mirror === null && mirror === null;
    if (last && (joins || continues)) last.text += character;
    else runs.push({ text: character, level, face, mirror });
    at += character.length;
  }
  for (let level = Math.max(...runs.map((run) => run.level)); level > 0; level--) turnRound(runs, level);
  return runs;
}

function turnRound(runs: Run[], level: number): void {
  for (let at = 0; at < runs.length; at++) {
    let end = at;
    while ((runs[end]?.level ?? 0) >= level) end++;
    if (end > at + 1) runs.splice(at, end - at, ...runs.slice(at, end).reverse());
    at = Math.max(at, end - 1);
  }
}

function setRun({ text, level, face, mirror }: Run, characters: Characters): Placed[] {
  const isRightToLeft = level % 2 === 1;
  if (mirror !== null) return [inPlace(characters.mirrored(text, mirror))];
  if (face?.shapes && NEEDS_SHAPING.test(text)) {
    const shaped = shape(text, face, isRightToLeft);
    if (shaped) return shaped;
  }
  const placed = plain(text, characters);
  return (isRightToLeft ? placed.reverse() : placed).flat();
}

/**
 * Null where the font's own rules cannot cope with the text, which is then shown letter by letter. fontkit keeps of each glyph which characters
 * it first stood for, and shapes of different letters share glyphs: it is made to forget that before each run, and where a run has both, the run
 * stands for its text as a whole.
 */
function shape(text: string, face: Face, isRightToLeft: boolean): Placed[] | null {
  const { font } = face.embedded;
  const scale = 1000 / font.unitsPerEm;
  font._glyphs = {};
  try {
    const { glyphs, positions } = font.layout(text, undefined, undefined, undefined, isRightToLeft ? 'rtl' : 'ltr');
    const said = glyphs.flatMap(({ codePoints }) => codePoints);
    const instead = isSame(said, text) ? null : { character: text };
    return glyphs.map((glyph, index) => {
      const { xAdvance = glyph.advanceWidth, xOffset = 0, yOffset = 0 } = positions[index] ?? {};
      return { glyph: face.glyph(glyph, glyph.codePoints), advance: xAdvance * scale, x: xOffset * scale, y: yOffset * scale, instead };
    });
  } catch {
    return null;
  }
}

function isSame(codePoints: readonly number[], text: string): boolean {
  const sorted = (characters: Iterable<string>): string => [...characters].sort().join('');
  return sorted(codePoints.map((code) => String.fromCodePoint(code))) === sorted(text);
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** The operators that draw a set line from where the text matrix is, for within BT and ET. `use` is told of each font, and names it. */
export function lineOperators(line: readonly Placed[], size: number, use: (face: Face) => string): string {
  let operators = '';
  let face: Face | null = null;
  let [open, rise] = ['', 0];
  let instead: Placed['instead'] = null;
  const show = (): void => {
    if (open !== '') operators += `[${open.replaceAll('><', '')}] TJ\n`;
    open = '';
  };
  for (const placed of line) {
    const { glyph, advance, x, y } = placed;
    if (glyph.face !== face || y !== rise || placed.instead !== instead) {
      show();
      if (placed.instead !== instead) operators += `${instead ? 'EMC\n' : ''}${placed.instead ? standsFor(placed.instead.character) : ''}`;
      if (glyph.face !== face) operators += `/${use(glyph.face)} ${size} Tf\n`;
      if (y !== rise) operators += `${round((y * size) / 1000)} Ts\n`;
      ({ face } = glyph);
      ({ instead } = placed);
      rise = y;
    }
    const back = round(glyph.width - advance + x);
    open += `${x === 0 ? '' : round(-x)}<${glyph.code}>${back === 0 ? '' : back}`;
  }
  show();
  return `${operators}${instead ? 'EMC\n' : ''}${rise === 0 ? '' : '0 Ts\n'}`;
}

/** Begins what is copied out as another character than it shows: a text string of PDF, in hexadecimal (ISO 32000-1, 7.9.2.2 and 14.9.4). */
function standsFor(character: string): string {
  const text = Buffer.from(`\ufeff${character.toWellFormed()}`, 'utf16le').swap16();
  return `/Span <</ActualText <${text.toString('hex')}>>> BDC\n`;
}
