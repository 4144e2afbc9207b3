import { BatchDelivery, type BatchFunction, type DeliveryObserver } from './batch-delivery.js';
import { PoisonMessageError, type InboundMessage, type OutboundMessage, type RawMessage } from './message.js';

const BACKOFF = { initialMs: 1, maxMs: 4 };

function raw(...values: string[]): RawMessage[] {
  return values.map((value, index) => ({ key: 'k', value, headers: {}, partition: 2, offset: String(40 + index) }));
}

function bodies(messages: InboundMessage[]): unknown[] {
  return messages.map(({ body }) => body);
}

/** A dead-letter topic that refuses its first letters. */
class Cemetery {
  readonly letters: OutboundMessage[] = [];
  attempts = 0;

  constructor(private readonly refusals = 0) {}

  send(topic: string, messages: readonly OutboundMessage[]): Promise<void> {
    if (++this.attempts <= this.refusals) return Promise.reject(new Error(`${topic} is away.`));
    this.letters.push(...messages);
    return Promise.resolve();
  }
}

interface Delivery {
  values: string[];
  handler: BatchFunction;
  cemetery?: Cemetery;
  observer?: DeliveryObserver;
  signal?: AbortSignal;
}

function deliver({
  values,
  handler,
  cemetery = new Cemetery(),
  observer = {},
  signal = new AbortController().signal,
}: Delivery): Promise<void> {
  return new BatchDelivery('group', cemetery, observer, BACKOFF).deliver('topic', raw(...values), handler, signal);
}

describe('a batch', () => {
  it('waits twice as long after each failure, up to a bound', async () => {
    const delays: number[] = [];
    let attempts = 0;
    const handler: BatchFunction = () => (++attempts < 6 ? Promise.reject(new Error('away')) : Promise.resolve());
    await deliver({ values: ['1'], handler, observer: { failed: (_, __, delayMs) => delays.push(delayMs) } });
    expect(delays).toEqual([1, 2, 4, 4, 4]);
  });

  it('is given up, with the reason of the signal, when the process stops while it waits', async () => {
    const stopping = new AbortController();
    const reason = new Error('stopping');
    const handler: BatchFunction = () => {
      stopping.abort(reason);
      return Promise.reject(new Error('away'));
    };
    await expect(deliver({ values: ['1'], handler, signal: stopping.signal })).rejects.toBe(reason);
  });

  it('that the handler takes after all is delivered, though the process is stopping', async () => {
    const stopping = new AbortController();
    const handler: BatchFunction = () => {
      stopping.abort();
      return Promise.resolve();
    };
    await deliver({ values: ['1'], handler, signal: stopping.signal });
  });
});

describe('poison', () => {
  it('is buried before the rest of the batch is handled, and only once, however often the dead-letter topic refuses and the handler fails', async () => {
    const cemetery = new Cemetery(2);
    const calls: unknown[][] = [];
    const handler: BatchFunction = (messages) => {
      expect(cemetery.letters).toHaveLength(1);
      calls.push(bodies(messages));
      return calls.length < 3 ? Promise.reject(new Error('away')) : Promise.resolve();
    };
    await deliver({ values: ['1', '{', '3'], handler, cemetery });
    expect(cemetery.attempts).toBe(3);
    expect(cemetery.letters).toHaveLength(1);
    expect(cemetery.letters[0]?.headers).toMatchObject({
      'dlq-topic': 'topic',
      'dlq-partition': '2',
      'dlq-offset': '41',
      'dlq-group': 'group',
    });
    expect(calls).toEqual([
      [1, 3],
      [1, 3],
      [1, 3],
    ]);
  });

  it('that is found one message at a time is buried one at a time, each index meaning the batch that the handler was given last', async () => {
    const cemetery = new Cemetery();
    const taken: unknown[] = [];
    const handler: BatchFunction = (messages) => {
      const index = messages.findIndex(({ body }) => Number(body) % 2 === 0);
      if (index >= 0) return Promise.reject(PoisonMessageError.at(index, 'even'));
      taken.push(...bodies(messages));
      return Promise.resolve();
    };
    await deliver({ values: ['1', '2', '3', '4', '5'], handler, cemetery });
    expect(taken).toEqual([1, 3, 5]);
    expect(cemetery.letters.map(({ value }) => value)).toEqual(['2', '4']);
  });

  it('that is named twice is buried once', async () => {
    const cemetery = new Cemetery();
    const twice = [0, 0].map((index) => ({ index, reason: 'bad' }));
    const handler: BatchFunction = (messages) =>
      messages.length === 2 ? Promise.reject(new PoisonMessageError(twice)) : Promise.resolve();
    await deliver({ values: ['1', '2'], handler, cemetery });
    expect(cemetery.letters).toHaveLength(1);
  });
});
