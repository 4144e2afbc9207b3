import { Logger } from '@nestjs/common';
import kafkajs, { type Kafka, type Producer } from 'kafkajs';
import type { MessageProducer, OutboundMessage } from './message.js';
import { partsOf } from './parts.js';

/** kafkajs tries a request this many times, with up to two seconds between, before `send` rejects. */
const RETRIES = 6;

/** Sends with an idempotent producer: acknowledged by all in-sync replicas, one request in flight, so that nothing is doubled or reordered by a retry. */
export class KafkaProducer implements MessageProducer {
  private readonly logger = new Logger(KafkaProducer.name);
  private current: Promise<Producer> | null = null;
  private away = false;

  constructor(
    private readonly kafka: Kafka,
    private readonly prepare: () => Promise<void>,
  ) {}

  /** @throws what kafkajs throws, once its retries are used up */
  async send(topic: string, messages: readonly OutboundMessage[]): Promise<void> {
    if (messages.length === 0) return;
    this.current ??= this.connect();
    const attempt = this.current;
    try {
      const producer = await attempt;
      for (const part of partsOf(messages)) {
        const sent = part.map(({ key, value, headers }) => ({ key, value, headers: { ...headers } }));
        await producer.send({ topic, acks: -1, messages: sent });
      }
      if (this.away) this.logger.log('Kafka takes messages again.');
      this.away = false;
    } catch (error) {
      if (!this.away) this.logger.warn(`Kafka does not take messages: ${(error as Error).message}`);
      this.away = true;
      // After a failure kafkajs and the broker may disagree on the next sequence number for ever; a new producer begins with a new identity.
      if (this.current === attempt) this.current = null;
      await disconnect(attempt);
      throw error;
    }
  }

  async close(): Promise<void> {
    const attempt = this.current;
    this.current = null;
    if (attempt) await disconnect(attempt);
  }

  private async connect(): Promise<Producer> {
    await this.prepare();
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: RETRIES },
    });
    await producer.connect();
    return producer;
  }
}

async function disconnect(attempt: Promise<Producer>): Promise<void> {
  await attempt.then((producer) => producer.disconnect()).catch(() => undefined);
}
