import { TupleParam } from '@clickhouse/client';

const ESCAPES: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\0': '\\0', "'": "\\'", '\\': '\\\\' };

/**
 * A query parameter in ClickHouse's escaped text form, as the HTTP interface takes it in `param_…`: the whole value for the statement's
 * `{name:Type}` to read. Dates keep their milliseconds.
 * https://clickhouse.com/docs/interfaces/http#cli-queries-with-parameters
 */
export function formatQueryParameter(value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (typeof value === 'string') return escape(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  return formatScalar(value) ?? formatCollection(value);
}

/** Inside an array, tuple or map the syntax is that of SQL literals: strings in quotes, NULL as a word. */
function formatElement(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return `'${escape(value)}'`;
  if (typeof value === 'boolean') return value ? 'TRUE' : 'FALSE';
  return formatScalar(value) ?? formatCollection(value);
}

function formatScalar(value: unknown): string | null {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'nan';
    if (!Number.isFinite(value)) return value > 0 ? '+inf' : '-inf';
    return String(value);
  }
  if (value instanceof Date) return formatDate(value);
  return null;
}

function formatCollection(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatElement).join(',')}]`;
  if (value instanceof TupleParam) return `(${value.values.map(formatElement).join(',')})`;
  if (value instanceof Map) return formatEntries([...(value as Map<unknown, unknown>)]);
  if (typeof value === 'object' && value !== null) return formatEntries(Object.entries(value));
  throw new TypeError(`A ${typeof value} cannot be a query parameter.`);
}

function formatEntries(entries: readonly (readonly [unknown, unknown])[]): string {
  return `{${entries.map(([key, value]) => `${formatElement(key)}:${formatElement(value)}`).join(',')}}`;
}

/** Seconds since 1970: a number is the one form whose meaning does not depend on the time zone of the column. */
function formatDate(value: Date): string {
  const seconds = Math.floor(value.getTime() / 1000);
  const milliseconds = value.getUTCMilliseconds();
  // ClickHouse takes a short number of digits for a year.
  const whole = seconds.toString().padStart(10, '0');
  return milliseconds === 0 ? whole : `${whole}.${milliseconds.toString().padStart(3, '0')}`;
}

function escape(text: string): string {
  return text.replace(/[\t\n\r\0'\\]/g, (character) => ESCAPES[character] ?? character);
}
