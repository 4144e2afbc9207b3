import type pg from 'pg';
import { type Figure, settle } from './load/figures.js';
import { HttpConnection, requestBytes } from './load/http-connection.js';
import { LoadedGateway } from './load/loaded-gateway.js';
import { quantile } from './load/statistics.js';

/*
 * Who reaches what, page by page: somebody in 50 nested groups that reach 10,000 assets, and an asset that a group of 100,000 members reaches
 * through ten levels. BENCH_ASSETS and BENCH_MEMBERS make it smaller.
 */

const GROUPS = 50;
const LEVELS = 10;
const ASSETS = Number(process.env['BENCH_ASSETS'] ?? 10_000);
const MEMBERS = Number(process.env['BENCH_MEMBERS'] ?? 100_000);

const id = (prefix: string): string => `md5('${prefix}' || n)::uuid`;
const PRINCIPAL = 'INSERT INTO principals (id, type, display_name, source, status, created_at, updated_at, version)';
const MEMBERSHIP = 'INSERT INTO memberships (id, group_id, member_id, member_is_group, added_at)';

/** Groups in `LEVELS` levels, each in one of the level above, with all grants spread over them; one member at the bottom of each chain. */
async function fill(client: pg.Client): Promise<void> {
  await client.query(
    `${PRINCIPAL} SELECT ${id('group')}, 'group', 'Group ' || n, 'manual', 'active', now(), now(), 1 FROM generate_series(1, $1::integer) n`,
    [GROUPS],
  );
  await client.query(
    `${PRINCIPAL} SELECT ${id('user')}, 'user', 'Member ' || n, 'manual', 'active', now(), now(), 1 FROM generate_series(1, $1::integer) n`,
    [MEMBERS],
  );
  await client.query(
    `INSERT INTO assets (id, type, name, source, sensitivity, status, created_at, updated_at, version)
     SELECT ${id('asset')}, 'table', 'asset ' || n, 'manual', 'internal', 'active', now(), now(), 1 FROM generate_series(1, $1::integer) n`,
    [ASSETS],
  );
  // Group n is in group n - 5, so that 50 groups are 5 chains of 10 levels.
  const chains = GROUPS / LEVELS;
  await client.query(
    `${MEMBERSHIP} SELECT gen_random_uuid(), md5('group' || n - $2)::uuid, ${id('group')}, true, now() FROM generate_series($2 + 1, $1::integer) n`,
    [GROUPS, chains],
  );
  await client.query(
    `${MEMBERSHIP} SELECT gen_random_uuid(), md5('group' || $1 - k)::uuid, ${id('user')}, false, now()
     FROM generate_series(1, 1) n, generate_series(0, $2::integer - 1) k`,
    [GROUPS, chains],
  );
  await client.query(
    `${MEMBERSHIP} SELECT gen_random_uuid(), md5('group' || $1)::uuid, ${id('user')}, false, now() FROM generate_series(2, $2::integer) n`,
    [GROUPS, MEMBERS],
  );
  await client.query(
    `INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, created_at, updated_at, version)
     SELECT ${id('grant')}, md5('group' || (n % $2 + 1))::uuid, ${id('asset')}, 'SELECT', 'read', 'manual', 'active', now(),
       '{"id":"dev","type":"user","principalId":null}', now(), now(), 1 FROM generate_series(1, $1::integer) n`,
    [ASSETS, GROUPS],
  );
}

interface Walk {
  times: number[];
  items: number;
}

async function walk(connection: HttpConnection, ground: LoadedGateway, path: string): Promise<Walk> {
  const reader = ground.bearer('governance.reader');
  const result: Walk = { times: [], items: 0 };
  for (let cursor: string | null = ''; cursor !== null;) {
    const request = requestBytes(ground.url, 'GET', `${path}&limit=50${cursor && `&cursor=${cursor}`}`, reader);
    const began = performance.now();
    const { status, body } = await connection.send(request);
    result.times.push(performance.now() - began);
    if (status !== 200) throw new Error(`${path} was answered ${status}: ${body.toString()}`);
    const page = JSON.parse(body.toString()) as { items: object[]; nextCursor: string | null };
    result.items += page.items.length;
    cursor = page.nextCursor;
  }
  return result;
}

const ground = await LoadedGateway.start(fill);
const connection = await HttpConnection.open(ground.url);
try {
  const { rows } = await ground.client.query<{ member: string; asset: string; now: string }>(
    `SELECT md5('user1')::uuid AS member, (SELECT asset_id FROM grants WHERE principal_id = md5('group' || $1)::uuid LIMIT 1) AS asset,
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS now`,
    [GROUPS / LEVELS],
  );
  const { member, asset, now } = rows[0]!;
  const figures: Figure[] = [];
  const cases: [string, string, number][] = [
    [`assets of a member of ${GROUPS} nested groups`, `/v1/principals/${member}/access?`, ASSETS],
    ['the same on a past day', `/v1/principals/${member}/access?asOf=${now}&`, ASSETS],
    [`principals that reach an asset through ${LEVELS} levels`, `/v1/assets/${asset}/access?`, MEMBERS],
  ];
  for (const [name, path, expected] of cases) {
    await walk(connection, ground, path);
    const { times, items } = await walk(connection, ground, path);
    if (items < expected) throw new Error(`${name}: ${items} in the place of ${expected}`);
    figures.push({ name: `${name}: ${items} in all, a page, p50`, value: quantile(times, 0.5), unit: 'ms' });
    figures.push({ name: `${name}: a page, p95`, value: quantile(times, 0.95), unit: 'ms', most: 50 });
  }
  settle(figures);
} finally {
  connection.close();
  await ground.close();
}
