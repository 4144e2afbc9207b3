import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import pg from 'pg';
import { PostgresServer } from './postgres-server.js';
import { eventually } from './eventually.js';

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a PostgreSQL server of a spec', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start({ settings: { fsync: 'on', synchronous_commit: 'on', work_mem: '7MB' } });
  });
  afterAll(() => server.remove());

  it('runs with the settings that were asked for', async () => {
    expect(await query(server.url(), 'SHOW work_mem')).toEqual([{ work_mem: '7MB' }]);
  });

  it('keeps its data and its address over a stop and over a kill', async () => {
    const url = server.url();
    await query(url, 'CREATE TABLE kept AS SELECT 1 AS row');
    await server.stop();
    await expect(query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    await query(url, 'INSERT INTO kept VALUES (2)');
    await server.kill();
    await expect(query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    expect(await query(url, 'SELECT row FROM kept ORDER BY row')).toEqual([{ row: 1 }, { row: 2 }]);
  });

  it('is gone with its folder after whoever started it was killed', async () => {
    const script = `
      const { PostgresServer } = await import('./dist/test/support/postgres-server.js');
      const server = await PostgresServer.start();
      console.log(JSON.stringify({ url: server.url(), folder: server.folder }));
      setInterval(() => undefined, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { url, folder } = JSON.parse(line.toString()) as { url: string; folder: string };
    expect(await query(url, 'SELECT 1 AS answers')).toEqual([{ answers: 1 }]);
    child.kill('SIGKILL');
    await eventually(async () => {
      await expect(access(folder)).rejects.toThrow('ENOENT');
      await expect(query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    });
  });
});
