import pg from 'pg';
import { createEmptyDatabase, type TestDatabase } from '../../test/support/database.js';
import { createDataSource } from './data-source.js';
import { Database } from './database.js';
import { migrate, migrateDown, schemaProblem } from './migrate.js';
import { MIGRATIONS } from './migrations.js';

const NAMES = MIGRATIONS.map((migration) => migration.name);

/** Every table, column, index, constraint, function and trigger of the schema, as PostgreSQL describes it, but for TypeORM's own table. */
const SCHEMA = `
  SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS thing
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'
  UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'migrations'
  UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('migrations'), 0)
  UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
  UNION ALL SELECT 'sequence ' || relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace AND relname <> 'migrations_id_seq'
  ORDER BY thing`;

describe('the migrations', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await createEmptyDatabase();
  });

  afterEach(() => database.drop());

  async function schema(): Promise<string[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<{ thing: string }>(SCHEMA)).rows.map(({ thing }) => thing);
    } finally {
      await client.end();
    }
  }

  it('each take back what they did, down to an empty database, and do it again', async () => {
    expect(await migrate(database.url)).toEqual(NAMES);
    const whole = await schema();
    const below: string[][] = [];
    for (const name of [...NAMES].reverse()) {
      expect(await migrateDown(database.url)).toBe(name);
      below.unshift(await schema());
    }
    expect(below[0]).toEqual([]);
    expect(await migrateDown(database.url)).toBeNull();
    expect(await migrate(database.url)).toEqual(NAMES);
    expect(await schema()).toEqual(whole);
    expect(await migrate(database.url)).toEqual([]);
  });

  it('run once where several replicas start at once', async () => {
    const ran = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url)));
    expect(ran.flat()).toEqual(NAMES);
  });

  it('are missed by name where the schema is behind, and not at all where it is ahead', () => {
    expect(schemaProblem(NAMES)).toBeNull();
    expect(schemaProblem([...NAMES, 'FromTheFuture1999999999999'])).toBeNull();
    expect(schemaProblem(NAMES.slice(0, -2))).toBe(`the schema is behind by 2 migration(s), from ${NAMES.at(-2)} on: run npm run migrate`);
    expect(schemaProblem([])).toContain(`behind by ${NAMES.length} migration(s), from ${NAMES[0]}`);
  });

  it('are looked for in the database itself, where nobody may have run any', async () => {
    const reader = new Database(createDataSource({ url: database.url }));
    await reader.onModuleInit();
    expect(await reader.schemaProblem()).toBe(schemaProblem([]));
    await migrate(database.url);
    await migrateDown(database.url);
    expect(await reader.schemaProblem()).toBe(schemaProblem(NAMES.slice(0, -1)));
    await migrate(database.url);
    expect(await reader.schemaProblem()).toBeNull();
    await reader.close();
  });
});
