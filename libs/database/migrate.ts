import type { DataSource } from 'typeorm';
import { createDataSource } from './data-source.js';
import { MIGRATIONS } from './migrations.js';

/** Held while migrating, so that several replicas that start at once do it once. */
const MIGRATION_LOCK = 7_263_501;

async function withLock<T>(url: string, work: (source: DataSource) => Promise<T>): Promise<T> {
  const source = await createDataSource({ url, poolTimeoutMs: 10_000, applicationName: 'access-governance-migrate' }).initialize();
  const lock = source.createQueryRunner();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    return await work(source);
  } finally {
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => undefined);
    await lock.release();
    await source.destroy();
  }
}

/** Brings the schema up to this version; answers the names of the migrations it ran. Each runs in a transaction of its own. */
export function migrate(url: string): Promise<string[]> {
  return withLock(url, async (source) => (await source.runMigrations({ transaction: 'each' })).map((migration) => migration.name));
}

/** Takes back the newest migration; answers its name, or null where there is none left. */
export function migrateDown(url: string): Promise<string | null> {
  return withLock(url, async (source) => {
    const before = await ranMigrations(source);
    await source.undoLastMigration({ transaction: 'each' });
    const after = new Set(await ranMigrations(source));
    return before.find((name) => !after.has(name)) ?? null;
  });
}

async function ranMigrations(source: DataSource): Promise<string[]> {
  const rows: { name: string }[] = await source.query('SELECT name FROM migrations ORDER BY id');
  return rows.map((row) => row.name);
}

/**
 * Why the schema does not fit this version of the code, or null where it does. Migrations that only a newer version knows are no problem:
 * during a rolling update the replicas of the version before go on serving.
 */
export function schemaProblem(ran: readonly string[]): string | null {
  const missing = MIGRATIONS.map((migration) => migration.name).filter((name) => !ran.includes(name));
  return missing.length > 0 ? `the schema is behind by ${missing.length} migration(s), from ${missing[0]} on: run npm run migrate` : null;
}
