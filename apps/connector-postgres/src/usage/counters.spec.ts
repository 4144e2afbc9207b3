import { callsSince, type Counter, known, type Observation } from './counters.js';

const counter = (statement: string, calls: number, since: number | null): Counter => ({
  ...{ role: 10, database: 5, toplevel: true },
  ...{ statement, calls, since },
});
const observation = (takenAt: number, counters: Counter[], resetAt: number | null = 0): Observation => ({
  ...{ takenAt, resetAt, evicted: 0, counters },
});
const moved = (before: Observation, now: Observation): Record<string, number> =>
  Object.fromEntries(callsSince(known(before), now).map(({ statement, calls }) => [statement, calls]));

describe('the calls since the last observation', () => {
  it('are the difference, and none where nothing moved', () => {
    const before = observation(100, [counter('a', 5, 50), counter('b', 3, 60)]);
    expect(moved(before, observation(200, [counter('a', 7, 50), counter('b', 3, 60)]))).toEqual({ a: 2 });
  });

  it('are all calls of a counter that began since', () => {
    const before = observation(100, [counter('a', 5, 50)]);
    expect(moved(before, observation(200, [counter('a', 5, 50), counter('new', 4, 150)]))).toEqual({ new: 4 });
  });

  it('are those since its new beginning, of a counter that was evicted or reset, however many it had before', () => {
    const before = observation(100, [counter('less', 5, 50), counter('same', 5, 50), counter('more', 5, 50)]);
    const now = observation(200, [counter('less', 1, 150), counter('same', 5, 151), counter('more', 9, 152)]);
    expect(moved(before, now)).toEqual({ less: 1, same: 5, more: 9 });
  });

  it('are none of a counter that is older than the last observation and was not in it: it is another server’s', () => {
    const before = observation(100, [counter('a', 5, 50)]);
    expect(moved(before, observation(200, [counter('a', 90, 40), counter('old', 70, 30)]))).toEqual({});
  });

  it('tell roles, databases and what functions ran apart', () => {
    const before = observation(100, [counter('a', 5, 50)]);
    const others = [{ role: 11 }, { database: 6 }, { toplevel: false }].map((more) => ({ ...counter('a', 2, 150), ...more }));
    expect(callsSince(known(before), observation(200, [counter('a', 5, 50), ...others]))).toHaveLength(3);
  });

  describe('before version 17, which does not say when a counter began', () => {
    it('are the difference, all of a new one, and all of one that has fewer than it had', () => {
      const before = observation(100, [counter('a', 5, null), counter('evicted', 9, null), counter('still', 2, null)]);
      const now = observation(200, [
        counter('a', 6, null),
        counter('evicted', 4, null),
        counter('still', 2, null),
        counter('new', 3, null),
      ]);
      expect(moved(before, now)).toEqual({ a: 1, evicted: 4, new: 3 });
    });

    it('are all calls since a reset', () => {
      const before = observation(100, [counter('a', 5, null), counter('b', 1, null)]);
      expect(moved(before, observation(200, [counter('a', 5, null), counter('b', 2, null)], 150))).toEqual({ a: 5, b: 2 });
    });

    it('are none where the last reset is another one and older: these are other statistics', () => {
      const before = observation(100, [counter('a', 5, null)], 20);
      expect(moved(before, observation(200, [counter('a', 500, null), counter('b', 2, null)], 30))).toEqual({});
    });
  });
});
