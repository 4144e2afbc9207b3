import type { OutboundMessage } from './message.js';
import { partsOf } from './parts.js';

const message = (bytes: number): OutboundMessage => ({ key: null, value: 'x'.repeat(bytes) });

describe('partsOf', () => {
  it('keeps every message, in its order', () => {
    const messages = Array.from({ length: 50 }, (_, index) => message(index * 100));
    expect(partsOf(messages, 9_000).flat()).toEqual(messages);
  });

  it('makes no part that is larger than what a broker takes, in bytes and not in characters', () => {
    const messages = Array.from({ length: 40 }, () => ({ key: null, value: 'é'.repeat(500) }));
    expect(partsOf(messages, 10_000).map((part) => part.length)).toEqual(Array.from({ length: 8 }, () => 5));
  });

  it('leaves a message that is too large by itself to the broker, alone', () => {
    expect(partsOf([message(10), message(20_000), message(10)], 10_000).map((part) => part.length)).toEqual([1, 1, 1]);
  });

  it('makes nothing of nothing', () => {
    expect(partsOf([])).toEqual([]);
  });
});
