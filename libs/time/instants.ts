/** RFC 3339, section 5.6, without leap seconds, from the year 2 on: with any offset, the year 1 is one that PostgreSQL and JavaScript both write. */
export const INSTANT_PATTERN =
  '^(000[2-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$';

const INSTANT = new RegExp(INSTANT_PATTERN);
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * An RFC 3339 time as UTC with milliseconds (what is finer is cut off), or null where it is none: of another form, or 30 February. What its offset
 * would put into the year 10,000 is the last instant before it.
 */
export function parseInstant(value: string): string | null {
  if (!INSTANT.test(value)) return null;
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  const calendar = new Date(0);
  calendar.setUTCFullYear(year, month - 1, day);
  if (calendar.getUTCDate() !== day) return null;
  const time = Date.parse(value.toUpperCase().replace(/(\.[0-9]{3})[0-9]+/, '$1'));
  return new Date(Math.min(time, LATEST)).toISOString();
}
