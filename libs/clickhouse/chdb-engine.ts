import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type * as Chdb from 'chdb';
import { fromFile, isReusable, prelude, shapeOf } from './chdb-statement.js';
import type { EngineRequest } from './chdb-statement.js';
import { Slots } from './slots.js';

interface OpenSession {
  readonly session: Chdb.Session;
  readonly shape: string;
}

interface StartedStream {
  readonly head: readonly Uint8Array[];
  /** What comes after the head, on a session that is held until `end`; null where the head is everything. */
  readonly rest: { readonly parts: AsyncIterator<Chdb.StreamChunk>; end(): void } | null;
}

const MAX_IDLE_SESSIONS = 16;

/**
 * ClickHouse inside this process (the optional package chdb) on one folder. A process can have one folder open, and a folder one process.
 *
 * Every statement has a native session to itself: chdb runs statements of one session one after the other, and keeps what was SET in it.
 * A session is used again only for a statement that sets exactly the same names, so that nothing of the one before it can show through.
 *
 * A running statement holds one of libuv's threads, which file access and name resolution need too; one is left to them.
 * UV_THREADPOOL_SIZE (4 unless set, best 16) therefore decides how many statements run at once. It is read when the process starts.
 */
export class ChdbEngine {
  private readonly threads = new Slots(Math.max(1, threadPoolSize() - 1));
  private readonly idle: OpenSession[] = [];
  private opening: Promise<typeof Chdb> | null = null;
  /** Held for as long as the engine is open: with its last session the whole engine would go and have to load its tables again. */
  private anchor: Chdb.Session | null = null;
  private closed = false;

  constructor(private readonly folder: string) {}

  /**
   * Runs a statement and answers its whole output.
   *
   * @throws Error as the engine words it (`Code: 62. DB::Exception: … (SYNTAX_ERROR)`), on a timeout, an abort or a missing chdb
   */
  async run(request: EngineRequest): Promise<Uint8Array> {
    const chdb = await this.open();
    const native = this.threads.use(async () => {
      request.signal?.throwIfAborted();
      const open = this.take(chdb, request);
      const output = await reuseUnlessFailed(
        () => open.session.queryAsync(`${prelude(request)}${request.sql}`, { format: request.format ?? 'TabSeparated' }),
        (failed) => this.giveBack(open, !failed && isReusable(request)),
      );
      return output.bytes();
    });
    return bounded(native, request);
  }

  /**
   * Runs an INSERT … FORMAT … on data of any format, in bounded memory. Without data there is nothing to do.
   *
   * @throws like `run`
   */
  async insert(request: EngineRequest, data: string | Readable): Promise<void> {
    await this.open();
    const file = join(this.incoming, randomUUID());
    try {
      await pipeline(typeof data === 'string' ? Readable.from([data]) : data, createWriteStream(file), { signal: request.signal });
      const { size } = await stat(file);
      if (size > 0) await this.run({ ...request, sql: fromFile(request.sql, file) });
    } finally {
      await rm(file, { force: true });
    }
  }

  /**
   * Runs a SELECT in a line-based format and answers its output in parts, as fast as they are asked for, in bounded memory.
   *
   * @throws like `run`, also in the middle of the output
   */
  async *stream(request: EngineRequest): AsyncGenerator<Uint8Array> {
    const chdb = await this.open();
    const starting = this.threads.use(() => this.start(chdb, request));
    const { head, rest } = await bounded(starting, request).catch((error: unknown) => {
      void starting.then(
        (started) => started.rest?.end(),
        () => undefined,
      );
      throw error;
    });
    try {
      yield* head;
      while (rest) {
        const part = await bounded(
          this.threads.use(() => rest.parts.next()),
          request,
        );
        if (part.done) return;
        yield part.value.raw();
      }
    } finally {
      rest?.end();
    }
  }

