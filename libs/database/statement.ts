/** SQL with `$1` and so on in the places of its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The places of so many values, comma-separated. */
export const places = (values: number): string => Array.from({ length: values }, (_, index) => `$${index + 1}`).join(', ');

/** The text of a statement that comes behind others with so many values. */
export function behind(values: number, text: string): string {
  return text.replace(/\$(\d+)/g, (_place, number: string) => `$${Number(number) + values}`);
}
