import { sendsOf } from './sends.js';

const event = (bytes: number): { canonical: string } => ({ canonical: 'x'.repeat(bytes) });

describe('sendsOf', () => {
  it('keeps every event, in its order', () => {
    const events = Array.from({ length: 50 }, (_, index) => event(index * 100));
    expect(sendsOf(events, 9_000).flat()).toEqual(events);
  });

  it('makes no send that is larger than what a broker takes', () => {
    const events = Array.from({ length: 40 }, () => event(1_000));
    const sizes = sendsOf(events, 10_000).map((send) => send.length);
    expect(sizes).toEqual(Array.from({ length: 8 }, () => 5));
  });

  it('leaves an event that is too large by itself to the broker, alone', () => {
    expect(sendsOf([event(10), event(20_000), event(10)], 10_000).map((send) => send.length)).toEqual([1, 1, 1]);
  });

  it('makes nothing of nothing', () => {
    expect(sendsOf([])).toEqual([]);
  });
});
