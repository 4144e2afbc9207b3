import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { PrincipalsRepository } from '#apps/gateway/src/principals/principals.repository.js';
import { PrincipalsService } from '#apps/gateway/src/principals/principals.service.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { createDataSource } from '#libs/database/data-source.js';
import { Database } from '#libs/database/database.js';
import type { Representation } from '#libs/database/representation.js';
import { Transactions, type Work } from '#libs/database/transaction.js';
import { Keyset } from '#libs/pagination/keyset.js';
import { writeEvents } from '../test/audit/outbox-events.js';
import { eventually } from '../test/support/eventually.js';
import { PostgresServer } from '../test/support/postgres-server.js';
import { scaled } from '../test/support/scale.js';
import { System } from '../test/support/system.js';

/*
 * What the way of an event costs: relay, sink, the write that it belongs to, and queries of a large log. TEST_SCALE shrinks it;
 * BENCH_KAFKA=off takes the in-process twin where there is neither Java nor Maven.
 */

const BACKLOG = scaled(1_000_000);
const DRAIN_LIMIT_S = 300 * (BACKLOG / 1_000_000);
const ROWS = scaled(20_000_000);
const RATE = 500;
const RATE_SECONDS = Math.max(10, scaled(120));
const SAMPLES = scaled(1_000);
const TURNS = 24;
const TURN_MS = 700;
const ACTORS = 2_000;
const RESOURCES = 200_000;

interface Figure {
  name: string;
  value: number;
  unit: string;
  limit: { most: number } | { least: number } | null;
}

const now = (): number => performance.now();

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** A backlog that nobody has relayed yet, drained by one worker. */
async function backlog(system: System): Promise<Figure[]> {
  const worker = system.workers[0]!;
  await worker.stop();
  await system.settled(1).catch(() => undefined);
  const before = (await system.progress()).sequence;
  for (let written = 0; written < BACKLOG; written += 50_000) await writeEvents(system, Math.min(50_000, BACKLOG - written));
  await system.sql('VACUUM ANALYZE events');
  const started = worker.start();
  await eventually(async () => (await system.progress()).sequence > before, 60_000);
  const [began, from] = [now(), (await system.progress()).sequence];
  await started;
  await eventually(async () => (await system.progress()).waiting === 0, 1_800_000);
  const sequenced = (now() - began) / 1_000;
  await eventually(async () => (await system.progress()).published >= before + BACKLOG, 1_800_000);
  const published = (now() - began) / 1_000;
  await system.settled(1_800_000);
  const drained = (now() - began) / 1_000;
  const events = before + BACKLOG - from;
  return [
    {
      name: 'relay: events given their place, while publishing and logging',
      value: events / sequenced,
      unit: 'events/s',
      limit: { least: 5_000 },
    },
    { name: 'relay: events published', value: events / published, unit: 'events/s', limit: { least: 5_000 } },
    { name: `backlog of ${BACKLOG} in the log`, value: drained, unit: 's', limit: { most: DRAIN_LIMIT_S } },
  ];
}

/** Committed → visible, at a steady rate of small transactions. */
async function latency(system: System): Promise<Figure[]> {
  const client = new pg.Client({ connectionString: system.database.url });
  const watcher = new pg.Client({ connectionString: system.database.url });
  await Promise.all([client.connect(), watcher.connect()]);
  const committed: { count: number; at: number }[] = [];
  const visible: { completeTo: number; at: number }[] = [];
  let done = false;
  const watching = (async () => {
    while (!done) {
      const { rows } = await watcher.query<{ complete_to: string }>('SELECT complete_to FROM audit_progress');
      visible.push({ completeTo: Number(rows[0]?.complete_to), at: now() });
      await pause(20);
    }
  })();
  const first = await system.settled();
  const batch = 10;
  const began = now();
  for (let sent = 0; sent < RATE * RATE_SECONDS; sent += batch) {
    await writeEvents({ sql: (text, values) => client.query(text, values) }, batch);
    committed.push({ count: batch, at: now() });
    await pause(Math.max(0, began + ((sent + batch) / RATE) * 1_000 - now()));
  }
  const rate = (RATE * RATE_SECONDS) / ((now() - began) / 1_000);
  await system.settled();
  await pause(100);
  done = true;
  await watching;
  await Promise.all([client.end(), watcher.end()]);
  let sequence = first;
  const waits = committed.flatMap(({ count, at }) => {
    sequence += count;
    const seen = visible.find(({ completeTo }) => completeTo >= sequence);
    return Array.from({ length: count }, () => (seen?.at ?? NaN) - at);
  });
  return [
    { name: 'steady rate that was written', value: rate, unit: 'events/s', limit: null },
    { name: 'committed to visible, p50', value: quantile(waits, 0.5), unit: 'ms', limit: { most: 1_000 } },
    { name: 'committed to visible, p99', value: quantile(waits, 0.99), unit: 'ms', limit: { most: 3_000 } },
  ];
}

