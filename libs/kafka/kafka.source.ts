import { Logger } from '@nestjs/common';
import type { Consumer, EachBatchPayload, IHeaders, Kafka, KafkaMessage } from 'kafkajs';
import { setTimeout as pause } from 'node:timers/promises';
import { BatchGathering } from './batch-gathering.js';
import type { Deliver, MessageSource, RawMessage } from './message.js';

export interface KafkaSourceOptions {
  /** The most messages that a handler gets at once. */
  maxMessages?: number;
  /** How long the broker waits for a fetch to become worth while, in milliseconds: what a message may be delayed by. */
  lingerMs?: number;
  /** After how long without a sign of life the group gives the partitions to another member, in milliseconds. */
  sessionTimeoutMs?: number;
}

/** A fetch that finds this much does not wait any longer. */
const WORTHWHILE_BYTES = 1024 * 1024;
/** A member hears at its next heartbeat that another has gone and left it partitions. */
const MOST_HEARTBEAT_MS = 1_000;
const RESTART_MS = { initial: 500, max: 10_000 };
/** As many partitions at once as one member may ever have; each waits for the batch that its messages are in. */
const CONCURRENCY = 64;

/** Consumes with kafkajs, committing an offset only when everything before it has been delivered. Starts over after every failure, for ever. */
export class KafkaSource implements MessageSource {
  private readonly logger = new Logger(KafkaSource.name);
  private readonly stopping = new AbortController();
  private readonly stopped = new Promise<void>((resolve) => {
    this.stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  private running: Promise<void> | null = null;
  private healthy = true;

  constructor(
    private readonly kafka: Kafka,
    private readonly group: string,
    private readonly prepare: () => Promise<void>,
    private readonly options: KafkaSourceOptions = {},
  ) {}

  start(topics: readonly string[], deliver: Deliver): void {
    this.running ??= this.run(topics, deliver);
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('The source is stopping.'));
    await this.running;
  }

  private async run(topics: readonly string[], deliver: Deliver): Promise<void> {
    const { signal } = this.stopping;
    for (let delayMs = RESTART_MS.initial; ; delayMs = Math.min(delayMs * 2, RESTART_MS.max)) {
      const error = await this.consume(topics, deliver).catch((reason: unknown) => reason);
      if (signal.aborted) return;
      if (this.healthy) {
        this.logger.warn(`${this.group} lost Kafka and goes on trying: ${(error as Error).message}`);
        delayMs = RESTART_MS.initial;
      }
      this.healthy = false;
      if (!(await pause(delayMs, true, { signal }).catch(() => false))) return;
    }
  }

  /** One life of a consumer: returns when the source stops, rejects with what ended it otherwise. */
  private async consume(topics: readonly string[], deliver: Deliver): Promise<void> {
    await this.prepare();
    const { sessionTimeoutMs = 30_000, lingerMs = 300 } = this.options;
    const heartbeatMs = Math.min(MOST_HEARTBEAT_MS, Math.floor(sessionTimeoutMs / 10));
    const consumer = this.kafka.consumer({
      groupId: this.group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      maxWaitTimeInMs: lingerMs,
      minBytes: WORTHWHILE_BYTES,
      allowAutoTopicCreation: false,
      // One place starts over, this class: a consumer that has crashed is thrown away.
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5, restartOnFailure: () => Promise.resolve(false) },
    });
    const ended = new Promise<never>((_, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        reject(payload.error);
      });
    });
    ended.catch(() => undefined);
    try {
      await Promise.race([this.subscribe(consumer, topics, deliver, heartbeatMs), ended, this.stopped]);
      await Promise.race([ended, this.stopped]);
    } finally {
      await consumer.disconnect().catch(() => undefined);
    }
  }

  private async subscribe(consumer: Consumer, topics: readonly string[], deliver: Deliver, heartbeatMs: number): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    consumer.on(consumer.events.GROUP_JOIN, () => {
      if (!this.healthy) this.logger.log(`${this.group} consumes again.`);
      this.healthy = true;
    });
    const session = new Session(topics, deliver, this.stopping.signal, this.options.maxMessages ?? 10_000, heartbeatMs);
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENCY,
      eachBatch: (payload) => session.take(payload),
    });
  }
}

/** What the batches of one consumer share: whether they may still be worked on. */
class Session {
  private readonly gatherings: ReadonlyMap<string, BatchGathering>;
  private lost!: AbortController;
  /** Made once for many batches: each combined signal stays tied to the signals it was made of. */
  private signal!: AbortSignal;

  constructor(
    topics: readonly string[],
    deliver: Deliver,
    private readonly stopping: AbortSignal,
    maxMessages: number,
    private readonly heartbeatMs: number,
  ) {
    this.gatherings = new Map(
      topics.map((topic) => [topic, new BatchGathering(maxMessages, (messages) => deliver(topic, messages, this.signal))]),
    );
    this.begin();
  }

  async take(payload: EachBatchPayload): Promise<void> {
    const { topic, partition, messages } = payload.batch;
    const last = messages.at(-1);
    if (!last || payload.isStale() || !payload.isRunning()) return;
    const lost = this.lost;
    const heartbeat = setInterval(() => {
      payload.heartbeat().catch((error: unknown) => {
        lost.abort(error);
        if (this.lost === lost) this.begin();
      });
    }, this.heartbeatMs);
    try {
      await this.gatherings.get(topic)?.add(messages.map((message) => rawMessage(partition, message)));
    } catch (error) {
      // Nothing is resolved, so whoever has the partition next gets the same messages.
      if (this.stopping.aborted) return;
      throw error;
    } finally {
      clearInterval(heartbeat);
    }
    const next = (BigInt(payload.batch.lastOffset()) + 1n).toString();
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next }] }] });
    payload.resolveOffset(last.offset);
  }

  private begin(): void {
    this.lost = new AbortController();
    this.signal = AbortSignal.any([this.stopping, this.lost.signal]);
  }
}

function rawMessage(partition: number, { key, value, headers, offset }: KafkaMessage): RawMessage {
  return { key: key?.toString('utf8') ?? null, value, headers: plainHeaders(headers ?? {}), partition, offset };
}

function plainHeaders(headers: IHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => {
      const first = Array.isArray(value) ? value[0] : value;
      return first === undefined ? [] : [[name, first.toString()]];
    }),
  );
}
