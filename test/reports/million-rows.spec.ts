import { readFileSync } from 'node:fs';
import pg from 'pg';
import { scaled } from '../support/scale.js';
import { ReportGround } from './report-ground.js';

const GRANTS = 1_000_000;
const MOST_MEMORY_MB = 300;

/** So many grants of a few thousand people on a few thousand assets, written past the API. */
async function fill(ground: ReportGround, grants: number): Promise<void> {
  await ground.system.sql(`
    INSERT INTO principals SELECT gen_random_uuid(), 'user', 'Person, ' || n, 'p' || n || '@example.com', 'x' || n, 'entra', 'active', 'Department ' || n % 40,
      NULL, NULL, '{}', '2025-01-01', '2025-01-01', 1 FROM generate_series(1, 5000) n`);
  await ground.system.sql(`
    INSERT INTO assets (id, type, name, source, sensitivity, status, created_at, updated_at, version, usage_tracked_since)
      SELECT gen_random_uuid(), 'table', 'schema_' || n % 50 || '.table_' || n, 'manual', 'internal', 'active', '2025-01-01', '2025-01-01', 1, '2025-01-01'
      FROM generate_series(1, 2000) n`);
  await ground.system.sql(
    `WITH p AS (SELECT id, row_number() OVER () - 1 AS place FROM principals WHERE type = 'user'), a AS (SELECT id, row_number() OVER () - 1 AS place FROM assets)
      INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, justification, created_at, updated_at, version)
      SELECT gen_random_uuid(), p.id, a.id, 'SELECT', 'read', 'manual', 'active', '2025-03-01', '{"id":"dev","type":"user","principalId":null}',
        'Needed for the "quarterly" close', '2025-03-01', '2025-03-01', 1
      FROM generate_series(0, $1::integer - 1) n JOIN p ON p.place = n % 5000 JOIN a ON a.place = (n / 5000 + n) % 2000`,
    [grants],
  );
  // Nobody is to score them meanwhile.
  await ground.system.sql('TRUNCATE rescoring_queue');
  await ground.system.sql('ANALYZE');
}

/** What a worker has taken at the most since it started, in megabytes. */
function peakMemoryMb(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
}

/** How long PostgreSQL takes to copy the same columns out, in seconds: what `\copy` does, up to the disk. */
async function copySeconds(ground: ReportGround): Promise<number> {
  const client = new pg.Client({ connectionString: ground.system.database.url });
  await client.connect();
  try {
    const started = performance.now();
    await client.query(`COPY (
      SELECT g.id, g.principal_id, p.type, p.display_name, p.email, p.external_id, p.status, p.department, g.asset_id, a.type, a.name, a.sensitivity,
        g.permission, g.privilege, g.source, g.granted_at, g.granted_by->>'id', g.expires_at, g.justification
      FROM grants g JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id
      WHERE g.granted_at <= now() AND (g.revoked_at IS NULL OR g.revoked_at > now()) AND (g.expires_at IS NULL OR g.expires_at > now()) ORDER BY g.id
    ) TO PROGRAM 'cat > /dev/null' (FORMAT csv, HEADER)`);
    return (performance.now() - started) / 1_000;
  } finally {
    await client.end();
  }
}

describe('a report of a million rows', () => {
  let ground: ReportGround;
  const grants = scaled(GRANTS);

  beforeAll(async () => {
    ground = await ReportGround.start();
    await fill(ground, grants);
  }, 900_000);

  afterAll(() => ground.close());

  it.each(['csv', 'jsonl'])(
    'in %s is written in bounded memory, at least half as fast as PostgreSQL copies it out',
    async (format) => {
      await copySeconds(ground);
      const { id } = await ground.ask('access_listing', format);
      const report = await ground.ended(id, 600_000);
      const seconds = (Date.parse(report.completedAt) - Date.parse(report.startedAt)) / 1_000;
      const copy = await copySeconds(ground);
      const memory = peakMemoryMb(ground.system.workers[0]!.pid);
      console.log(
        `${format}: ${report.rows} rows in ${seconds.toFixed(1)} s, copied in ${copy.toFixed(1)} s, ${memory.toFixed(0)} MB at most`,
      );
      expect(report).toMatchObject({ status: 'completed', rows: grants, reconciliation: { population: grants, included: grants } });
      expect(memory).toBeLessThan(MOST_MEMORY_MB);
      // The figure is one of a million rows. Of fewer, what does not grow with them weighs more, and a collapse alone is looked for.
      expect(seconds).toBeLessThan(grants === GRANTS ? 2 * copy : 5 * copy + 5);
    },
    900_000,
  );
});
