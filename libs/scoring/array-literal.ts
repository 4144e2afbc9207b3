type Element = string | number | boolean | null;

/**
 * An array as PostgreSQL reads it from text, for `$1::uuid[]`. The driver's own conversion quotes and escapes each element, which at a million
 * rows costs more than scoring them. Only for numbers, truth values and texts without any of `,{}"\`: ids, instants, our own words.
 */
export function arrayLiteral(values: readonly Element[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}
