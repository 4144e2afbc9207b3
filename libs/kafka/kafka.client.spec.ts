import { Logger } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { eventually } from '../../test/support/eventually.js';
import { describeWithKafka, KafkaServer } from '../../test/support/kafka-server.js';
import { numbered, OUTAGE_TIMEOUT_MS, Taken } from '../../test/transport/grounds.js';
import { BatchServer } from './batch.server.js';
import { KafkaClient, type KafkaSettings } from './kafka.client.js';
import type { InboundMessage } from './message.js';
import { deadLetterTopic, EVENTS_TOPIC } from './topics.js';

describeWithKafka(
  'the client of Kafka',
  () => {
    let server: KafkaServer;
    let topic: string;
    let closing: (() => Promise<void>)[];

    beforeAll(async () => {
      Logger.overrideLogger(false);
      server = await KafkaServer.start({ own: true });
    }, 300_000);
    afterAll(async () => {
      await server.remove();
    });
    beforeEach(() => {
      topic = `test.${randomUUID()}`;
      closing = [];
    });
    afterEach(async () => {
      for (const close of closing.reverse()) await close();
    });

    function connect(settings: Partial<KafkaSettings> = {}): KafkaClient {
      const topics = [{ name: topic, partitions: 2, retentionMs: 3_600_000 }];
      const client = new KafkaClient({ brokers: [server.bootstrap], clientId: 'client-spec', topics, ...settings });
      closing.push(() => client.close());
      return client;
    }

    function consume(client: KafkaClient, handle: (messages: InboundMessage[]) => Promise<void>): void {
      const batchServer = new BatchServer(client, 'group');
      batchServer.addHandler(topic, handle as never, true);
      batchServer.listen(() => undefined);
      closing.push(() => batchServer.close());
    }

    it('holds up no start and ends no process while Kafka is away; what was to be consumed is consumed once it comes', async () => {
      await server.stop();
      const client = connect({ consumer: { lingerMs: 50 } });
      const taken = new Taken();
      consume(client, taken.take);
      await expect(client.check(500)).rejects.toThrow();
      await expect(client.producer.send(topic, numbered(1))).rejects.toThrow();
      await server.restart();
      await eventually(() => client.producer.send(topic, numbered(3)), OUTAGE_TIMEOUT_MS);
      await eventually(() => new Set(taken.values).size === 3, OUTAGE_TIMEOUT_MS);
      await client.check(5_000);
    }, 180_000);

    it('creates the topics of the table with their partitions, once, however many start at the same time', async () => {
      const clients = [1, 2, 3].map(() => connect({ topics: undefined }));
      await Promise.all(clients.map((client) => client.prepare()));
      const lags = await connect().consumerLag('nobody', [EVENTS_TOPIC, deadLetterTopic(EVENTS_TOPIC)]);
      expect(lags.filter((lag) => lag.topic === EVENTS_TOPIC)).toHaveLength(6);
      expect(lags.filter((lag) => lag.topic === deadLetterTopic(EVENTS_TOPIC))).toHaveLength(1);
    }, 60_000);

    it('keeps its messages however long a handler works on them, though another member of the group stands by', async () => {
      const taken = new Taken();
      let calls = 0;
      const slow = async (messages: InboundMessage[]): Promise<void> => {
        calls += 1;
        const until = Date.now() + 3_000;
        await eventually(() => Date.now() > until);
        await taken.take(messages);
      };
      const settings = { consumer: { lingerMs: 50, sessionTimeoutMs: 1_000 } };
      const one = connect(settings);
      await one.producer.send(topic, [{ key: 'one', value: '1' }]);
      consume(one, slow);
      consume(connect(settings), slow);
      await eventually(() => taken.values.length === 1, 30_000);
      await eventually(async () => (await one.consumerLag('group', [topic])).every(({ lag }) => lag === 0), 30_000);
      expect(calls).toBe(1);
    }, 90_000);
  },
  { own: true },
);
