import { Controller, Logger } from '@nestjs/common';
import { Ctx, Payload, type MicroserviceOptions } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { randomUUID } from 'node:crypto';
import type { BatchContext, DeliveryObserver } from '#libs/kafka/batch-delivery.js';
import { BatchHandler } from '#libs/kafka/batch-handler.decorator.js';
import { BatchServer } from '#libs/kafka/batch.server.js';
import { PoisonMessageError, type InboundMessage, type MessageBroker } from '#libs/kafka/message.js';
import { deadLetterTopic } from '#libs/kafka/topics.js';
import { eventually } from '../support/eventually.js';
import { numbered, OUTAGE_TIMEOUT_MS, range, sorted, Taken, type Ground, type Handle } from './grounds.js';

/** What every transport guarantees. */
export function transportContract(start: () => Promise<Ground>): void {
  let ground: Ground;
  let topic: string;
  let closing: (() => Promise<void>)[];

  beforeAll(async () => {
    Logger.overrideLogger(false);
    ground = await start();
  }, 300_000);
  afterAll(async () => {
    await ground.close();
  });
  beforeEach(() => {
    topic = `test.${randomUUID()}`;
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing.reverse()) await close();
  });

  function connect(): MessageBroker {
    const broker = ground.connect(topic);
    closing.push(() => broker.close());
    return broker;
  }

  function consume(group: string, handle: Handle, observer: DeliveryObserver = {}, from = topic, broker = connect()): BatchServer {
    const server = new BatchServer(broker, group, { observer, backoff: { initialMs: 10, maxMs: 100 } });
    server.addHandler(from, handle as never, true);
    server.listen(() => undefined);
    closing.push(() => server.close());
    return server;
  }

  it('hands over key, value, headers and every message sent before and after the group began', async () => {
    const { producer } = connect();
    const taken = new Taken();
    await producer.send(topic, [{ key: 'k', value: '{"name":"é😀"}', headers: { traceparent: '00-ab' } }]);
    consume('group', taken.take);
    await eventually(() => taken.values.length === 1);
    await producer.send(topic, [{ key: null, value: '[1]' }]);
    await eventually(() => taken.values.length === 2);
    expect(taken.batches.flat()).toEqual([
      expect.objectContaining({ key: 'k', value: '{"name":"é😀"}', body: { name: 'é😀' }, headers: { traceparent: '00-ab' } }),
      expect.objectContaining({ key: null, value: '[1]', body: [1], headers: {} }),
    ]);
  });

  it('hands over many messages in few batches, those of one key in their order', async () => {
    const { producer } = connect();
    const taken = new Taken();
    for (let from = 1; from <= 5_000; from += 500) await producer.send(topic, numbered(500, from));
    consume('group', taken.take);
    await eventually(() => taken.values.length === 5_000);
    expect(sorted(taken.values)).toEqual(range(5_000));
    expect(taken.batches.length).toBeLessThan(20);
    for (let key = 0; key < 7; key++) expect(taken.ofKey(`key-${key}`)).toEqual(range(5_000).filter((value) => value % 7 === key));
  });

  it('takes more in one send than a broker takes in one request', async () => {
    const { producer } = connect();
    const messages = range(30).map((value) => ({ key: 'one', value: JSON.stringify({ value, text: 'x'.repeat(100_000) }) }));
    await producer.send(topic, messages);
    let handed = 0;
    consume('group', (batch) => Promise.resolve(void (handed += batch.length)));
    await eventually(() => handed === messages.length);
  });

  it('gives the same messages again, and no later ones, until the handler takes them', async () => {
    const { producer } = connect();
    const seen: unknown[][] = [];
    const taken = new Taken();
    await producer.send(topic, [{ key: 'one', value: '1' }]);
    consume('group', async (messages) => {
      seen.push(messages.map(({ body }) => body));
      if (seen.length === 2) await producer.send(topic, [{ key: 'one', value: '2' }]);
      if (seen.length < 5) throw new Error('ClickHouse is away.');
      await taken.take(messages);
    });
    await eventually(() => taken.values.length === 2);
    expect(seen.slice(0, 5)).toEqual([[1], [1], [1], [1], [1]]);
    expect(taken.values).toEqual([1, 2]);
  });

  it('goes on after a stop where the group stood: nothing taken comes again, nothing given up is lost', async () => {
    const { producer } = connect();
    const first = new Taken();
    const second = new Taken();
    await producer.send(topic, numbered(20));
    const broker = connect();
    const server = consume('group', first.take, {}, topic, broker);
    await eventually(async () => first.values.length === 20 && (await totalLag(broker)) === 0);
    await server.close();

    await producer.send(topic, numbered(20, 21));
    let attempts = 0;
    const failing = consume('group', () => Promise.reject(new Error(`attempt ${++attempts}`)));
    await eventually(() => attempts > 1);
    await failing.close();

    consume('group', second.take);
    await eventually(() => second.values.length === 20);
    expect(sorted(first.values)).toEqual(range(20));
    expect(sorted(second.values)).toEqual(range(20, 21));
  });

  it('gives every group every message', async () => {
    const { producer } = connect();
    const [one, other] = [new Taken(), new Taken()];
    await producer.send(topic, numbered(30));
    consume('one', one.take);
    consume('other', other.take);
    await eventually(() => one.values.length === 30 && other.values.length === 30);
  });

  it('hands the messages of a group to another process when the first one ends', async () => {
    const { producer } = connect();
    const [one, other] = [new Taken(), new Taken()];
    const broker = connect();
    const server = consume('group', one.take, {}, topic, broker);
    consume('group', other.take);
    await producer.send(topic, numbered(50));
    await eventually(async () => one.values.length + other.values.length >= 50 && (await totalLag(broker)) === 0);
    await server.close();
    const before = one.values.length;
    await producer.send(topic, numbered(50, 51));
    await eventually(() => new Set([...one.values, ...other.values]).size === 100, 20_000);
    expect(one.values).toHaveLength(before);
  });

  describe('a poison message', () => {
    const poison = (messages: InboundMessage[]): number[] =>
      messages.flatMap(({ body }, index) => (body === 3 || body === 5 ? [index] : []));

    it('goes to the dead letters with its reason and origin, and the rest goes on', async () => {
      const { producer } = connect();
      const [taken, dead] = [new Taken(), new Taken()];
      const counted: string[] = [];
      const handle: Handle = (messages) => {
        const indexes = poison(messages);
        if (indexes.length > 0) throw new PoisonMessageError(indexes.map((index) => ({ index, reason: 'of an unknown kind' })));
        return taken.take(messages);
      };
      consume('group', handle, { deadLettered: (_, count, reason) => counted.push(`${count} ${reason}`) });
      consume('undertaker', dead.take, {}, deadLetterTopic(topic));
      await producer.send(
        topic,
        range(8).map((value) => ({ key: 'same', value: String(value), headers: { requestid: `r-${value}` } })),
      );
      await eventually(() => taken.values.length === 6 && dead.values.length === 2);
      expect(taken.values).toEqual([1, 2, 4, 6, 7, 8]);
      expect(sorted(dead.values)).toEqual([3, 5]);
      expect(counted).toEqual(['1 of an unknown kind', '1 of an unknown kind']);
      const letter = dead.batches.flat().find(({ body }) => body === 3);
      expect(letter?.key).toBe('same');
      expect(letter?.headers).toMatchObject({
        requestid: 'r-3',
        'dlq-reason': 'of an unknown kind',
        'dlq-topic': topic,
        'dlq-group': 'group',
        'dlq-partition': expect.stringMatching(/^\d+$/) as string,
        'dlq-offset': expect.stringMatching(/^\d+$/) as string,
      });
    });

    it('may be no JSON, no UTF-8 or nothing at all: the handler never sees it', async () => {
      const { producer } = connect();
      const taken = new Taken();
      const reasons: string[] = [];
      const broker = connect();
      consume('group', taken.take, { deadLettered: (_, __, reason) => reasons.push(reason) }, topic, broker);
      await producer.send(
        topic,
        ['1', '{"half":', Buffer.from([0x22, 0xff, 0x22]), null, '2'].map((value) => ({ key: 'same', value })),
      );
      await eventually(async () => taken.values.length === 2 && (await totalLag(broker)) === 0);
      expect(taken.values).toEqual([1, 2]);
      expect(reasons).toHaveLength(3);
      expect(reasons.every((reason) => reason.startsWith('The value is not JSON in UTF-8'))).toBe(true);
    });

    it('leaves nothing of its batch to take when all of it is poison', async () => {
      const { producer } = connect();
      const broker = connect();
      let calls = 0;
      consume(
        'group',
        () => {
          calls += 1;
          return Promise.resolve();
        },
        {},
        topic,
        broker,
      );
      await producer.send(topic, [{ key: 'k', value: 'x' }]);
      await eventually(async () => (await totalLag(broker, 1)) === 0);
      expect(calls).toBe(0);
    });

    it('that the handler names outside of its batch is an error like any other', async () => {
      const { producer } = connect();
      const taken = new Taken();
      let attempts = 0;
      consume('group', (messages) => (++attempts < 3 ? Promise.reject(PoisonMessageError.at(7, 'nowhere')) : taken.take(messages)));
      await producer.send(topic, [{ key: 'k', value: '1' }]);
      await eventually(() => taken.values.length === 1);
      expect(attempts).toBe(3);
    });
  });

  it('passes over no message of many senders that send at once', async () => {
    const senders = range(4).map(() => connect().producer);
    const taken = new Taken();
    consume('group', taken.take);
    await Promise.all(
      senders.map(async (producer, sender) => {
        for (const turn of range(40, 0)) await producer.send(topic, numbered(5, sender * 200 + turn * 5 + 1));
      }),
    );
    await eventually(() => taken.values.length >= 800);
    expect(sorted(taken.values)).toEqual(range(800));
  });

  it('tells how far a group is behind', async () => {
    const broker = connect();
    await broker.producer.send(topic, numbered(12));
    expect(await totalLag(broker)).toBe(12);
    const taken = new Taken();
    consume('group', taken.take);
    await eventually(async () => (await totalLag(broker)) === 0);
    expect(taken.values).toHaveLength(12);
  });

  it('loses nothing and stops nothing when all connections break while a batch is worked on', async () => {
    const { producer } = connect();
    const taken = new Taken();
    let interrupted = false;
    await producer.send(topic, numbered(10));
    consume('group', async (messages) => {
      if (!interrupted) {
        interrupted = true;
        await ground.interrupt();
      }
      await taken.take(messages);
    });
    await eventually(() => new Set(taken.values).size === 10, OUTAGE_TIMEOUT_MS);
    await eventually(() => producer.send(topic, numbered(10, 11)), OUTAGE_TIMEOUT_MS);
    await eventually(() => new Set(taken.values).size === 20, OUTAGE_TIMEOUT_MS);
    for (let key = 0; key < 7; key++) {
      const inOrder = [...new Set(taken.ofKey(`key-${key}`))];
      expect(inOrder).toEqual(sorted(inOrder));
    }
  }, 180_000);

  it('serves the handlers of two groups in one Nest process, each by its own server', async () => {
    const [one, other] = [new Taken(), new Taken()];
    let failures = 0;

    @Controller()
    class Sink {
      @BatchHandler(topic, 'one')
      async take(messages: InboundMessage[]): Promise<void> {
        const index = messages.findIndex(({ body }) => body === 2);
        if (index >= 0) throw PoisonMessageError.at(index, 'two');
        await one.take(messages);
      }
    }

    @Controller()
    class Counter {
      @BatchHandler(topic, 'other')
      async take(@Payload() messages: InboundMessage[], @Ctx() context: BatchContext): Promise<void> {
        if (++failures < 3) throw new Error('not yet');
        expect(context).toMatchObject({ topic, group: 'other' });
        await other.take(messages);
      }
    }

    const module = await Test.createTestingModule({ controllers: [Sink, Counter] }).compile();
    const app = module.createNestApplication();
    app.useLogger(false);
    const broker = connect();
    for (const group of ['one', 'other']) {
      app.connectMicroservice<MicroserviceOptions>({ strategy: new BatchServer(broker, group, { backoff: { initialMs: 10, maxMs: 50 } }) });
    }
    closing.push(() => app.close());
    await app.startAllMicroservices();
    await connect().producer.send(
      topic,
      range(3).map((value) => ({ key: 'same', value: String(value) })),
    );
    await eventually(() => one.values.length === 2 && other.values.length === 3);
    expect([one.values, other.values]).toEqual([
      [1, 3],
      [1, 2, 3],
    ]);
  });

  it('answers whether it is there', async () => {
    await connect().check(10_000);
  });

  async function totalLag(broker: MessageBroker, atLeastSent = 0): Promise<number> {
    const lags = await broker.consumerLag('group', [topic]);
    const sent = await broker.consumerLag(`nobody-${randomUUID()}`, [topic]);
    const sum = (each: { lag: number }[]): number => each.reduce((total, { lag }) => total + lag, 0);
    return sum(sent) < atLeastSent ? -1 : sum(lags);
  }
}
