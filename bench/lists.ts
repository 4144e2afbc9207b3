import { createSecretKey } from 'node:crypto';
import type pg from 'pg';
import { encodeCursor } from '#libs/pagination/cursor.js';
import { loadScores } from '../test/scores/many-scores.js';
import { type Figure, settle } from './load/figures.js';
import { HttpConnection, requestBytes } from './load/http-connection.js';
import { LoadedGateway } from './load/loaded-gateway.js';
import { median, quantile } from './load/statistics.js';

/*
 * What a page costs at any depth of any list, and how that grows. BENCH_SIZES are the numbers of rows (1000,100000,1000000), BENCH_SAMPLES how
 * often each page is asked for. A deep page is begun with a cursor made here, of the row that stands there: nobody has to walk to it.
 */

const SIZES = (process.env['BENCH_SIZES'] ?? '1000,100000,1000000').split(',').map(Number);
const SAMPLES = Number(process.env['BENCH_SAMPLES'] ?? 500);
const PAGE = 50;
const DEPTH = 20_000 * PAGE;

interface Listing {
  list: 'principals' | 'assets' | 'grants' | 'scores';
  /** Equality filters that have an index with the sort, each with the SQL of it; `''` is none. */
  filters: Record<string, string>;
  /** Sorts by name, as SQL; `''` is by id. */
  sorts: Record<string, string>;
  /** Filters and sorts that promise less. */
  others: string[];
}

const byId = { '': 'id' };

function listings(some: Record<string, string>): Listing[] {
  const { principal, asset } = some;
  return [
    {
      list: 'principals',
      filters: {
        ...{ '': 'true', 'type=user': `type = 'user'`, 'status=active': `status = 'active'`, 'source=manual': `source = 'manual'` },
        ...{ 'department=Department%207': `department = 'Department 7'` },
      },
      sorts: byId,
      others: [
        'type=user&status=active&department=Department%203',
        'q=principal%201',
        'q=nobody',
        'status=suspended&type=group',
        'externalId=none',
      ],
    },
    {
      list: 'assets',
      filters: {
        ...{
          '': 'true',
          'type=table': `type = 'table'`,
          'sensitivity=internal': `sensitivity = 'internal'`,
          'status=active': `status = 'active'`,
        },
        ...{ 'source=manual': `source = 'manual'`, 'tag=tag%207': `id IN (SELECT asset_id FROM asset_tags WHERE tag = 'tag 7')` },
      },
      sorts: byId,
      others: [
        'tag=none',
        'tag=tag%203&type=secret',
        'q=asset%209',
        'sensitivity=restricted&type=table&status=active',
        'type=secret',
        'status=retired&sensitivity=public',
      ],
    },
    {
      list: 'grants',
      filters: {
        ...{
          '': 'true',
          'privilege=read': `privilege = 'read'`,
          'status=active': `status = 'active'`,
          'source=manual': `source = 'manual'`,
        },
        ...{ [`principalId=${principal}`]: `principal_id = '${principal}'`, [`assetId=${asset}`]: `asset_id = '${asset}'` },
      },
      sorts: byId,
      others: [
        'privilege=admin&status=active',
        'status=revoked',
        `assetId=${asset}&status=expired`,
        `asOf=${new Date(Date.now() - 3e10).toISOString()}`,
      ],
    },
    {
      list: 'scores',
      filters: {
        ...{ '': 'true', 'band=dormant': `band = 'dormant'`, 'sensitivity=internal': `sensitivity = 'internal'` },
        ...{ 'recommendation=keep': `recommendation = 'keep'`, [`principalId=${principal}`]: `principal_id = '${principal}'` },
        [`assetId=${asset}`]: `asset_id = '${asset}'`,
      },
      sorts: { '-priority': 'priority DESC', '-score': 'score DESC', score: 'score', computedAt: 'computed_at' },
      others: [
        ...['band=dormant&sensitivity=restricted&sort=-priority', 'minScore=90&maxScore=90.5&sort=computedAt', 'band=active&minScore=20'],
        ...[`principalId=${principal}&band=stale&sort=-score`, 'recommendation=review&sensitivity=public&sort=computedAt'],
      ],
    },
  ];
}

/** As many principals and assets as grants and scores, so that each list has the same number of rows. */
async function fill(client: pg.Client, rows: number): Promise<void> {
  await loadScores(client, rows);
  await client.query(
    `INSERT INTO principals (id, type, display_name, source, status, department, created_at, updated_at, version)
     SELECT md5('q' || n)::uuid, (ARRAY['user', 'user', 'user', 'service_account', 'group'])[n % 5 + 1], 'Principal ' || n, 'manual',
       CASE WHEN n % 50 = 0 THEN 'deactivated' ELSE 'active' END, 'Department ' || n % 40, now(), now(), 1
     FROM generate_series(1, $1::integer - (SELECT count(*)::integer FROM principals)) n`,
    [rows],
  );
  await client.query(
    `INSERT INTO assets (id, type, name, source, sensitivity, tags, status, created_at, updated_at, version)
     SELECT md5('b' || n)::uuid, (ARRAY['table', 'bucket', 'report'])[n % 3 + 1], 'asset ' || n, 'manual',
       (ARRAY['public', 'internal', 'internal', 'confidential', 'restricted'])[n % 5 + 1], ARRAY['tag ' || n % 20], 'active', now(), now(), 1
     FROM generate_series(1, $1::integer - (SELECT count(*)::integer FROM assets)) n`,
    [rows],
  );
}

