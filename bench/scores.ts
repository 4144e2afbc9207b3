import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { migrate } from '#libs/database/migrate.js';
import { PostgresServer } from '../test/support/postgres-server.js';
import { loadScores } from '../test/scores/many-scores.js';

/*
 * What rescoring every grant costs beside one plain UPDATE of the same rows, and what a page of scores costs at any depth.
 * BENCH_GRANTS (1,000,000) is how many grants there are.
 */

const GRANTS = Number(process.env['BENCH_GRANTS'] ?? 1_000_000);
const PAGE = 50;
const SAMPLES = 400;
/** The same columns that a rescoring changes and an index holds. */
const PLAIN_UPDATE = `UPDATE scores SET score = score * 0.99999, priority = priority * 0.99999, computed_at = statement_timestamp()`;

interface Figure {
  name: string;
  value: number;
  unit: string;
  limit: number | null;
}

interface App {
  url: string | null;
  pid: number;
  stop(): Promise<void>;
}

async function start(name: 'gateway' | 'decay-engine', environment: Record<string, string>): Promise<App> {
  const child = spawn(process.execPath, [`dist/apps/${name}/src/main.js`], {
    env: { PATH: process.env['PATH'], API_AUTH_MODE: 'dev', API_HOST: '127.0.0.1', API_PORT: '0', API_DRAIN_SECONDS: '0', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string | null>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The ${name} ended with ${String(code)}.`)));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { msg?: string; url?: string };
      if (line.msg === 'listening' || line.msg === 'running') resolve(line.url ?? null);
    });
  });
  const stop = async (): Promise<void> => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  };
  return { url, pid: child.pid as number, stop };
}

/** The most memory a process has ever held, in MB, by what the kernel says. */
function peakMegabytes(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) / 1024;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

/** Has a run begin at once, and answers how long it took by the database's own clock. */
async function run(client: pg.Client): Promise<number> {
  await client.query(`UPDATE rescoring_run SET started_at = NULL, finished_at = NULL`);
  for (;;) {
    const { rows } = await client.query<{ seconds: number | null }>(
      `SELECT date_part('epoch', finished_at - started_at) AS seconds FROM rescoring_run WHERE finished_at IS NOT NULL`,
    );
    if (typeof rows[0]?.seconds === 'number') return rows[0].seconds;
    await pause(100);
  }
}

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN;

async function rescoring(client: pg.Client, environment: Record<string, string>): Promise<Figure[]> {
  const plain = async (): Promise<number> => {
    const took = await seconds(() => client.query(PLAIN_UPDATE));
    await client.query('VACUUM scores');
    return took;
  };
  const updates = [await plain()];
  const engine = await start('decay-engine', environment);
  try {
    // The first run writes a line of history for each grant, as the first of each day does.
    const first = await run(client);
    await client.query('VACUUM scores');
    updates.push(await plain());
    const later = await run(client);
    await client.query('VACUUM scores');
    updates.push(await plain());
    const typical = quantile(updates, 0.5);
    return [
      { name: 'one plain UPDATE of every score', value: typical, unit: 's', limit: null },
      { name: 'rescoring every grant', value: later, unit: 's', limit: null },
      { name: 'rescoring every grant, the first of a day', value: first, unit: 's', limit: null },
      { name: 'rescoring as a multiple of the UPDATE', value: later / typical, unit: 'x', limit: 3 },
      { name: 'the first of a day as a multiple of the UPDATE', value: first / typical, unit: 'x', limit: 3 },
      { name: 'memory of the engine at its peak', value: peakMegabytes(engine.pid), unit: 'MB', limit: 300 },
    ];
  } finally {
    await engine.stop();
  }
}

interface PageBody {
  items: object[];
  nextCursor: string | null;
}

async function lists(environment: Record<string, string>): Promise<Figure[]> {
  const gateway = await start('gateway', environment);
  try {
    const page = async (query: string): Promise<{ took: number; body: PageBody }> => {
      const begun = performance.now();
      const response = await fetch(`${gateway.url}/v1/scores?${query}`);
      const body = (await response.json()) as PageBody;
      if (!response.ok) throw new Error(JSON.stringify(body));
      return { took: performance.now() - begun, body };
    };
    const figures: Figure[] = [];
    for (const filter of ['', 'band=dormant&']) figures.push(...(await depth(page, filter)));
    const combined: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const band = ['active', 'aging', 'stale', 'dormant', 'insufficient_data'][sample % 5];
      const sensitivity = ['public', 'internal', 'confidential', 'restricted'][sample % 4];
      const sort = ['-priority', '-score', 'score', 'computedAt'][Math.floor(sample / 20) % 4];
      const bounds = sample % 3 === 0 ? `&minScore=${sample % 90}` : '';
      combined.push((await page(`limit=${PAGE}&band=${band}&sensitivity=${sensitivity}&sort=${sort}${bounds}`)).took);
    }
    figures.push({ name: 'pages under two filters and more, p95', value: quantile(combined, 0.95), unit: 'ms', limit: 300 });
    const summary = await seconds(() => fetch(`${gateway.url}/v1/scores/summary`).then((response) => response.text()));
    const forecast = await seconds(() => fetch(`${gateway.url}/v1/scores/forecast`).then((response) => response.text()));
    figures.push({ name: 'summary', value: summary * 1000, unit: 'ms', limit: null });
    figures.push({ name: 'forecast, not kept yet', value: forecast * 1000, unit: 'ms', limit: null });
    return figures;
  } finally {
    await gateway.stop();
  }
}

/** Page 1 beside the last of at most 20,000 pages, in turns, so that whatever else the machine does meets both. */
async function depth(page: (query: string) => Promise<{ took: number; body: PageBody }>, filter: string): Promise<Figure[]> {
  const query = `${filter}sort=-priority`;
  let deep = '';
  let pages = 1;
  for (let cursor: string | null = ''; cursor !== null && pages < 20_000; pages += 100 / PAGE) {
    const { body } = await page(`limit=100&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    if (body.nextCursor !== null) deep = body.nextCursor;
    cursor = body.nextCursor;
  }
  const [first, last]: [number[], number[]] = [[], []];
  for (let sample = 0; sample < SAMPLES; sample++) {
    first.push((await page(`limit=${PAGE}&${query}`)).took);
    last.push((await page(`limit=${PAGE}&${query}&cursor=${deep}`)).took);
  }
  const where = filter === '' ? 'of all' : 'of one band';
  return [
    { name: `page 1 ${where}, median`, value: quantile(first, 0.5), unit: 'ms', limit: null },
    {
      name: `page ${Math.round(pages)} ${where} by page 1, median`,
      value: quantile(last, 0.5) / quantile(first, 0.5),
      unit: 'x',
      limit: 1.2,
    },
    {
      name: `page ${Math.round(pages)} ${where} by page 1, p99`,
      value: quantile(last, 0.99) / quantile(first, 0.99),
      unit: 'x',
      limit: 1.5,
    },
  ];
}

async function main(): Promise<void> {
  const settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '1GB', max_wal_size: '8GB' };
  const postgres = await PostgresServer.start({ settings });
  try {
    await migrate(postgres.url());
    const client = new pg.Client({ connectionString: postgres.url() });
    await client.connect();
    const loaded = await seconds(() => loadScores(client, GRANTS));
    await client.query('VACUUM ANALYZE');
    process.stdout.write(`${GRANTS} grants loaded in ${loaded.toFixed(0)} s\n`);
    const environment = {
      ...{ API_DATABASE_URL: postgres.url(), API_CLICKHOUSE_URL: 'http://127.0.0.1:9/none', API_KAFKA_BOOTSTRAP: 'in-process' },
      API_RESCORE_INTERVAL_SECONDS: '86400',
    };
    const figures = [...(await rescoring(client, environment)), ...(await lists(environment))];
    await client.end();
    let failed = false;
    for (const { name, value, unit, limit } of figures) {
      const within = limit === null || value <= limit;
      failed ||= !within;
      process.stdout.write(
        `${name}: ${value.toFixed(2)} ${unit}${limit === null ? '' : `, at most ${limit}: ${within ? 'holds' : 'FAILS'}`}\n`,
      );
    }
    process.exitCode = failed ? 1 : 0;
  } finally {
    await postgres.remove();
  }
}

await main();
