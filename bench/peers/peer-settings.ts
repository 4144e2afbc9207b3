import pg from 'pg';

/** What every peer in TypeScript reads from its environment. */
export const PORT = Number(process.env['PORT']);
export const POOL_SIZE = Number(process.env['POOL_SIZE']);
export const DATABASE_URL = process.env['DATABASE_URL'] ?? '';

export const createPool = (): pg.Pool => new pg.Pool({ connectionString: DATABASE_URL, max: POOL_SIZE });

/** Where the next page begins, as a peer without secrets says it. */
export const cursorAfter = (last: { priority: number; grantId: string }): string =>
  Buffer.from(JSON.stringify([last.priority, last.grantId])).toString('base64url');

/**
 * The page's rows, which every peer reads: by the same index, with the same joins. The limit stands in the text, one statement for each, since
 * with a parameter PostgreSQL would plan at every execution: the peers are to be as good as we know how.
 */
export const scoresFrom = (limit: number): string => `FROM scores s
  JOIN grants g ON g.id = s.grant_id JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id
  WHERE g.status = 'active' AND (g.expires_at IS NULL OR g.expires_at > now())
  ORDER BY s.priority DESC, s.grant_id DESC LIMIT ${limit}`;

// A peer has nothing to finish; leaving in order is what lets a profile of it be written.
process.once('SIGTERM', () => process.exit(0));
