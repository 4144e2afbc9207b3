import { Logger } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { LOCKS, lockNumber, storedTopic } from './in-process.topics.js';
import type { Deliver, MessageSource, RawMessage } from './message.js';
import { TOPICS } from './topics.js';

export interface InProcessSourceOptions {
  /** The most messages that a handler gets at once. */
  maxMessages?: number;
  /** How often an empty topic is looked at, in milliseconds. */
  pollMs?: number;
}

const RESTART_MS = { initial: 200, max: 5_000 };
const HOUR_MS = 3_600_000;
/** PostgreSQL ends a session that says nothing for so long, and its lock falls: a frozen process holds up the others no longer than this. */
const SILENCE_MS = 5_000;

/** Consumes from PostgreSQL, one reader for each topic and group in the whole installation; another takes over when that one is gone. */
export class InProcessSource implements MessageSource {
  private readonly stopping = new AbortController();
  private running: Promise<unknown> | null = null;

  constructor(
    private readonly databaseUrl: string,
    private readonly group: string,
    private readonly options: InProcessSourceOptions = {},
  ) {}

  start(topics: readonly string[], deliver: Deliver): void {
    const { maxMessages = 10_000, pollMs = 200 } = this.options;
    this.running ??= Promise.all(
      topics.map((topic) => new TopicReader(this.databaseUrl, this.group, topic, deliver, this.stopping.signal, maxMessages, pollMs).run()),
    );
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('The source is stopping.'));
    await this.running;
  }
}

class TopicReader {
  private readonly logger = new Logger(InProcessSource.name);
  private healthy = true;
  private prunedAt = Date.now();

  constructor(
    private readonly databaseUrl: string,
    private readonly group: string,
    private readonly topic: string,
    private readonly deliver: Deliver,
    private readonly stopping: AbortSignal,
    private readonly maxMessages: number,
    private readonly pollMs: number,
  ) {}

  async run(): Promise<void> {
    for (let delayMs = RESTART_MS.initial; ; delayMs = Math.min(delayMs * 2, RESTART_MS.max)) {
      const error = await this.session().catch((reason: unknown) => reason);
      if (this.stopping.aborted) return;
      if (this.healthy) {
        this.logger.warn(`${this.group} lost PostgreSQL and goes on trying: ${(error as Error).message}`);
        delayMs = RESTART_MS.initial;
      }
      this.healthy = false;
      if (!(await this.wait(delayMs))) return;
    }
  }

  /** One connection's life: returns when the source stops, rejects when the connection is lost. */
  private async session(): Promise<void> {
    const lost = new AbortController();
    const client = new pg.Client({ connectionString: this.databaseUrl, connectionTimeoutMillis: 3_000, query_timeout: 30_000 });
    client.on('error', (error) => lost.abort(error));
    try {
      await client.connect();
      await client.query(`SET idle_session_timeout = ${SILENCE_MS}`);
      await this.takeTurn(client);
      await this.consume(client, lost);
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Waits until no other process reads the topic for this group. */
  private async takeTurn(client: pg.Client): Promise<void> {
    const lock = [LOCKS.consume, lockNumber(`${this.group}:${this.topic}`)];
    while (!this.stopping.aborted) {
      const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', lock);
      if (rows[0]?.taken) return;
      await this.wait(this.pollMs);
    }
  }

  private async consume(client: pg.Client, lost: AbortController): Promise<void> {
    const signal = AbortSignal.any([this.stopping, lost.signal]);
    let position = await this.position(client);
    if (!this.healthy) this.logger.log(`${this.group} consumes again.`);
    this.healthy = true;
    while (!this.stopping.aborted) {
      const messages = await this.read(client, position);
      const last = messages.at(-1);
      if (last) {
        await this.attended(client, lost, this.deliver(this.topic, messages, signal));
        await this.commit(client, position, last.offset);
        position = last.offset;
        await this.prune(client);
      }
      if (messages.length < this.maxMessages) await this.wait(this.pollMs);
    }
  }

  /** Keeps the session from falling silent while a handler works. */
  private async attended(client: pg.Client, lost: AbortController, work: Promise<void>): Promise<void> {
    let beat: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      beat = beat.then(() => client.query('SELECT')).catch((error: unknown) => lost.abort(error));
    }, SILENCE_MS / 4);
    try {
      await work;
    } finally {
      clearInterval(timer);
      await beat;
    }
  }

  private async position(client: pg.Client): Promise<string> {
    const { rows } = await client.query<{ position: string }>(
      'SELECT position::text FROM consumer_offsets WHERE consumer = $1 AND topic = $2 AND partition = 0',
      [this.group, this.topic],
    );
    return rows[0]?.position ?? '0';
  }

  private async read(client: pg.Client, position: string): Promise<RawMessage[]> {
    const topic = storedTopic(this.topic);
    const { rows } = await client.query<Record<string, unknown>>(topic.read, [position, this.maxMessages, this.topic]);
    return rows.map(topic.toMessage);
  }

  /** Moves on only from where this reader stood, and over the session that holds the lock: one that lost its turn moves nothing. */
  private async commit(client: pg.Client, from: string, to: string): Promise<void> {
    const { rowCount } = await client.query(
      `INSERT INTO consumer_offsets (consumer, topic, partition, position) VALUES ($1, $2, 0, $4)
       ON CONFLICT (consumer, topic, partition) DO UPDATE SET position = EXCLUDED.position WHERE consumer_offsets.position = $3`,
      [this.group, this.topic, from, to],
    );
    if (rowCount === 0) throw new Error(`another reader has moved ${this.group} on ${this.topic}`);
  }

  /** What every group has read is kept as long as Kafka would keep it. */
  private async prune(client: pg.Client): Promise<void> {
    const retentionMs = TOPICS.find(({ name }) => name === this.topic)?.retentionMs;
    if (retentionMs === undefined || Date.now() - this.prunedAt < HOUR_MS) return;
    this.prunedAt = Date.now();
    await client.query(
      `DELETE FROM messages WHERE topic = $1 AND sent_at < now() - $2 * interval '1 millisecond'
         AND id <= (SELECT min(position) FROM consumer_offsets WHERE topic = $1)`,
      [this.topic, retentionMs],
    );
  }

  /** Whether the time went by without the source being stopped. */
  private wait(ms: number): Promise<boolean> {
    return pause(ms, true, { signal: this.stopping }).catch(() => false);
  }
}
