/**
 * A LIKE pattern for what begins with `text`, its wildcards taken as they stand. PostgreSQL folds the case of both sides: JavaScript's own
 * folding is another one for some letters.
 */
export function likePrefix(text: string): string {
  return `${text.replace(/[\\%_]/g, '\\$&')}%`;
}
