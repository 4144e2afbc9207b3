import fc from 'fast-check';
import { requestedRange } from './byte-range.js';

describe('a range of bytes', () => {
  it.each([
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=0-', { start: 0, end: 9 }],
    ['bytes=3-5', { start: 3, end: 5 }],
    ['bytes=3-500', { start: 3, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-500', { start: 0, end: 9 }],
    ['Bytes= 9-9 ', { start: 9, end: 9 }],
    ['bytes=10-', null],
    ['bytes=10-20', null],
    ['bytes=-0', null],
    [undefined, undefined],
    ['bytes=', undefined],
    ['bytes=-', undefined],
    ['bytes=5-3', undefined],
    ['bytes=0-1,3-4', undefined],
    ['lines=0-1', undefined],
    ['bytes=a-b', undefined],
    ['bytes=1e1-2', undefined],
    ['bytes=99999999999999999999-', undefined],
  ])('%s of ten bytes is %j', (header, range) => {
    expect(requestedRange(header, 10)).toEqual(range);
  });

  it('of nothing can never be had', () => {
    for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) expect(requestedRange(header, 0)).toBeNull();
  });

  it('lies within the file, whatever is asked for', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat()).map(([first, last]) => `bytes=${first}-${last}`),
    );
    fc.assert(
      fc.property(text, fc.nat(1_000), (header, bytes) => {
        const range = requestedRange(header, bytes);
        if (range) expect(0 <= range.start && range.start <= range.end && range.end < bytes).toBe(true);
      }),
    );
  });
});
