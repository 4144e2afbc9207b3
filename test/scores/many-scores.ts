import type pg from 'pg';

/**
 * Fills a database with scores at random, straight into its tables and without the engine: principals and assets enough that each has dozens of
 * grants, bands and sensitivities in proportions of a company that has not looked for a while.
 */
export async function loadScores(client: pg.Client, count: number): Promise<void> {
  const [principals, assets] = [Math.ceil(count / 30), Math.ceil(count / 100)];
  await client.query(
    `INSERT INTO principals (id, type, display_name, source, status, department, created_at, updated_at, version)
     SELECT md5('p' || n)::uuid, 'user', 'Principal ' || n, 'manual', 'active', 'Department ' || n % 40, now(), now(), 1 FROM generate_series(1, $1::integer) n`,
    [principals],
  );
  await client.query(
    `INSERT INTO assets (id, type, name, source, sensitivity, status, usage_tracked_since, created_at, updated_at, version)
     SELECT md5('a' || n)::uuid, 'table', 'asset ' || n, 'manual', (ARRAY['public', 'internal', 'internal', 'confidential', 'restricted'])[n % 5 + 1],
       'active', now() - interval '800 days', now(), now(), 1 FROM generate_series(1, $1::integer) n`,
    [assets],
  );
  await client.query(
    `INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, created_at, updated_at, version)
     SELECT md5('g' || n)::uuid, md5('p' || (n % $2 + 1))::uuid, md5('a' || ((n * 7919::bigint) % $3 + 1))::uuid, 'P' || n,
       (ARRAY['read', 'read', 'read', 'write', 'admin'])[n % 5 + 1], 'manual', 'active', now() - random() * interval '700 days',
       '{"id":"dev","type":"user","principalId":null}', now(), now(), 1
     FROM generate_series(1, $1::integer) n`,
    [count, principals, assets],
  );
  await client.query(
    `INSERT INTO scores (grant_id, principal_id, asset_id, sensitivity, band, recommendation, score, priority, model_version, computed_at,
       cadence_gaps, usage_revision, history_day)
     SELECT id, principal_id, asset_id, sensitivity, band,
       CASE band WHEN 'dormant' THEN 'revoke' WHEN 'stale' THEN 'review' WHEN 'insufficient_data' THEN 'none' ELSE 'keep' END,
       score, score * (0.5 + random() / 2), '1', now() - random() * interval '1 hour', 0, 0, 0
     FROM (
       SELECT g.id, g.principal_id, g.asset_id, a.sensitivity, r.score, CASE WHEN r.few THEN 'insufficient_data' WHEN r.score < 25 THEN 'active'
         WHEN r.score < 50 THEN 'aging' WHEN r.score < 75 THEN 'stale' ELSE 'dormant' END AS band
       FROM grants g JOIN assets a ON a.id = g.asset_id
       CROSS JOIN LATERAL (SELECT 100 * random() AS score, random() < 0.05 AND g.id IS NOT NULL AS few) r
     ) drawn`,
  );
  await client.query('DELETE FROM rescoring_queue');
}
