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
 * the columns whose values would have more lines without it, those that want least first.
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
    const heading = extent(title, styles.heading);
    const least = Math.min(MOST_FOR_A_WORD, Math.max(heading.word, ...values.map(({ word }) => word)));
    // A heading may have two lines: it stands once on a page, and values on every line.
    const most = Math.min(MOST_FOR_A_VALUE, Math.max(heading.full / 2, ...values.map(({ full }) => full)));
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
  const more = filled(
    claims.map(({ most, least: floor }) => most - floor),
    room - least,
  );
  // Where every value has its line, the rest is spread as the weights say.
  const beyond = room - least - more.reduce((sum, each) => sum + each, 0);
  const weights = sumOf(claims, ({ weight }) => weight);
  return claims.map(({ least: floor, weight }, index) => floor + (more[index] ?? 0) + (beyond * weight) / weights);
}

/** What each gets of a room: the same, but nobody more than they want. So short values have their line, and long ones have more lines. */
function filled(wants: readonly number[], room: number): number[] {
  const given = wants.map(() => 0);
  const order = [...wants.keys()].sort((one, other) => (wants[one] ?? 0) - (wants[other] ?? 0));
  let left = room;
  for (const [place, index] of order.entries()) {
    given[index] = Math.min(wants[index] ?? 0, left / (order.length - place));
    left -= given[index];
  }
  return given;
}

const sumOf = (claims: readonly Claim[], of: (claim: Claim) => number): number => claims.reduce((sum, claim) => sum + of(claim), 0);