/** Writes what the product writes, but for the events. */
class WithoutEvents extends Transactions {
  protected override attempt(caller: Caller, work: Work, mayExpect: boolean): Promise<Representation | void> {
    const without: Work = async (tx) => {
      const result = await work(tx);
      tx.events.length = 0;
      tx.leaveUnchanged();
      return result;
    };
    return super.attempt(caller, without, mayExpect);
  }
}

/** The same change of state with and without its event, by turns, so that both meet the same machine; what comes after it, the worker, rests. */
async function cost(system: System): Promise<Figure[]> {
  await system.workers[0]!.stop();
  const database = new Database(createDataSource({ url: system.database.url, poolSize: 8 }));
  await database.onModuleInit();
  const repository = new PrincipalsRepository(database, new Keyset(database));
  const recording = new PrincipalsService(new Transactions(database), repository);
  const forgetful = new PrincipalsService(new WithoutEvents(database), repository);
  const identity = { id: 'dev', type: 'user' as const, roles: ['governance.admin' as const] };
  const write = async (withEvent: boolean): Promise<void> => {
    const caller = {
      identity,
      requestId: uuidv7(),
      traceId: '0'.repeat(32),
      clientIp: null,
      idempotency: null,
      replayed: false,
      ifMatch: null,
    };
    await (withEvent ? recording : forgetful).create(
      { type: 'user', displayName: `Somebody ${caller.requestId}`, source: 'manual' },
      caller,
    );
  };
  const round = async (withEvent: boolean): Promise<number> => {
    const until = now() + TURN_MS;
    let writes = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        while (now() < until) {
          await write(withEvent);
          writes += 1;
        }
      }),
    );
    return writes;
  };
  const turns: { plain: number; recorded: number }[] = [];
  await round(true);
  for (let turn = 0; turn < TURNS; turn++) turns.push({ plain: await round(false), recorded: await round(true) });
  await database.close();
  await system.workers[0]!.start();
  await system.settled(600_000);
  const plain = turns.map((turn) => turn.plain);
  const ratio = quantile(
    turns.map((turn) => turn.recorded / turn.plain),
    0.5,
  );
  return [
    { name: 'writes without an event', value: quantile(plain, 0.5) / (TURN_MS / 1_000), unit: 'a second', limit: null },
    { name: 'a write with its event, of one without', value: 100 * ratio, unit: '%', limit: { least: 75 } },
  ];
}

/** A log of synthetic rows (no chain: queries look at columns), read through the API. */
async function queries(system: System): Promise<Figure[]> {
  await system.workers[0]!.stop();
  await system.clickhouseCommand('TRUNCATE TABLE audit_events');
  const [began, step] = [now(), 500_000];
  for (let first = 0; first < ROWS; first += step) await system.clickhouseCommand(synthetic(first, Math.min(step, ROWS - first)));
  process.stdout.write(`${ROWS} rows loaded in ${((now() - began) / 1_000).toFixed(0)} s\n`);
  await system.sql('UPDATE audit_progress SET complete_to = $1', [ROWS]);
  const anyTime = (): string => new Date(Date.UTC(2025, 0, 1) + Math.floor(Math.random() * ROWS) * 1_000).toISOString();
  const figures: Figure[] = [];
  const cases: [string, number, () => string][] = [
    ['first page', 60, () => ''],
    ['page at any depth', 60, () => `to=${anyTime()}`],
    ["an actor's page", 150, () => `actorId=actor-${Math.floor(Math.random() * ACTORS)}`],
    ["a resource's page", 150, () => `resourceId=resource-${Math.floor(Math.random() * RESOURCES)}`],
  ];
  for (const [name, most, query] of cases) {
    const took: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) took.push(await asked(system, query(), name === 'page at any depth'));
    figures.push({ name: `${name} of ${ROWS} rows, p50`, value: quantile(took, 0.5), unit: 'ms', limit: null });
    figures.push({ name: `${name} of ${ROWS} rows, p95`, value: quantile(took, 0.95), unit: 'ms', limit: { most } });
  }
  return figures;
}

