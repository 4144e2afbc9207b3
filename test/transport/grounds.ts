import pg from 'pg';
import type { BatchContext } from '#libs/kafka/batch-delivery.js';
import { InProcessBroker } from '#libs/kafka/in-process.broker.js';
import { KafkaClient } from '#libs/kafka/kafka.client.js';
import type { InboundMessage, MessageBroker, OutboundMessage } from '#libs/kafka/message.js';
import { deadLetterTopic } from '#libs/kafka/topics.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { KafkaServer } from '../support/kafka-server.js';

/** What the contract is held to: Kafka, and its twin. */
export interface Ground {
  readonly kind: 'kafka' | 'in-process';
  /** The bootstrap address, or the URL of the database. */
  readonly url: string;
  /** The broker as one process has it. Its topics are the topic of the test and that one's dead letters. */
  connect(topic: string): MessageBroker;
  /** Takes all connections away, as an outage does, and gives them back. */
  interrupt(): Promise<void>;
  close(): Promise<void>;
}

/** What an outage may take to be over, on a machine that is busy. */
export const OUTAGE_TIMEOUT_MS = 60_000;

export async function kafkaGround(): Promise<Ground> {
  const server = await KafkaServer.start({ own: true });
  return {
    kind: 'kafka',
    url: server.bootstrap,
    connect: (topic) =>
      new KafkaClient({
        brokers: [server.bootstrap],
        clientId: 'transport-spec',
        topics: [topic, deadLetterTopic(topic)].map((name) => ({ name, partitions: 3, retentionMs: 3_600_000 })),
        consumer: { lingerMs: 50, sessionTimeoutMs: 6_000 },
      }),
    interrupt: async () => {
      await server.kill();
      await server.restart();
    },
    close: () => server.remove(),
  };
}

/** Until the migrations make them. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS messages (
    topic   text NOT NULL,
    id      bigint GENERATED ALWAYS AS IDENTITY,
    key     text,
    value   bytea,
    headers jsonb NOT NULL DEFAULT '{}',
    sent_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, id)
  );
  CREATE TABLE IF NOT EXISTS consumer_offsets (
    consumer  text NOT NULL,
    topic     text NOT NULL,
    partition integer NOT NULL,
    position  bigint NOT NULL,
    PRIMARY KEY (consumer, topic, partition)
  );`;

export async function onDatabase(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

export async function databaseWithTables(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await onDatabase(database.url, (client) => client.query(TABLES));
  return database;
}

export async function inProcessGround(): Promise<Ground> {
  const database = await databaseWithTables();
  return {
    kind: 'in-process',
    url: database.url,
    connect: () => new InProcessBroker(database.url, { pollMs: 20 }),
    interrupt: () =>
      onDatabase(database.url, (client) =>
        client.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        ),
      ),
    close: () => database.drop(),
  };
}

export type Handle = (messages: InboundMessage[], context: BatchContext) => Promise<void>;

/** What a handler has taken, in the order it did. */
export class Taken {
  readonly batches: InboundMessage[][] = [];

  readonly take = (messages: InboundMessage[]): Promise<void> => {
    this.batches.push(messages);
    return Promise.resolve();
  };

  get values(): unknown[] {
    return this.batches.flat().map(({ body }) => body);
  }

  ofKey(key: string): unknown[] {
    return this.batches
      .flat()
      .filter((message) => message.key === key)
      .map(({ body }) => body);
  }
}

export function numbered(count: number, from = 1): OutboundMessage[] {
  return Array.from({ length: count }, (_, index) => ({ key: `key-${(from + index) % 7}`, value: String(from + index) }));
}

export function sorted(values: unknown[]): unknown[] {
  return [...values].sort((a, b) => Number(a) - Number(b));
}

export function range(count: number, from = 1): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}