/** The cursor after the row that page 20,000 begins behind, or the last page there is. */
async function deepCursor(
  client: pg.Client,
  { list }: Listing,
  filter: string,
  condition: string,
  sort: string,
  order: string,
): Promise<string | null> {
  const id = list === 'scores' ? 'grant_id' : 'id';
  const [column = id, direction = ''] = order.split(' ');
  const key = sort === '' ? `${id}::text` : `${column}::text, ${id}::text`;
  const table = `${list} WHERE ${condition}`;
  const places = sort === '' ? id : `${column} ${direction}, ${id} ${direction}`;
  const { rows } = await client.query<string[]>({
    text: `SELECT ${key} FROM ${table} ORDER BY ${places} OFFSET greatest(0, least(${DEPTH - PAGE}, (SELECT count(*) FROM ${table}) - ${PAGE + 1})) LIMIT 1`,
    rowMode: 'array',
  });
  const { rows: secrets } = await client.query<{ secret: Buffer }>('SELECT cursor_secret AS secret FROM installation');
  const bound = [...new URLSearchParams(filter), ...(sort === '' ? [] : [['sort', sort]])].sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return rows[0] ? encodeCursor(createSecretKey(secrets[0]!.secret), JSON.stringify([list, ...bound]), rows[0]) : null;
}

async function grown(size: number): Promise<Figure[]> {
  const ground = await LoadedGateway.start((client) => fill(client, size));
  const connection = await HttpConnection.open(ground.url);
  const reader = ground.bearer('governance.reader');
  const taken = async (path: string): Promise<number> => {
    const request = requestBytes(ground.url, 'GET', path, reader);
    const began = performance.now();
    const { status, body } = await connection.send(request);
    if (status !== 200) throw new Error(`${path} was answered ${status}: ${body.toString()}`);
    return performance.now() - began;
  };
  try {
    const { rows } = await ground.client.query<Record<string, string>>(
      'SELECT principal_id AS principal, asset_id AS asset FROM grants LIMIT 1',
    );
    const figures: Figure[] = [];
    for (const listing of listings(rows[0]!)) {
      const [typical, slow]: [Named[], Named[]] = [[], []];
      const [allFirst, allDeep]: [number[], number[]] = [[], []];
      for (const [filter, condition] of Object.entries(listing.filters)) {
        for (const [sort, order] of Object.entries(listing.sorts)) {
          const query = ['limit=50', filter, sort && `sort=${sort}`].filter((part) => part !== '').join('&');
          const cursor = await deepCursor(ground.client, listing, filter, condition, sort, order);
          if (cursor === null) continue;
          const [first, deep]: [number[], number[]] = [[], []];
          for (let sample = -20; sample < SAMPLES; sample++) {
            const both = [
              await taken(`/v1/${listing.list}?${query}`),
              await taken(`/v1/${listing.list}?${query}&cursor=${cursor}`),
            ] as const;
            // The first ones have PostgreSQL settle on its plans.
            if (sample < 0) continue;
            first.push(both[0]);
            deep.push(both[1]);
          }
          typical.push({ name: query, value: median(deep) / median(first) });
          allFirst.push(...first);
          allDeep.push(...deep);
          slow.push({ name: query, value: quantile(deep, 0.95) });
        }
      }
      for (const query of listing.others) {
        const times: number[] = [];
        for (let sample = 0; sample < SAMPLES / 5; sample++) times.push(await taken(`/v1/${listing.list}?limit=50&${query}`));
        slow.push({ name: query, value: quantile(times, 0.95) });
      }
      const of = `${listing.list} of ${size}`;
      figures.push(worst(`${of}: the deepest page up to 20,000 by page 1, median`, typical, '×', 1.2));
      // Of all together: a p99 of one is five samples, and where the garbage collector ran. One that is always late is more than a hundredth of them.
      const late = quantile(allDeep, 0.99) / quantile(allFirst, 0.99);
      figures.push({ name: `${of}: the same, p99 of all filters and sorts`, value: late, unit: '×', most: 1.5 });
      figures.push(worst(`${of}: any filter and sort, p95`, slow, 'ms', 300));
    }
    return figures;
  } finally {
    connection.close();
    await ground.close();
  }
}

interface Named {
  name: string;
  value: number;
}

function worst(name: string, all: readonly Named[], unit: string, most: number): Figure {
  const found = all.reduce((a, b) => (b.value > a.value ? b : a));
  return { name: `${name} (worst: ${found.name})`, value: found.value, unit, most };
}

const figures: Figure[] = [];
for (const size of SIZES) figures.push(...(await grown(size)));
settle(figures);
