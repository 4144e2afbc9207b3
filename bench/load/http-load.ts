import { type Answer, HttpConnection } from './http-connection.js';
import { quantile } from './statistics.js';

export interface LoadOptions {
  url: string;
  connections: number;
  seconds: number;
  /** The bytes of the next request. */
  next: () => Buffer;
  /** Why an answer is wrong, or null where it is right. */
  wrong: (answer: Answer) => string | null;
}

export interface LoadResult {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  latenciesMs: number[];
}

/**
 * As many requests as are answered in a time, each connection sending its next when its last is answered.
 *
 * @throws Error with the first answer that is wrong
 */
export async function load({ url, connections, seconds, next, wrong }: LoadOptions): Promise<LoadResult> {
  const open = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(url)));
  const latenciesMs: number[] = [];
  const began = performance.now();
  const until = began + seconds * 1_000;
  try {
    await Promise.all(
      open.map(async (connection) => {
        for (let at = performance.now(); at < until;) {
          const answer = await connection.send(next());
          const reason = wrong(answer);
          if (reason !== null) throw new Error(`${url}: ${reason}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
          const now = performance.now();
          latenciesMs.push(now - at);
          at = now;
        }
      }),
    );
  } finally {
    open.forEach((connection) => connection.close());
  }
  return summarise(latenciesMs, (performance.now() - began) / 1_000);
}

/**
 * Requests at a steady rate, each timed from when it was due: a server that stalls is charged for all who had to wait, not only for those who
 * happened to be asking.
 */
export async function paced(options: LoadOptions & { perSecond: number }): Promise<LoadResult> {
  const { url, connections, seconds, next, wrong, perSecond } = options;
  const free = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(url)));
  const all = [...free];
  const latenciesMs: number[] = [];
  const waiting: ((connection: HttpConnection) => void)[] = [];
  const began = performance.now();
  // In turn: a server hangs up on one that has not asked anything for long.
  const ask = async (due: number): Promise<void> => {
    const connection = free.shift() ?? (await new Promise<HttpConnection>((resolve) => waiting.push(resolve)));
    const answer = await connection.send(next());
    const reason = wrong(answer);
    if (reason !== null) throw new Error(`${url}: ${reason}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
    latenciesMs.push(performance.now() - due);
    const taker = waiting.shift();
    if (taker) taker(connection);
    else free.push(connection);
  };
  try {
    await new Promise<void>((resolve, reject) => {
      const asked: Promise<void>[] = [];
      const timer = setInterval(() => {
        const now = performance.now();
        // The first is due at once.
        const due = Math.min(perSecond * seconds, Math.floor(((now - began) / 1_000) * perSecond) + 1);
        while (asked.length < due) {
          const one = ask(began + (asked.length / perSecond) * 1_000);
          one.catch(reject);
          asked.push(one);
        }
        if (asked.length < perSecond * seconds) return;
        clearInterval(timer);
        Promise.all(asked).then(() => resolve(), reject);
      }, 1);
    });
  } finally {
    all.forEach((connection) => connection.close());
  }
  return summarise(latenciesMs, (performance.now() - began) / 1_000);
}

function summarise(latenciesMs: number[], seconds: number): LoadResult {
  return {
    requests: latenciesMs.length,
    perSecond: latenciesMs.length / seconds,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    latenciesMs,
  };
}
