import type { TextStyle } from './pdf-file.js';
import type { Characters } from './pdf-fonts.js';
import { extentOf } from './pdf-lines.js';
import type { ReportColumn } from './report-document.js';

/** No word and no value claims more than this of a page, in points. */
const MOST_FOR_A_WORD = 110;
const MOST_FOR_A_VALUE = 240;
/** What is measured of a value: one of a million characters says no more about a width. */
const MEASURED_CHARACTERS = 100;

interface Claim {
  least: number;
  most: number;
  weight: number;
}

/**
 * How wide the columns of a table are, by what stands in them: no word is broken where there is room for all words, and what is left goes to
 * the columns whose values would have more lines without it, by their weights.
 *
 * @param sample the first rows
 * @param padding beside a cell's text, both sides together
 */
export function columnWidths(
  columns: readonly ReportColumn[],
  sample: readonly (readonly (string | null)[])[],
  room: number,
  padding: number,
  styles: { cell: Measure; heading: Measure },
): number[] {
  const claims = columns.map(({ title, weight }, index): Claim => {
    const values = sample.map((row) => extent((row[index] ?? '').slice(0, MEASURED_CHARACTERS), styles.cell));
    const all = [extent(title, styles.heading), ...values];
    const least = Math.min(MOST_FOR_A_WORD, Math.max(...all.map(({ word }) => word)));
    const most = Math.min(MOST_FOR_A_VALUE, Math.max(...all.map(({ full }) => full)));
    return { least: least + padding, most: Math.max(least, most) + padding, weight };
  });
  return shared(claims, room);
}

/** A style and its characters. */
export interface Measure extends TextStyle {
  characters: Characters;
}

function extent(text: string, { characters, size }: Measure): { full: number; word: number } {
  const { full, word } = extentOf(text, characters);
  return { full: (full * size) / 1000, word: (word * size) / 1000 };
}

function shared(claims: readonly Claim[], room: number): number[] {
  const least = sumOf(claims, (claim) => claim.least);
  if (least >= room) return claims.map((claim) => (claim.least * room) / least);
  const wanted = sumOf(claims, ({ most, least: floor }) => most - floor);
  const spare = room - least;
  // Where every value has its line, the rest is spread as the weights say.
  const filled = Math.min(1, spare / wanted || 0);
  const beyond = spare - wanted * filled;
  const weights = sumOf(claims, ({ weight }) => weight);
  return claims.map(({ least: floor, most, weight }) => floor + (most - floor) * filled + (beyond * weight) / weights);
}

const sumOf = (claims: readonly Claim[], of: (claim: Claim) => number): number => claims.reduce((sum, claim) => sum + of(claim), 0);
