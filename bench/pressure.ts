import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '../test/support/eventually.js';
import { loadScores } from '../test/scores/many-scores.js';
import { type Figure, settle } from './load/figures.js';
import { requestBytes } from './load/http-connection.js';
import { paced } from './load/http-load.js';
import { LoadedGateway } from './load/loaded-gateway.js';
import { median, quantile } from './load/statistics.js';

/*
 * What others notice of 2,000 clients that send a byte now and then, as slowhttptest's do, and of 1,000 bad tokens a second. Each round measures
 * the same steady requests alone and beside them. BENCH_SECONDS is how long a turn takes.
 */

const ROUNDS = 5;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5);
const RATE = 100;
const SLOW_SENDERS = 2_000;
const SLOW_BYTE_MS = 1_000;
const BAD_TOKENS = 1_000;

/** Connections in the middle of their headers or of their body, each of which sends one more byte a second for as long as it is let. */
async function slowSenders(url: string): Promise<() => void> {
  const { hostname, port } = new URL(url);
  const heads = [
    'GET /v1/scores HTTP/1.1\r\nHost: gateway\r\nX-A: ',
    'POST /v1/principals HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{',
  ];
  const sockets: Socket[] = [];
  const open = async (index: number): Promise<void> => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(heads[index % heads.length]!);
    sockets.push(socket);
  };
  for (let opened = 0; opened < SLOW_SENDERS; opened += 100)
    await Promise.all(Array.from({ length: 100 }, (_, index) => open(opened + index)));
  let turn = 0;
  // A tenth of them at a time: together they would be a burst, and no trickle.
  const trickle = setInterval(() => {
    turn += 1;
    for (let index = turn % 10; index < sockets.length; index += 10) if (sockets[index]?.writable) sockets[index]?.write('a');
  }, SLOW_BYTE_MS / 10);
  return () => {
    clearInterval(trickle);
    for (const socket of sockets) socket.destroy();
  };
}

/** A token with a signature of its own that is wrong, so that nothing short of looking at it finds out. */
function badTokens(ground: LoadedGateway): Promise<unknown> {
  const good = ground.issuer.tokenFor({ roles: ['governance.reader'] });
  const signed = good.slice(0, good.lastIndexOf('.'));
  const next = (): Buffer =>
    requestBytes(ground.url, 'GET', '/v1/scores', { Authorization: `Bearer ${signed}.${randomBytes(256).toString('base64url')}` });
  const wrong = ({ status }: { status: number }): string | null => (status === 401 ? null : 'A bad token was let in');
  return paced({ url: ground.url, connections: 32, seconds: SECONDS, perSecond: BAD_TOKENS, next, wrong });
}

const ground = await LoadedGateway.start((client) => loadScores(client, 20_000));
try {
  const request = requestBytes(ground.url, 'GET', '/v1/scores?sort=-priority&limit=50', ground.bearer('governance.reader'));
  const others = async (): Promise<number> => {
    const wrong = ({ status }: { status: number }): string | null => (status === 200 ? null : 'Not answered');
    const { latenciesMs } = await paced({
      url: ground.url,
      connections: 16,
      seconds: SECONDS,
      perSecond: RATE,
      next: () => request,
      wrong,
    });
    return quantile(latenciesMs, 0.99);
  };
  await others();
  const [slow, bad, alone]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const base = await others();
    alone.push(base);
    const handles = ground.gateway.openHandles();
    const stop = await slowSenders(ground.url);
    slow.push((await others()) / base);
    stop();
    // That they all hang up at once is no part of what the next turn measures.
    await eventually(() => Promise.resolve(ground.gateway.openHandles() <= handles), 30_000);
    await others();
    const tokens = badTokens(ground);
    bad.push((await others()) / base);
    await tokens;
  }
  const ratioOf = (name: string, ratios: number[]): Figure => ({
    ...{ name, value: median(ratios), unit: '×', most: 2 },
    spread: [Math.min(...ratios), Math.max(...ratios)],
  });
  settle([
    { name: `p99 of ${RATE} pages a second, alone`, value: median(alone), unit: 'ms', spread: [Math.min(...alone), Math.max(...alone)] },
    ratioOf(`p99 beside ${SLOW_SENDERS} slow senders`, slow),
    ratioOf(`p99 beside ${BAD_TOKENS} bad tokens a second`, bad),
  ]);
} finally {
  await ground.close();
}
