import express, { type Request, type Response } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { createPool, cursorAfter, PORT, scoresFrom } from './peer-settings.js';

/*
 * Peer (b): Express 5, pg with prepared statements, `res.json`. Everything as Express comes, and no authentication, log or validation. The bare
 * INSERT is the floor that writes are compared with.
 */

const list = (
  limit: number,
): string => `SELECT s.grant_id AS "grantId", g.principal_id AS "principalId", p.display_name AS "principalName", g.asset_id AS "assetId",
  a.name AS "assetName", g.permission, g.privilege, s.sensitivity, round(s.score::numeric, 2)::float8 AS score,
  round(s.priority::numeric, 2)::float8 AS priority, s.band, s.recommendation, s.model_version AS "modelVersion", s.computed_at AS "computedAt",
  s.next_band_at AS "nextBandAt" ${scoresFrom(limit)}`;

const INSERT = `INSERT INTO bare_principals (id, type, display_name, source, status, attributes, created_at, updated_at, version)
  VALUES ($1, $2, $3, 'manual', 'active', '{}', $4, $4, 1)
  RETURNING id, type, display_name AS "displayName", source, status, attributes, created_at AS "createdAt", updated_at AS "updatedAt", version`;

interface ScoreRow {
  grantId: string;
  priority: number;
}

const pool = createPool();
const app = express();

app.get('/static', (_request: Request, response: Response) => {
  response.json({ status: 'ok' });
});

app.get('/scores', async (request: Request, response: Response) => {
  const limit = Math.trunc(Number(request.query['limit'] ?? 50));
  const { rows } = await pool.query<ScoreRow>({ name: `list-${limit}`, text: list(limit + 1) });
  const items = rows.slice(0, limit);
  response.json({ items, nextCursor: rows.length > limit ? cursorAfter(items[limit - 1]!) : null });
});

app.post('/principals', express.json(), async (request: Request, response: Response) => {
  const { type, displayName } = request.body as { type: string; displayName: string };
  const { rows } = await pool.query<object>({ name: 'insert', text: INSERT, values: [uuidv7(), type, displayName, new Date()] });
  response.status(201).json(rows[0]);
});

app.listen(PORT, '127.0.0.1');
