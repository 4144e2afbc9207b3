import { Logger } from '@nestjs/common';
import kafkajs, { type Admin, type LogEntry, type logLevel, type SASLOptions } from 'kafkajs';
import type { MessageBroker, MessageSource, PartitionLag } from './message.js';
import { KafkaProducer } from './kafka.producer.js';
import { KafkaSource, type KafkaSourceOptions } from './kafka.source.js';
import { within } from './time-limit.js';
import { TOPICS, type TopicSpec } from './topics.js';

export interface KafkaSettings {
  brokers: readonly string[];
  clientId: string;
  /** null speaks in the clear. `ca` is a PEM, for a broker whose certificate is not signed by an authority that Node knows. */
  tls?: { ca?: string } | null;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string } | null;
  /** How many brokers keep each topic that is created; null: three, or as many as there are. */
  replicationFactor?: number | null;
  topics?: readonly TopicSpec[];
  consumer?: KafkaSourceOptions;
}

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * Kafka by kafkajs. Everything connects when it is first needed and again whenever it must; a broker that is away makes calls fail after
 * some seconds, and never ends the process.
 */
export class KafkaClient implements MessageBroker {
  readonly producer: KafkaProducer;
  private readonly logger = new Logger(KafkaClient.name);
  private readonly kafka: kafkajs.Kafka;
  private readonly sources: KafkaSource[] = [];
  private admin: Promise<Admin> | null = null;
  private prepared: Promise<void> | null = null;

  constructor(private readonly settings: KafkaSettings) {
    this.kafka = new kafkajs.Kafka({
      brokers: [...settings.brokers],
      clientId: settings.clientId,
      ssl: settings.tls ? (settings.tls.ca === undefined ? true : { ca: settings.tls.ca }) : false,
      sasl: (settings.sasl ?? undefined) as SASLOptions | undefined,
      connectionTimeout: CONNECT_TIMEOUT_MS,
      authenticationTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
      logLevel: kafkajs.logLevel.WARN,
      logCreator: (): ((entry: LogEntry) => void) => (entry) => this.log(entry),
    });
    this.producer = new KafkaProducer(this.kafka, () => this.prepare());
  }

  source(group: string): MessageSource {
    const source = new KafkaSource(this.kafka, group, () => this.prepare(), this.settings.consumer);
    this.sources.push(source);
    return source;
  }

  /** Creates the topics that are not there, with the partitions, replication and retention of the table. One that is there is left as it is. */
  prepare(): Promise<void> {
    this.prepared ??= this.createTopics().catch((error: unknown) => {
      this.prepared = null;
      throw error;
    });
    return this.prepared;
  }

  async consumerLag(group: string, topics: readonly string[]): Promise<PartitionLag[]> {
    return this.asAdmin(async (admin) => {
      const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
      const lags = await Promise.all(
        committed.map(async ({ topic, partitions }) => {
          const ends = await admin.fetchTopicOffsets(topic);
          return ends.map(({ partition, high, low }) => {
            const position = BigInt(partitions.find((each) => each.partition === partition)?.offset ?? -1);
            const from = position < BigInt(low) ? BigInt(low) : position;
            return { topic, partition, lag: Number(BigInt(high) - from) };
          });
        }),
      );
      return lags.flat();
    });
  }

  async check(timeoutMs: number): Promise<void> {
    await within(
      timeoutMs,
      this.asAdmin((admin) => admin.describeCluster()),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.producer.close();
    await this.dropAdmin();
  }

  private async createTopics(): Promise<void> {
    const specs = this.settings.topics ?? TOPICS;
    await this.asAdmin(async (admin) => {
      const present = new Set(await admin.listTopics());
      const missing = specs.filter(({ name }) => !present.has(name));
      if (missing.length > 0) {
        const replicationFactor = this.settings.replicationFactor ?? Math.min(3, (await admin.describeCluster()).brokers.length);
        await admin.createTopics({ topics: missing.map((spec) => topicConfig(spec, replicationFactor)), waitForLeaders: true });
      }
      await this.warnOfOtherPartitions(
        admin,
        specs.filter(({ name }) => present.has(name)),
      );
    });
  }

  private async warnOfOtherPartitions(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
    if (specs.length === 0) return;
    const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
    for (const { name, partitions } of specs) {
      const actual = topics.find((topic) => topic.name === name)?.partitions.length;
      if (actual !== partitions) this.logger.warn(`${name} has ${actual} partitions instead of ${partitions}; it is left as it is.`);
    }
  }

  /** One connection for questions, made when it is first needed and anew after an error. */
  private async asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    try {
      this.admin ??= connected(this.kafka.admin());
      return await work(await this.admin);
    } catch (error) {
      await this.dropAdmin();
      throw error;
    }
  }

  private async dropAdmin(): Promise<void> {
    const admin = this.admin;
    this.admin = null;
    await admin?.then((each) => each.disconnect()).catch(() => undefined);
  }

  /** kafkajs reports each attempt to reconnect; what matters of it the source and the producer say themselves, once. */
  private log({ level, namespace, log }: { level: logLevel; namespace: string; log: { message: string } }): void {
    this.logger.debug(`${kafkajs.logLevel[level]} ${namespace}: ${log.message}`);
  }
}

async function connected(admin: Admin): Promise<Admin> {
  await admin.connect();
  return admin;
}

function topicConfig({ name, partitions, retentionMs }: TopicSpec, replicationFactor: number) {
  const settings = {
    'retention.ms': String(retentionMs),
    'cleanup.policy': 'delete',
    // An acknowledged message outlives the loss of one broker, and one broker may be away without writes failing.
    'min.insync.replicas': replicationFactor >= 3 ? '2' : '1',
  };
  const configEntries = Object.entries(settings).map(([entry, value]) => ({ name: entry, value }));
  return { topic: name, numPartitions: partitions, replicationFactor, configEntries };
}