/** How long a page takes, in milliseconds; with `next` the page after it, which is asked for by its cursor. */
async function asked(system: System, query: string, next: boolean): Promise<number> {
  const page = async (more: string): Promise<{ took: number; nextCursor: string | null }> => {
    const started = now();
    const response = await fetch(`${system.url}/v1/audit?limit=50&${query}${more}`);
    const body = (await response.json()) as { nextCursor: string | null };
    if (response.status !== 200) throw new Error(`The page was answered ${response.status}: ${JSON.stringify(body)}`);
    return { took: now() - started, nextCursor: body.nextCursor };
  };
  const first = await page('');
  return next && first.nextCursor !== null ? (await page(`&cursor=${encodeURIComponent(first.nextCursor)}`)).took : first.took;
}

function synthetic(first: number, count: number): string {
  return `
    INSERT INTO audit_events
    SELECT toDateTime64('2025-01-01 00:00:00', 3, 'UTC') + number AS time, number + 1 AS sequence, generateUUIDv4() AS id,
      ['grant.created', 'grant.revoked', 'principal.updated', 'asset.created'][number % 4 + 1] AS action, 'success' AS outcome,
      'actor-' || toString(cityHash64(number) % ${ACTORS}) AS actor_id, 'grant' AS resource_type,
      'resource-' || toString(cityHash64(number, 1) % ${RESOURCES}) AS resource_id, toString(generateUUIDv4()) AS request_id,
      lower(hex(SHA256(toString(number)))) AS prev_hash, lower(hex(SHA256(toString(sequence)))) AS hash,
      concat('{"action":"', action, '","actor":{"id":"', actor_id, '","principalId":null,"type":"user"},"after":{"status":"revoked"},"before":{"status":"active"},',
        '"clientIp":"192.0.2.1","id":"', toString(id), '","outcome":"success","reason":"', hex(SHA256(concat('r', toString(number)))),
        '","requestId":"', request_id, '","resource":{"id":"', resource_id, '","type":"grant"},"sequence":', toString(sequence),
        ',"time":"', replaceOne(toString(time), ' ', 'T'), 'Z","traceId":"', lower(hex(MD5(toString(number)))), '"}') AS canonical
    FROM numbers(${first}, ${count})`;
}

function report(figures: readonly Figure[]): boolean {
  let holds = true;
  for (const { name, value, unit, limit } of figures) {
    const within = limit === null || ('most' in limit ? value <= limit.most : value >= limit.least);
    const target = limit === null ? '' : 'most' in limit ? `, at most ${limit.most}` : `, at least ${limit.least}`;
    process.stdout.write(`${name}: ${value.toFixed(1)} ${unit}${target}${limit === null ? '' : within ? ': holds' : ': FAILS'}\n`);
    holds &&= within;
  }
  return holds;
}

async function main(): Promise<void> {
  const settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '1GB', max_wal_size: '8GB' };
  const postgres = await PostgresServer.start({ settings });
  process.env['TEST_POSTGRES_URL'] = postgres.url();
  let system: System | null = null;
  try {
    system = await System.start({ kafka: process.env['BENCH_KAFKA'] !== 'off' });
    const wanted = process.argv.slice(2);
    const parts = Object.entries({ backlog, latency, cost, queries }).filter(([name]) => wanted.length === 0 || wanted.includes(name));
    let holds = true;
    for (const [, part] of parts) holds = report(await part(system)) && holds;
    process.exitCode = holds ? 0 : 1;
  } finally {
    await system?.close();
    await postgres.remove();
  }
}

await main();
