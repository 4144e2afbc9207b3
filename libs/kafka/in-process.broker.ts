import pg from 'pg';
import { InProcessProducer } from './in-process.producer.js';
import { InProcessSource, type InProcessSourceOptions } from './in-process.source.js';
import { storedTopic } from './in-process.topics.js';
import type { MessageBroker, MessageSource, PartitionLag } from './message.js';
import { within } from './time-limit.js';

/**
 * Kafka's twin for `API_KAFKA_BOOTSTRAP=in-process`: the same handlers and the same guarantees, on the tables `events`, `messages` and
 * `consumer_offsets` of PostgreSQL. Each topic has one partition. Several processes may share it.
 */
export class InProcessBroker implements MessageBroker {
  readonly producer: InProcessProducer;
  private readonly pool: pg.Pool;
  private readonly sources: InProcessSource[] = [];

  constructor(
    private readonly databaseUrl: string,
    private readonly options: InProcessSourceOptions = {},
  ) {
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 2, connectionTimeoutMillis: 3_000, query_timeout: 30_000 });
    // A connection that PostgreSQL closed while it was idle is made anew when it is needed.
    this.pool.on('error', () => undefined);
    // The pool listens to those that nobody has taken; one that ends between two queries of a taken one would end the process.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    this.producer = new InProcessProducer(this.pool);
  }

  source(group: string): MessageSource {
    const source = new InProcessSource(this.databaseUrl, group, this.options);
    this.sources.push(source);
    return source;
  }

  async consumerLag(group: string, topics: readonly string[]): Promise<PartitionLag[]> {
    return Promise.all(
      topics.map(async (topic) => {
        const offsets = await this.pool.query<{ position: string }>(
          'SELECT position::text FROM consumer_offsets WHERE consumer = $1 AND topic = $2',
          [group, topic],
        );
        const position = offsets.rows[0]?.position ?? '0';
        const { rows } = await this.pool.query<{ lag: string }>(storedTopic(topic).lag, [position, topic]);
        return { topic, partition: 0, lag: Number(rows[0]?.lag ?? 0) };
      }),
    );
  }

  async check(timeoutMs: number): Promise<void> {
    await within(timeoutMs, this.pool.query('SELECT'));
  }

  /** The tables come with the migrations. */
  async prepare(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.pool.end();
  }
}
