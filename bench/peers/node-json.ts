import { createServer } from 'node:http';
import { createPool, PORT, scoresFrom } from './peer-settings.js';

/* Peer (d): node:http and JSON built in PostgreSQL, passed through as text: what the database and a socket cost, and next to nothing else. */

const page = (limit: number): string => `SELECT string_agg(item, ',') FILTER (WHERE place <= ${limit}) AS items,
  max(key) FILTER (WHERE place = ${limit}) AS key, count(*) > ${limit} AS more
  FROM (
    SELECT row_number() OVER () AS place, item, key FROM (
      SELECT (SELECT row_to_json(r) FROM (SELECT s.grant_id AS "grantId", g.principal_id AS "principalId", p.display_name AS "principalName",
          g.asset_id AS "assetId", a.name AS "assetName", g.permission, g.privilege, s.sensitivity, round(s.score::numeric, 2)::float8 AS score,
          round(s.priority::numeric, 2)::float8 AS priority, s.band, s.recommendation, s.model_version AS "modelVersion",
          s.computed_at AS "computedAt", s.next_band_at AS "nextBandAt") r)::text AS item, s.priority || ',' || s.grant_id AS key
      ${scoresFrom(limit + 1)}
    ) rows
  ) numbered`;

const pool = createPool();

createServer((request, response) => {
  const limit = Math.trunc(Number(new URLSearchParams(request.url?.split('?')[1]).get('limit') ?? 50));
  pool.query<{ items: string; key: string; more: boolean }>({ name: `page-${limit}`, text: page(limit) }).then(
    ({ rows: [row] }) => {
      const nextCursor = row?.more ? `"${Buffer.from(row.key).toString('base64url')}"` : 'null';
      const body = `{"items":[${row?.items ?? ''}],"nextCursor":${nextCursor}}`;
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
    },
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
}).listen(PORT, '127.0.0.1');
