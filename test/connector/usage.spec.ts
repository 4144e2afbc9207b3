import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { ConnectorProcess } from './connector-process.js';
import { GatewayProxy } from './gateway-proxy.js';
import { EngineProcess } from '../scores/engine-process.js';
import { freePort } from '../support/postgres-server.js';
import { Landscape } from './landscape.js';

interface ListedGrant {
  id: string;
  principalName: string;
  assetName: string;
  permission: string;
  lastUsedAt: string | null;
}

let landscape: Landscape;
let client: pg.Client;
let folder: string;
let engine: EngineProcess;

beforeAll(async () => {
  landscape = await Landscape.start();
  ({ client } = landscape);
  engine = await EngineProcess.start(landscape.environment);
  folder = await mkdtemp(join(tmpdir(), 'connector-usage-'));
  await client.query(`
    CREATE EXTENSION pg_stat_statements;
    CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE staff; CREATE ROLE keeper; GRANT staff TO ann;
    CREATE TABLE ledger (id int, note text); CREATE TABLE journal (id int); CREATE TABLE unused (id int);
    CREATE VIEW book AS SELECT id FROM journal; ALTER VIEW book OWNER TO keeper;
    GRANT SELECT, INSERT ON ledger TO staff; GRANT SELECT ON ledger TO bob; GRANT SELECT ON journal TO keeper; GRANT SELECT ON book TO bob;
    GRANT SELECT, UPDATE ON unused TO ann; GRANT UPDATE (note) ON ledger TO bob`);
}, 60_000);

afterAll(async () => {
  await engine.stop();
  await landscape.stop();
  await rm(folder, { recursive: true, force: true });
});

const withState = (source: string): Record<string, string> => ({ CONNECTOR_STATE_FILE: join(folder, `${source}.json`) });
const synchronise = (source: string) => landscape.synchronise(source, withState(source));

/** Runs statements as a role, in a session of its own. */
async function as(role: string, ...statements: string[]): Promise<void> {
  await client.query(`SET SESSION AUTHORIZATION ${role}`);
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.query('RESET SESSION AUTHORIZATION');
  }
}

/** Every use that was sent has been credited. */
async function settled(): Promise<void> {
  const gateway = new pg.Client({ connectionString: landscape.database.url });
  await gateway.connect();
  try {
    await eventually(async () => {
      const { rows } = await gateway.query<{ left: number }>(
        `SELECT count(*)::int AS left FROM messages WHERE topic = 'governance.usage'
           AND id > coalesce((SELECT max(position) FROM consumer_offsets WHERE topic = 'governance.usage'), 0)`,
      );
      return rows[0]?.left === 0;
    });
  } finally {
    await gateway.end();
  }
}

/** How many different events of use the gateway has counted. */
async function counted(): Promise<number> {
  await settled();
  const gateway = new pg.Client({ connectionString: landscape.database.url });
  await gateway.connect();
  const { rows } = await gateway
    .query<{ events: number }>('SELECT count(*)::int AS events FROM usage_events_seen')
    .finally(() => gateway.end());
  return rows[0]!.events;
}

/** The grants of the source that were used, with the time. */
async function usedAt(source: string): Promise<Map<string, string>> {
  await settled();
  const grants = await landscape.list<ListedGrant>(source, `/v1/grants?source=${source}&status=active`);
  const used = grants.filter(({ lastUsedAt }) => lastUsedAt !== null);
  return new Map(
    used.map(({ principalName, permission, assetName, lastUsedAt }) => [`${principalName}: ${permission} on ${assetName}`, lastUsedAt!]),
  );
}

const used = async (source: string): Promise<string[]> => [...(await usedAt(source)).keys()].sort();

async function trackedSince(source: string): Promise<(string | null)[]> {
  const tables = await landscape.list<{ usageTrackedSince: string | null }>(source, `/v1/assets?source=${source}&type=table&status=active`);
  return [...new Set(tables.map(({ usageTrackedSince }) => usageTrackedSince))];
}

