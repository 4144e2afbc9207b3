import { columnWidths } from './pdf-columns.js';
import { Faces } from './pdf-fonts.js';
import { createKit } from './pdf-kit.js';
import { breakLines } from './pdf-lines.js';

const ROOM = 400;
const SIZE = 7;
const LONG = 'Needed for the close of every quarter, as was agreed upon with everybody who had asked for it a year ago. '.repeat(3);

describe('the columns of a table on paper', () => {
  const { regular, bold } = new Faces(createKit({ fontLayoutCache: false }).kit);
  const columns = ['Status', 'Name', 'Too fast to be read', 'Justification'].map((title) => ({ name: title, title, weight: 1 }));
  const widths = (rows: (string | null)[][]): number[] =>
    columnWidths(columns, rows, ROOM, 0, { cell: { size: SIZE, characters: regular }, heading: { size: SIZE, characters: bold } });
  const lines = (text: string, width: number | undefined): number => breakLines(text, regular, ((width ?? 0) * 1000) / SIZE + 1).length;

  it('give a short value its one line, and a long one what is left', () => {
    const [status, name, flag, justification] = widths([['signed_off', 'schema_12.table_345', null, LONG]]);
    expect([lines('signed_off', status), lines('schema_12.table_345', name), lines('true', flag)]).toEqual([1, 1, 1]);
    expect(justification).toBeGreaterThan(ROOM / 3);
  });

  it('fill the page exactly, whether all have enough or none', () => {
    for (const row of [
      ['a', 'b', 'c', 'd'],
      [null, null, null, null],
      [LONG, LONG, LONG, LONG],
      ['x'.repeat(200), 'y'.repeat(200), 'z'.repeat(200), 'w'.repeat(200)],
    ]) {
      expect(widths([row]).reduce((sum, width) => sum + width, 0)).toBeCloseTo(ROOM);
    }
  });
});
