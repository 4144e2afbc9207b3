/** A LIKE pattern for what begins with `text`, in lower case, its wildcards taken as they stand. */
export function likePrefix(text: string): string {
  return `${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
}
