import { jest } from '@jest/globals';
import { uuidv7 } from './uuidv7.js';

describe('uuidv7', () => {
  afterEach(() => jest.useRealTimers());

  it('gives ids of the form that RFC 9562 has, with the time in front', () => {
    jest.useFakeTimers({ now: 0x017f22e279b0 });
    expect(uuidv7()).toMatch(/^017f22e2-79b0-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('gives each id once, and a later one always a greater id: within a millisecond, past 4,096 in one, and where the clock goes back', () => {
    jest.useFakeTimers({ now: Date.now() + 1_000 });
    const ids = Array.from({ length: 10_000 }, uuidv7);
    jest.setSystemTime(Date.now() - 500);
    ids.push(uuidv7());
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
