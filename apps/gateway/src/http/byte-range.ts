import type { ByteRange } from '#libs/report-storage/report-storage.js';

const ONE_RANGE = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i;

/**
 * What `Range` asks for of so many bytes (RFC 9110, section 14): a part, `null` where no part can be had, or `undefined` where the whole is to be
 * sent: without the header, with another unit, with something that is no range, or with several, which nobody has to serve.
 */
export function requestedRange(header: string | undefined, bytes: number): ByteRange | null | undefined {
  const [, first = '', last = ''] = ONE_RANGE.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), bytes);
    return length === 0 ? null : { start: bytes - length, end: bytes - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= bytes ? null : { start, end: last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1) };
}
