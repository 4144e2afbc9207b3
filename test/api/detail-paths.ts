import type { Response } from 'supertest';

/** What an error names, in order of name. */
export function detailPaths(response: Response): string[] {
  const { details } = (response.body as { error: { details: { path: string }[] } }).error;
  return details.map(({ path }) => path).sort();
}
