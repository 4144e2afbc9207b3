import pg from 'pg';
import { createEmptyDatabase, createTestDatabase } from './database.js';
import type { TestDatabase } from './database.js';

async function query<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('test databases', () => {
  it('are made at the same time without getting in each other’s way, and share nothing', async () => {
    const databases = await Promise.all(Array.from({ length: 8 }, () => createTestDatabase()));
    await Promise.all(databases.map(({ url }) => query(url, 'CREATE TABLE only_mine AS SELECT current_database()')));
    await Promise.all(databases.map((database) => database.drop()));
    expect(new Set(databases.map(({ url }) => url)).size).toBe(8);
  });

  it('are dropped although a client is still connected', async () => {
    const database: TestDatabase = await createEmptyDatabase();
    const client = new pg.Client({ connectionString: database.url });
    const lost = new Promise((resolve) => client.on('error', resolve));
    await client.connect();
    await database.drop();
    await lost;
    await expect(query(database.url, 'SELECT 1')).rejects.toThrow('does not exist');
  });

  it('have every table of the migrations', async () => {
    const database = await createTestDatabase();
    await expect(query(database.url, 'SELECT FROM principals')).resolves.toEqual([]);
    await database.drop();
  });

  it('hold UTF-8 and live on a server that counts statements', async () => {
    const database = await createEmptyDatabase();
    await query(database.url, 'CREATE EXTENSION pg_stat_statements');
    const [row] = await query<{ encoding: string }>(
      database.url,
      'SELECT pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = current_database()',
    );
    expect(row?.encoding).toBe('UTF8');
    await database.drop();
  });
});
