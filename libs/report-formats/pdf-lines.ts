import type { Characters } from './pdf-fonts.js';

/** A line is never longer than this, however narrow its characters: marks above one another have no width at all. */
const MAX_CHARACTERS = 1_000;
const BREAKS_AFTER = /[\s\-/\\,.;:_@|)\]}>\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/;
const STAYS_WITH_ITS_BASE = /\p{M}/u;
const LINE_ENDS = new Set(['\n', '\u2028', '\u2029']);

/** How wide a text is on one line, and how wide its widest word is: below that, a word would be broken. In thousandths of the font's size. */
export function extentOf(text: string, characters: Characters): { full: number; word: number } {
  let [full, word, open] = [0, 0, 0];
  for (const character of text) {
    const { width } = characters.shown(character.codePointAt(0) ?? 0);
    full += width;
    open += width;
    word = Math.max(word, open);
    if (BREAKS_AFTER.test(character)) open = 0;
  }
  return { full, word };
}

/**
 * The lines of a text within a width, each as long as fits. Joined they are the text: nothing is left out, not even blanks. They break after a
 * blank or a mark where there is one, else anywhere, and where the text says so.
 *
 * @param width in thousandths of the font's size
 */
export function breakLines(text: string, characters: Characters, width: number): string[] {
  const lines: string[] = [];
  let [start, length, count] = [0, 0, 0];
  let [breakAt, breakLength, breakCount] = [0, 0, 0];
  const end = (at: number, fromBreak: boolean): void => {
    lines.push(text.slice(start, at));
    start = at;
    length = fromBreak ? length - breakLength : 0;
    count = fromBreak ? count - breakCount : 0;
    breakAt = at;
  };
  for (let at = 0; at < text.length;) {
    const codePoint = text.codePointAt(at) ?? 0;
    const character = String.fromCodePoint(codePoint);
    const advance = characters.shown(codePoint).width;
    const full = length + advance > width && !STAYS_WITH_ITS_BASE.test(character);
    if (at > start && (full || count >= MAX_CHARACTERS)) {
      if (breakAt > start) end(breakAt, true);
      else end(at, false);
    }
    at += character.length;
    length += advance;
    count += 1;
    if (LINE_ENDS.has(character)) end(at, false);
    else if (BREAKS_AFTER.test(character)) [breakAt, breakLength, breakCount] = [at, length, count];
  }
  if (start < text.length || lines.length === 0) lines.push(text.slice(start));
  return lines;
}