  /**
   * The first two parts at once: most results have one, so that they are done with their session and thread before the next statement
   * in line begins.
   */
  private async start(chdb: typeof Chdb, request: EngineRequest): Promise<StartedStream> {
    request.signal?.throwIfAborted();
    const open = this.take(chdb, request);
    let reusable = false;
    let rest: StartedStream['rest'] = null;
    try {
      const before = prelude(request);
      if (before !== '') await open.session.queryAsync(before);
      const parts = open.session.queryStream(request.sql, { format: request.format ?? 'TabSeparated' })[Symbol.asyncIterator]();
      const head: Uint8Array[] = [];
      for (let part = await parts.next(); !part.done; part = await parts.next()) {
        head.push(part.value.raw());
        if (head.length < 2) continue;
        rest = { parts, end: () => open.session.close() };
        return { head, rest };
      }
      reusable = isReusable(request);
      return { head, rest };
    } finally {
      if (!rest) this.giveBack(open, reusable);
    }
  }

  /** Waits for running statements and lets go of the folder. Later statements are refused. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const chdb = await this.opening?.catch(() => null);
    for (const { session } of this.idle.splice(0)) session.close();
    this.anchor?.close();
    this.anchor = null;
    await chdb?.drainPending();
  }

  /** Data on its way into the engine. */
  private get incoming(): string {
    return join(this.folder, 'incoming');
  }

  private open(): Promise<typeof Chdb> {
    if (this.closed) return Promise.reject(new Error('The embedded ClickHouse is closed.'));
    this.opening ??= this.load().catch((error: unknown) => {
      this.opening = null;
      throw error;
    });
    return this.opening;
  }

  private async load(): Promise<typeof Chdb> {
    const chdb = await importChdb();
    await mkdir(this.folder, { recursive: true });
    try {
      this.anchor = new chdb.Session(this.folder);
      // What a killed process left; the folder is ours alone since the line above.
      await rm(this.incoming, { recursive: true, force: true });
      await mkdir(this.incoming);
    } catch (error) {
      const hint = 'another process has it open, or this process has another folder open';
      throw new Error(`The embedded ClickHouse cannot open its folder; probably ${hint}: ${messageOf(error)}`, { cause: error });
    }
    return chdb;
  }

  private take(chdb: typeof Chdb, request: EngineRequest): OpenSession {
    if (this.closed) throw new Error('The embedded ClickHouse is closed.');
    const shape = shapeOf(request);
    const found = this.idle.findIndex((open) => open.shape === shape);
    const [reused] = found === -1 ? [] : this.idle.splice(found, 1);
    return reused ?? { session: new chdb.Session(this.folder), shape };
  }

  private giveBack(open: OpenSession, reusable: boolean): void {
    if (!reusable || this.closed) return open.session.close();
    this.idle.push(open);
    if (this.idle.length > MAX_IDLE_SESSIONS) this.idle.shift()?.session.close();
  }
}

async function importChdb(): Promise<typeof Chdb> {
  try {
    return await import('chdb');
  } catch (error) {
    throw new Error(
      'The embedded ClickHouse (chdb:///…) needs the optional package chdb, which cannot be loaded here: run npm install without ' +
        `--omit=optional, or give the HTTP URL of a ClickHouse server. ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function threadPoolSize(): number {
  return Number(process.env['UV_THREADPOOL_SIZE']) || 4;
}

async function reuseUnlessFailed<T>(work: () => Promise<T>, settle: (failed: boolean) => void): Promise<T> {
  let failed = true;
  try {
    const result = await work();
    failed = false;
    return result;
  } finally {
    settle(failed);
  }
}

/** The engine cannot be interrupted: the caller goes on at once, the statement runs to its end, and its session is not touched before. */
async function bounded<T>(native: Promise<T>, { timeoutMs, signal }: EngineRequest): Promise<T> {
  const settled = new AbortController();
  const waits: Promise<T>[] = [native];
  // In the words of the HTTP client, so that no caller has to know which of the two it is on.
  if (timeoutMs !== undefined) waits.push(failAfter(timeoutMs, settled.signal));
  if (signal) waits.push(failOnAbort(signal, settled.signal));
  try {
    return await Promise.race(waits);
  } finally {
    settled.abort();
  }
}

async function failAfter(timeoutMs: number, settled: AbortSignal): Promise<never> {
  await pause(timeoutMs, undefined, { signal: settled });
  throw new Error('Timeout error.');
}

function failOnAbort(signal: AbortSignal, settled: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(new Error('The user aborted a request.'));
    if (signal.aborted) fail();
    signal.addEventListener('abort', fail, { once: true, signal: settled });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
