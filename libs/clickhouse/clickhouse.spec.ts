import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ClickHouseError, TupleParam } from '@clickhouse/client';
import type { ClickHouseClient } from '@clickhouse/client';
import { ClickHouseServer } from '../../test/support/clickhouse-server.js';
import { createClickHouse, pingClickHouse } from './clickhouse.js';

interface Backend {
  readonly url: string;
  remove(): Promise<void>;
}

const BACKENDS: Record<string, () => Promise<Backend>> = {
  http: async () => {
    const server = await ClickHouseServer.start();
    return { url: server.url(), remove: () => server.remove() };
  },
  chdb: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-chdb-'));
    return { url: `chdb://${folder}`, remove: () => rm(folder, { recursive: true, force: true }) };
  },
};

/** Everything that SQL, the escaped text form or a URL could trip over. */
const AWKWARD = `it's "quoted" \\ back\\nslash \t tab \n line \r return; SELECT 1 -- {a:String} é 日本 👩‍👩‍👧 %27 &= \\' \\\\`;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What lies outside JavaScript's heap, buffers above all, without what only waits to be collected. */
function bytesHeld(): number {
  collectGarbage();
  return process.memoryUsage().external;
}

describe.each(Object.keys(BACKENDS))('ClickHouse through %s', (name) => {
  let backend: Backend;
  let client: ClickHouseClient;

  beforeAll(async () => {
    backend = await (BACKENDS[name] as () => Promise<Backend>)();
    client = createClickHouse(backend.url);
  });
  afterAll(async () => {
    await client?.close();
    await backend?.remove();
  });

  async function rows(query: string, query_params: Record<string, unknown> = {}): Promise<unknown[]> {
    const result = await client.query({ query, query_params, format: 'JSONEachRow' });
    return result.json();
  }

  async function table(columns: string, engine = 'MergeTree ORDER BY tuple()'): Promise<string> {
    const made = `t_${randomUUID().replaceAll('-', '')}`;
    await client.command({ query: `CREATE TABLE ${made} (${columns}) ENGINE = ${engine}` });
    return made;
  }

  async function failure(work: Promise<unknown>): Promise<Partial<ClickHouseError>> {
    const error: unknown = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ClickHouseError);
    return error as ClickHouseError;
  }

  it('answers a ping within its bound', async () => {
    await expect(pingClickHouse(client)).resolves.toBeUndefined();
  });

  it('keeps what every column type of ours holds', async () => {
    const into = await table(
      `id UInt64, at DateTime64(3, 'UTC'), action LowCardinality(String), hash FixedString(32), note Nullable(String)`,
    );
    const hash = 'h'.repeat(32);
    const values = [
      { id: '18446744073709551615', at: '2026-02-03 04:05:06.789', action: 'grant.created', hash, note: AWKWARD },
      { id: '0', at: '1999-12-31 23:59:59.999', action: '', hash, note: null },
    ];
    await client.insert({ table: into, values, format: 'JSONEachRow' });
    expect(await rows(`SELECT * FROM ${into} ORDER BY id DESC`)).toEqual(values);
  });

  it('gives 64-bit integers as strings and smaller numbers as numbers', async () => {
    expect(await rows('SELECT toUInt64(9007199254740993) AS u, toInt64(-9007199254740993) AS i, toUInt32(7) AS small, 0.5 AS f')).toEqual([
      { u: '9007199254740993', i: '-9007199254740993', small: 7, f: 0.5 },
    ]);
  });

  it('inserts from a stream of bytes whose chunks cut through characters', async () => {
    const into = await table('text String');
    const bytes = Buffer.from(`${JSON.stringify({ text: AWKWARD.repeat(20) })}\n`);
    const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => bytes.subarray(at * 7, at * 7 + 7));
    await client.exec({ query: `INSERT INTO ${into} FORMAT JSONEachRow`, values: Readable.from(chunks, { objectMode: false }) });
    expect(await rows(`SELECT text FROM ${into}`)).toEqual([{ text: AWKWARD.repeat(20) }]);
  });

  it('inserts the rows of CSV and compact JSON, with blank lines inside a value', async () => {
    const into = await table('a UInt8, b String');
    await client.insert({
      table: into,
      values: Readable.from(['1,"one\n\nline; SELECT 1"\n2,two\n'], { objectMode: false }),
      format: 'CSV',
    });
    await client.insert({ table: into, columns: ['b', 'a'], values: [['three', 3]], format: 'JSONCompactEachRow' });
    expect(await rows(`SELECT a, b FROM ${into} ORDER BY a`)).toEqual([
      { a: 1, b: 'one\n\nline; SELECT 1' },
      { a: 2, b: 'two' },
      { a: 3, b: 'three' },
    ]);
  });

  it('takes an insert without rows as nothing to do', async () => {
    const into = await table('a UInt8');
    await client.insert({ table: into, values: Readable.from([]), format: 'JSONEachRow' });
    expect(await rows(`SELECT count() AS n FROM ${into}`)).toEqual([{ n: '0' }]);
  });

  it('inserts 100,000 rows at once', async () => {
    const into = await table('n UInt32, text String');
    const values = Array.from({ length: 100_000 }, (_, n) => ({ n, text: `row ${n} ${'x'.repeat(60)}` }));
    await client.insert({ table: into, values, format: 'JSONEachRow' });
    expect(await rows(`SELECT count() AS rows, sum(n) AS total FROM ${into}`)).toEqual([{ rows: '100000', total: '4999950000' }]);
  });

  it('binds parameters of every kind without any of them becoming SQL', async () => {
    const query = `SELECT {text:String} AS text, {list:Array(String)} AS list, {numbers:Array(UInt64)} AS numbers, {no:Nullable(String)} AS no,
      {yes:Bool} AS yes, {big:UInt64} AS big, {real:Float64} AS real, {map:Map(String, String)} AS map, {pair:Tuple(UInt8, String)} AS pair,
      {empty:String} AS empty`;
    const params = {
      ...{ text: AWKWARD, list: [AWKWARD, '', "'"], numbers: [1, 18446744073709551615n], no: null, yes: true, big: 2n ** 64n - 1n },
      ...{ real: -0.25, map: { [AWKWARD]: AWKWARD }, pair: new TupleParam([7, AWKWARD]), empty: '' },
    };
    expect(await rows(query, params)).toEqual([
      {
        ...{ text: AWKWARD, list: [AWKWARD, '', "'"], numbers: ['1', '18446744073709551615'], no: null, yes: true },
        ...{ big: '18446744073709551615', real: -0.25, map: { [AWKWARD]: AWKWARD }, pair: [7, AWKWARD], empty: '' },
      },
    ]);
  });

  it('binds dates with their milliseconds, from the first second of 1970 on', async () => {
    const query = `SELECT {at:DateTime64(3, 'UTC')} AS at, {early:DateTime64(3, 'UTC')} AS early, {text:DateTime64(3, 'UTC')} AS text`;
    const params = { at: new Date('2026-02-03T04:05:06.007Z'), early: new Date(7), text: '2026-02-03 04:05:06.789' };
    expect(await rows(query, params)).toEqual([
      { at: '2026-02-03 04:05:06.007', early: '1970-01-01 00:00:00.007', text: '2026-02-03 04:05:06.789' },
    ]);
  });

  it('binds a list of 5,000 values', async () => {
    const ids = Array.from({ length: 5_000 }, () => randomUUID());
    const result = await client.query({
      query: 'SELECT length({ids:Array(UUID)}) AS n, {ids:Array(UUID)}[5000] AS last',
      query_params: { ids },
      format: 'JSONEachRow',
      use_multipart_params: true,
    });
    expect(await result.json()).toEqual([{ n: '5000', last: ids.at(-1) }]);
  });

  it('answers 200 parameter queries at once, each with its own values', async () => {
    const asked = Array.from({ length: 200 }, (_, n) => ({ n, text: `${n} ${AWKWARD}` }));
    const answers = await Promise.all(
      asked.map((params, n) =>
        rows(n % 2 ? 'SELECT {n:UInt32} AS n, {text:String} AS text' : 'SELECT {text:String} AS text, {n:UInt32} AS n', params),
      ),
    );
    expect(answers.map(([row]) => row)).toEqual(asked);
  });

  it('forgets parameters, settings and temporary tables with the statement they belong to', async () => {
    const setting = `SELECT toString(getSetting('max_result_rows')) AS rows`;
    const changed = await client.query({ query: setting, format: 'JSONEachRow', clickhouse_settings: { max_result_rows: '77' } });
    expect(await changed.json()).toEqual([{ rows: '77' }]);
    await rows('SELECT {secret:String} AS secret', { secret: 'x' });
    await client.command({ query: 'CREATE TEMPORARY TABLE passing (a UInt8)' }).catch(() => undefined);
    expect(await rows(setting)).toEqual([{ rows: '0' }]);
    expect((await failure(rows('SELECT {secret:String} AS secret'))).type).toBe('UNKNOWN_QUERY_PARAMETER');
    expect((await failure(rows('SELECT * FROM passing'))).type).toBe('UNKNOWN_TABLE');
  });

  it('drops a repeated insert with the token of an earlier one, and no insert without a token', async () => {
    const into = await table('a UInt8', 'MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100');
    const insert = (token?: string): Promise<unknown> =>
      client.insert({
        table: into,
        values: [{ a: 1 }],
        format: 'JSONEachRow',
        clickhouse_settings: token ? { insert_deduplication_token: token } : { insert_deduplicate: 0 },
      });
    await insert(`it's a token`);
    await insert(`it's a token`);
    expect(await rows(`SELECT count() AS n FROM ${into}`)).toEqual([{ n: '1' }]);
    await insert();
    await insert('another');
    expect(await rows(`SELECT count() AS n FROM ${into}`)).toEqual([{ n: '3' }]);
  });

  it('throws errors with their code and type', async () => {
    expect(await failure(rows('SELECT FROM WHERE'))).toMatchObject({ code: '62', type: 'SYNTAX_ERROR' });
    expect(await failure(rows('SELECT * FROM not_there'))).toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    expect(await failure(client.command({ query: 'DROP DATABASE not_there' }))).toMatchObject({ code: '81', type: 'UNKNOWN_DATABASE' });
    const into = await table('a UInt8');
    const insert = client.insert({ table: into, values: [{ a: 1 }, { a: 'no number' }], format: 'JSONEachRow' });
    expect((await failure(insert)).code).toMatch(/^(27|72|117)$/);
    expect(await rows(`SELECT count() AS n FROM ${into}`)).toEqual([{ n: '0' }]);
    expect(await failure(client.query({ query: 'SELECT 1', clickhouse_settings: { no_such_setting: 1 } }))).toMatchObject({
      type: 'UNKNOWN_SETTING',
    });
  });

  it('ends a statement at its max_execution_time', async () => {
    const slow = client.query({
      query: 'SELECT count() FROM numbers(1e12) WHERE sipHash64(number) = 1',
      clickhouse_settings: { max_execution_time: 1 },
    });
    expect(await failure(slow)).toMatchObject({ code: '159', type: 'TIMEOUT_EXCEEDED' });
  });

  it('lets go of a statement whose caller gives up, and goes on serving others', async () => {
    const given = new AbortController();
    const slow = client.query({ query: 'SELECT sleep(1)', abort_signal: given.signal });
    given.abort();
    await expect(slow).rejects.toThrow('aborted');
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('throws an error in the middle of a result before its first row, when asked to wait for its end', async () => {
    const query = 'SELECT throwIf(number = 900000) AS ok FROM numbers(1000000)';
    const waiting = client.query({ query, format: 'JSONEachRow', clickhouse_settings: { wait_end_of_query: 1 } });
    expect((await failure(waiting)).type).toBe('FUNCTION_THROW_IF_VALUE_IS_NON_ZERO');
  });

  it('never passes off a result that broke in the middle as a whole one', async () => {
    const query = 'SELECT throwIf(number = 900000) AS ok FROM numbers(1000000)';
    const reading = client.query({ query, format: 'JSONEachRow', clickhouse_settings: { max_threads: 1 } }).then((result) => result.json());
    expect((await failure(reading)).type).toBe('FUNCTION_THROW_IF_VALUE_IS_NON_ZERO');
  });

  it('gives whole documents as well as rows', async () => {
    const result = await client.query({ query: 'SELECT number FROM numbers(200000)', format: 'JSON' });
    const document = await result.json<{ number: string }>();
    expect(document.rows).toBe(200_000);
    expect(document.data).toHaveLength(200_000);
  });

  it('streams 200,000 rows in order, in memory that does not grow with them', async () => {
    const query = `SELECT number, repeat('x', 500) AS text FROM numbers(200000)`;
    const result = await client.query({ query, format: 'JSONEachRow', clickhouse_settings: { max_threads: 1, max_block_size: '8192' } });
    const before = bytesHeld();
    let expected = 0;
    let peak = 0;
    for await (const batch of result.stream<{ number: string; text: string }>()) {
      for (const row of batch) {
        if (row.json().number !== String(expected)) throw new Error(`Row ${expected} is not where it should be.`);
        expected += 1;
        if (expected % 20_000 === 0) peak = Math.max(peak, bytesHeld());
      }
    }
    expect(expected).toBe(200_000);
    // The rows are 106 MB of text, a part of 8,192 rows is 4.
    expect(peak - before).toBeLessThan(40_000_000);
  });

  it('lets a reader leave in the middle of a stream', async () => {
    for (let round = 0; round < 20; round += 1) {
      const result = await client.query({ query: 'SELECT number FROM numbers(2000000)', format: 'JSONEachRow' });
      for await (const batch of result.stream<{ number: string }>()) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
    }
    expect(await rows('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('the embedded ClickHouse', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-chdb-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('lets go of its folder when it is closed, and finds its data there again', async () => {
    const first = createClickHouse(`chdb://${folder}`);
    await first.command({ query: 'CREATE TABLE kept ENGINE = MergeTree ORDER BY number AS SELECT number FROM numbers(3)' });
    await first.close();
    await expect(pingClickHouse(first)).rejects.toThrow('closed');
    const second = createClickHouse(`chdb://${folder}`);
    const result = await second.query({ query: 'SELECT count() AS n FROM kept', format: 'JSONEachRow' });
    expect(await result.json()).toEqual([{ n: '3' }]);
    await second.close();
  });

  it('says that another process has its folder', async () => {
    const holder = createClickHouse(`chdb://${folder}`);
    await pingClickHouse(holder, 10_000);
    const script = `
      const { createClickHouse, pingClickHouse } = await import('./dist/libs/clickhouse/clickhouse.js');
      await pingClickHouse(createClickHouse(process.argv[1]), 10_000).catch((error) => console.log(error.message));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, `chdb://${folder}`]);
    expect(stdout).toContain('another process has it open');
    await holder.close();
  });
});
