import { loadScores } from '../test/scores/many-scores.js';
import { scaled } from '../test/support/scale.js';
import { type Figure, settle } from './load/figures.js';
import { HttpConnection, requestBytes } from './load/http-connection.js';
import { paced } from './load/http-load.js';
import { LoadedGateway } from './load/loaded-gateway.js';
import { median, slope } from './load/statistics.js';

/*
 * A mixed load at a steady rate for 20 minutes (TEST_SCALE shortens it): pages, reads, writes, refusals, and clients that hang up in the middle.
 * Memory and latency must stay where they are, and nothing may be left open at the end.
 */

const SECONDS = Math.max(60, scaled(1_200));
const WINDOW_SECONDS = SECONDS / 40;
const RATE = Number(process.env['BENCH_RATE'] ?? 150);
/** What a process still settles in: code is compiled, pools fill, the heap finds its size. */
const SETTLED = 0.3;
interface Sample {
  minutes: number;
  residentMb: number;
  heapMb: number;
  p50Ms: number;
  p99Ms: number;
  handles: number;
}

/** The sum of a metric over its labels, from the text that Prometheus would be given. */
function metric(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(name) && /^[ {]/.test(line.slice(name.length)));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Every kind of request, in proportions of a day in which most look and few change something. */
function mixture(ground: LoadedGateway, principals: readonly string[]): () => Buffer {
  const { url } = ground;
  const [reader, admin] = [ground.bearer('governance.reader'), ground.bearer('governance.admin')];
  const any = (): string => principals[Math.floor(Math.random() * principals.length)] ?? '';
  let turn = 0;
  const kinds: (() => Buffer)[] = [
    () => requestBytes(url, 'GET', '/v1/scores?sort=-priority&limit=50', reader),
    () => requestBytes(url, 'GET', `/v1/grants?principalId=${any()}`, reader),
    () => requestBytes(url, 'GET', `/v1/principals/${any()}`, { ...reader, 'If-None-Match': '"1"' }),
    () => requestBytes(url, 'GET', `/v1/principals/${any()}/access`, reader),
    () => requestBytes(url, 'GET', '/v1/assets?sensitivity=restricted&limit=20', reader),
    () => requestBytes(url, 'GET', '/v1/grants/00000000-0000-7000-8000-000000000000', reader),
    () => requestBytes(url, 'GET', '/v1/scores', { Authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' }),
    () => requestBytes(url, 'GET', '/v1/scores?cursor=forged', reader),
    () =>
      requestBytes(
        url,
        'POST',
        '/v1/principals',
        { ...admin, 'Idempotency-Key': `soak-${turn}` },
        { type: 'user', displayName: `Soak ${turn}` },
      ),
    () => requestBytes(url, 'PATCH', `/v1/principals/${any()}`, admin, { department: `Department ${turn % 40}` }),
  ];
  return () => kinds[turn++ % kinds.length]!();
}

/** Clients that ask and are gone before the answer. */
async function hangUp(ground: LoadedGateway): Promise<void> {
  for (let client = 0; client < 5; client++) {
    const connection = await HttpConnection.open(ground.url);
    connection.send(requestBytes(ground.url, 'GET', '/v1/scores?limit=100', ground.bearer('governance.reader'))).catch(() => undefined);
    connection.close();
  }
}

const ground = await LoadedGateway.start((client) => loadScores(client, 50_000));
try {
  const { rows } = await ground.client.query<{ id: string }>('SELECT id FROM principals LIMIT 1000');
  const next = mixture(
    ground,
    rows.map(({ id }) => id),
  );
  const wrong = ({ status }: { status: number }): string | null => (status < 500 ? null : 'A failure');
  const samples: Sample[] = [];
  const began = performance.now();
  while (performance.now() - began < SECONDS * 1_000) {
    const { p50Ms, p99Ms } = await paced({ url: ground.url, connections: 16, seconds: WINDOW_SECONDS, perSecond: RATE, next, wrong });
    await hangUp(ground);
    const text = await (await fetch(`${ground.url}/v1/metrics`)).text();
    const heap = metric(text, 'nodejs_heap_size_used_bytes');
    const handles = ground.gateway.openHandles();
    samples.push({
      minutes: (performance.now() - began) / 60_000,
      residentMb: ground.gateway.residentMegabytes(),
      heapMb: heap / 2 ** 20,
      p50Ms,
      p99Ms,
      handles,
    });
  }
  const settled = samples.slice(Math.floor(samples.length * SETTLED));
  const half = Math.floor(settled.length / 2);
  const risen = (name: keyof Sample): number =>
    median(settled.slice(half).map((sample) => sample[name])) / median(settled.slice(0, half).map((sample) => sample[name]));
  const line = (name: keyof Sample): number => slope(settled.map((sample) => [sample.minutes, sample[name]] as const));
  const figures: Figure[] = [
    { name: `minutes at ${RATE} requests a second`, value: SECONDS / 60, unit: 'min' },
    { name: 'memory at the end', value: samples.at(-1)!.residentMb, unit: 'MB' },
    { name: 'memory, slope', value: line('residentMb'), unit: 'MB/min' },
    { name: 'memory, second half by first', value: risen('residentMb'), unit: '×', most: 1.1 },
    { name: 'heap in use, slope', value: line('heapMb'), unit: 'MB/min' },
    { name: 'latency p50, slope', value: line('p50Ms'), unit: 'ms/min' },
    { name: 'latency p50, second half by first', value: risen('p50Ms'), unit: '×', most: 1.25 },
    { name: 'latency p99, slope', value: line('p99Ms'), unit: 'ms/min' },
    { name: 'open handles of the process, end less beginning', value: samples.at(-1)!.handles - samples[0]!.handles, unit: '', most: 10 },
  ];
  const { rows: open } = await ground.client.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE application_name = 'access-governance'`,
  );
  figures.push({ name: 'connections to PostgreSQL at the end', value: open[0]?.count ?? NaN, unit: '', most: 16 });
  figures.push({ name: 'warnings of Node, of too many listeners for example', value: ground.gateway.warnings().length, unit: '', most: 0 });
  settle(figures);
} finally {
  await ground.close();
}