describe('the use of privileges at a live PostgreSQL server', () => {
  it('is not told of what was before the first observation, and nothing is told twice', async () => {
    await as('bob', 'SELECT * FROM ledger');
    expect((await synchronise('first')).usage).toMatchObject({ tracked: true, reason: null, baseline: true, events: 0 });
    const [since, ...others] = await trackedSince('first');
    expect(others).toEqual([]);
    expect(Math.abs(Date.parse(since!) - Date.now())).toBeLessThan(60_000);
    expect(await synchronise('first')).toMatchObject({ changes: 0, usage: { baseline: false, events: 0, marked: 0 } });
    expect(await used('first')).toEqual([]);
    await as('bob', 'SELECT * FROM ledger');
    expect((await synchronise('first')).usage).toMatchObject({ events: 1, rejected: 0 });
    expect((await synchronise('first')).usage).toMatchObject({ events: 0 });
    expect(await used('first')).toEqual(['bob: SELECT on public.ledger']);
    expect(await trackedSince('first')).toEqual([since]);
  });

  it('is credited to exactly the grants that allowed it: a group’s, a view’s, what its owner holds beneath, and rights on columns', async () => {
    await synchronise('exact');
    const before = Date.now();
    await as('ann', 'SELECT note FROM ledger WHERE id = 4', 'INSERT INTO ledger VALUES (1)');
    await as('bob', 'SELECT count(*) FROM book', `UPDATE ledger SET note = 'x'`);
    await synchronise('exact');
    const times = await usedAt('exact');
    expect([...times.keys()].sort()).toEqual([
      'bob: SELECT on public.book',
      'bob: UPDATE (columns) on public.ledger',
      'keeper: SELECT on public.journal',
      'staff: INSERT on public.ledger',
      'staff: SELECT on public.ledger',
    ]);
    for (const time of times.values()) {
      expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    }
  });

  it('of a superuser is the use of being one, and of no grant to everybody', async () => {
    await client.query('GRANT SELECT ON unused TO PUBLIC');
    await synchronise('super');
    await client.query('SELECT id FROM unused');
    await synchronise('super');
    expect((await used('super')).map((grant) => grant.replace(/ on 127.*/, ' on the server'))).toEqual([
      'postgres: SUPERUSER on the server',
    ]);
    await client.query('REVOKE SELECT ON unused FROM PUBLIC');
  });

  it('of a member of a predefined role is the use of that role too, since it allows as much', async () => {
    await client.query('CREATE ROLE auditor LOGIN; CREATE ROLE auditors; GRANT pg_read_all_data TO auditors; GRANT auditors TO auditor');
    await synchronise('predefined');
    await as('auditor', 'SELECT id FROM journal');
    await synchronise('predefined');
    expect((await used('predefined')).map((grant) => grant.replace(/ on 127.*/, ' on the server'))).toEqual([
      'pg_read_all_data: pg_read_all_data on the server',
    ]);
  });

  it('is seen in every database, by the search path of the role there, and under names that need quotes', async () => {
    await client.query('CREATE DATABASE other');
    await client.query('ALTER ROLE bob IN DATABASE other SET search_path TO "My Place", public');
    const elsewhere = new pg.Client({ connectionString: landscape.target.url('other') });
    await elsewhere.connect();
    await elsewhere.query(
      `CREATE SCHEMA "My Place"; CREATE TABLE "My Place"."ledger" (id int); CREATE TABLE ledger (id int);
       GRANT USAGE ON SCHEMA "My Place" TO bob; GRANT SELECT ON ALL TABLES IN SCHEMA public, "My Place" TO bob`,
    );
    try {
      await synchronise('places');
      await elsewhere.query(`SET SESSION AUTHORIZATION bob; SET search_path TO "My Place", public`);
      await elsewhere.query('SELECT id FROM "ledger"');
      await synchronise('places');
      expect(await used('places')).toEqual(['bob: SELECT on My Place.ledger']);
    } finally {
      await elsewhere.end();
      await client.query('DROP DATABASE other');
    }
  });

  it('is neither invented nor doubled by a reset, an eviction of one statement or a restart of the server', async () => {
    await as('bob', 'SELECT id FROM ledger');
    await synchronise('reset');
    await client.query('SELECT pg_stat_statements_reset()');
    expect((await synchronise('reset')).usage!.events).toBe(0);
    await as('bob', 'SELECT id FROM ledger');
    expect((await synchronise('reset')).usage!.events).toBe(1);
    // As an eviction does, this drops one counter alone.
    await client.query(
      `SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements(false) WHERE userid = 'bob'::regrole`,
    );
    expect((await synchronise('reset')).usage!.events).toBe(0);
    await as('bob', 'SELECT id FROM ledger');
    expect((await synchronise('reset')).usage!.events).toBe(1);
    await client.end();
    await landscape.target.restart();
    client = landscape.client = new pg.Client({ connectionString: landscape.target.url() });
    await client.connect();
    expect((await synchronise('reset')).usage).toMatchObject({ baseline: false, events: 0 });
  });

  it.each([
    { when: 'before the gateway has it', after: false },
    { when: 'when the gateway has it and the connector does not know', after: true },
  ])('is counted once by the next run where one is killed $when', async ({ after }) => {
    const source = `killed-${String(after)}`;
    // One identity, as in life: an event is known by who sends it and its id.
    const same = { ...withState(source), CONNECTOR_TOKEN: landscape.token(source) };
    await landscape.synchronise(source, same);
    await as('bob', 'SELECT id FROM ledger');
    const before = await counted();
    const proxy = await GatewayProxy.start(landscape.gateway.url);
    try {
      const variables = landscape.variables(source, { ...same, CONNECTOR_GATEWAY_URL: proxy.url });
      const connector = ConnectorProcess.start(variables);
      proxy.cutAt(1, after, () => connector.kill('SIGKILL'));
      expect(await connector.end()).toMatchObject({ code: null, summaries: [] });
    } finally {
      await proxy.close();
    }
    await as('bob', 'SELECT id FROM ledger');
    // What was left is sent again as it was, and what came since is another event.
    expect((await landscape.synchronise(source, same)).usage).toMatchObject({ baseline: false, events: 2 });
    expect(await counted()).toBe(before + 2);
    expect(await used(source)).toEqual(['bob: SELECT on public.ledger']);
  });

  it('begins anew without moving anything where the state was lost, and says so', async () => {
    await synchronise('lost');
    const since = await trackedSince('lost');
    await as('bob', 'SELECT id FROM ledger');
    await rm(withState('lost')['CONNECTOR_STATE_FILE']!);
    expect((await synchronise('lost')).usage).toMatchObject({ baseline: true, events: 0, marked: 0 });
    expect(await used('lost')).toEqual([]);
    expect(await trackedSince('lost')).toEqual(since);
  });

  it('of statements that cannot be read is counted and warned of without their text', async () => {
    await synchronise('odd');
    await as('bob', `SELECT id, id, id AS s3cret /* ${'long '.repeat(120_000)} */ FROM ledger`);
    await as('ann', 'CREATE TEMP TABLE s3cret_notes (id int)', 'SELECT id FROM s3cret_notes', 'DROP TABLE s3cret_notes');
    const { code, stderr, summaries } = await ConnectorProcess.start(landscape.variables('odd', withState('odd'))).end();
    expect([code, summaries[0]?.usage]).toMatchObject([0, { unreadable: 1, unresolved: 1 }]);
    expect(stderr).toContain('Statements of which a table is gone, temporary, or not to be told from others of its name: 1.');
    expect(stderr).not.toContain('s3cret');
    expect(await readFile(withState('odd')['CONNECTOR_STATE_FILE']!, 'utf8')).not.toContain('s3cret');
  });

  it('that cannot be seen leaves the tables untracked, with the reason, and they are tracked again when it can', async () => {
    await client.query(`CREATE ROLE reader LOGIN PASSWORD 'reader'`);
    const url = new URL(landscape.target.url());
    url.username = url.password = 'reader';
    const asReader = { ...withState('blind'), CONNECTOR_TARGET_URL: url.href };
    expect((await landscape.synchronise('blind', asReader)).usage).toMatchObject({ tracked: false, marked: 0 });
    await client.query('GRANT pg_read_all_stats TO reader');
    expect((await landscape.synchronise('blind', asReader)).usage).toMatchObject({ tracked: true, baseline: true });
    expect(await trackedSince('blind')).not.toContain(null);
    await client.query('DROP EXTENSION pg_stat_statements');
    const absent = await landscape.synchronise('blind', asReader);
    expect(absent.usage).toMatchObject({ tracked: false, reason: expect.stringContaining('CREATE EXTENSION') as string });
    expect(await trackedSince('blind')).toEqual([null]);
    await client.query('CREATE EXTENSION pg_stat_statements');
    await landscape.synchronise('blind', asReader);
    expect(await trackedSince('blind')).not.toContain(null);
  });

  it('is left alone by a single run that has nowhere to remember it', async () => {
    expect((await landscape.synchronise('alone')).usage).toBeNull();
    expect(await trackedSince('alone')).toEqual([null]);
  });
});

describe('a connector on a schedule', () => {
  it('serves its metrics and its health, remembers use without a file, and stops on SIGTERM', async () => {
    const port = await freePort();
    const more = { CONNECTOR_INTERVAL_SECONDS: '1', CONNECTOR_METRICS_PORT: String(port) };
    const connector = ConnectorProcess.start(landscape.variables('served', more));
    try {
      await eventually(() => connector.runs >= 1, 20_000);
      await as('bob', 'SELECT note FROM ledger');
      await eventually(async () => (await used('served')).includes('bob: SELECT on public.ledger'), 20_000);
      const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
      expect((await get('/v1/health/live')).status).toBe(200);
      const health = await get('/v1/health');
      expect([health.status, await health.json()]).toMatchObject([200, { status: 'ok', lastRun: { outcome: 'done' } }]);
      const metrics = await (await get('/v1/metrics')).text();
      expect(metrics).toMatch(/connector_runs_total\{outcome="done"\} [1-9]/);
      expect(metrics).toMatch(/connector_usage_tracked 1/);
      expect((await get('/elsewhere')).status).toBe(404);
    } finally {
      connector.kill('SIGTERM');
    }
    expect((await connector.end()).code).toBe(0);
  });
});
