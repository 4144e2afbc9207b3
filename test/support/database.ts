import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { migrate } from '#libs/database/migrate.js';

/** A database of one spec on the run's server. */
export interface TestDatabase {
  /** Its superuser's URL. */
  readonly url: string;
  /** Ends every connection to it and deletes it. */
  drop(): Promise<void>;
}

/** One lock for all of the run's workers: PostgreSQL refuses to clone a template that another session is cloning. */
const CLONING = 7_206_113;

/** A database of its own with every migration applied: a clone of a template that is migrated once in a run. */
export function createTestDatabase(): Promise<TestDatabase> {
  return create(async (client) => {
    const template = `${prefix()}_template`;
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (found.rowCount === 0) await createTemplate(client, template);
    return template;
  });
}

/** A database of its own without any table: for tests of the migrations, and for servers that stand in for a connector's target. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create(() => Promise.resolve('template0'));
}

async function create(template: (client: pg.Client) => Promise<string>): Promise<TestDatabase> {
  const name = `${prefix()}_${randomBytes(6).toString('hex')}`;
  await asAdmin(async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [CLONING]);
    const source = await template(client);
    // FILE_COPY is the quicker strategy while the checkpoints it forces have nothing to flush to disk.
    await client.query(`CREATE DATABASE "${name}" TEMPLATE "${source}" STRATEGY FILE_COPY`);
  });
  return {
    url: urlOf(name),
    drop: () =>
      asAdmin(async (client) => {
        await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      }),
  };
}

/** Built under another name first: a migration that fails half-way must not leave a template behind that the next spec takes for whole. */
async function createTemplate(client: pg.Client, template: string): Promise<void> {
  const draft = `${template}_draft`;
  await client.query(`DROP DATABASE IF EXISTS "${draft}" WITH (FORCE)`);
  await client.query(`CREATE DATABASE "${draft}" TEMPLATE template0`);
  await migrate(urlOf(draft));
  await client.query(`ALTER DATABASE "${draft}" RENAME TO "${template}"`);
}

async function asAdmin(work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await work(client);
  } finally {
    // The session's advisory lock goes with the connection.
    await client.end();
  }
}

function prefix(): string {
  return `gateway_test_${process.env['TEST_RUN_ID'] ?? process.pid}`;
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

function serverUrl(): string {
  const url = process.env['TEST_POSTGRES_URL'];
  if (!url) throw new Error('TEST_POSTGRES_URL is not set: run the spec with jest, whose globalSetup starts a server.');
  return url;
}
