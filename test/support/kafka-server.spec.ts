import { Kafka, logLevel } from 'kafkajs';
import { describeWithKafka, KafkaServer } from './kafka-server.js';

describeWithKafka(
  'a Kafka broker of a spec',
  () => {
    let server: KafkaServer;
    beforeAll(async () => {
      server = await KafkaServer.start({ own: true });
    }, 300_000);
    afterAll(() => server?.remove());

    const connect = (retries = 5): Kafka => new Kafka({ brokers: [server.bootstrap], logLevel: logLevel.NOTHING, retry: { retries } });

    async function produce(value: string): Promise<void> {
      const producer = connect().producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      await producer.send({ topic: 'kept', acks: -1, messages: [{ value }] });
      await producer.disconnect();
    }

    async function consume(count: number): Promise<string[]> {
      const consumer = connect().consumer({ groupId: 'spec' });
      const values: string[] = [];
      await consumer.connect();
      await consumer.subscribe({ topic: 'kept', fromBeginning: true });
      await new Promise<void>((resolve) => {
        void consumer.run({
          autoCommit: false,
          eachMessage: async ({ message }) => {
            values.push(String(message.value));
            if (values.length === count) resolve();
            return Promise.resolve();
          },
        });
      });
      await consumer.disconnect();
      return values;
    }

    it('keeps what it acknowledged over a stop and over a kill', async () => {
      const admin = connect().admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }], waitForLeaders: true });
      await admin.disconnect();
      await produce('before the stop');
      await server.stop();
      await expect(connect(0).admin().connect()).rejects.toThrow('ECONNREFUSED');
      await server.restart();
      await produce('before the kill');
      await server.kill();
      await server.restart();
      expect(await consume(2)).toEqual(['before the stop', 'before the kill']);
    }, 120_000);

    it('refuses a topic that nobody created', async () => {
      const producer = connect(0).producer({ allowAutoTopicCreation: true });
      await producer.connect();
      await expect(producer.send({ topic: 'misspelt', messages: [{ value: 'x' }] })).rejects.toThrow();
      await producer.disconnect();
    });
  },
  { own: true },
);
