/** What a JSON merge patch (RFC 7396) says: its members without those that were left out, which stay as they are. */
export function definedOnly<T extends object>(patch: T): T {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as T;
}
