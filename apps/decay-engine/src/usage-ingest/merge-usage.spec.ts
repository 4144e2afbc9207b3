import fc from 'fast-check';
import { cadenceOf, utcDayNumber } from '#libs/decay-model/decay-model.js';
import { cadenceOfUsage, type KnownUsage, mergeUsage, type Use } from './merge-usage.js';

const DAY_MS = 86_400_000;
const uses = fc.array(
  fc.record({ usedAt: fc.integer({ min: 0, max: 900 * 24 }).map((hours) => new Date(hours * (DAY_MS / 24))), inferred: fc.boolean() }),
  { minLength: 1, maxLength: 40 },
);

/** Merges the uses in batches that end where `cuts` say so. */
function inBatches(all: readonly Use[], cuts: readonly boolean[]): KnownUsage | null {
  let known: KnownUsage | null = null;
  let batch: Use[] = [];
  all.forEach((use, place) => {
    batch.push(use);
    if (cuts[place % cuts.length] || place === all.length - 1) {
      known = mergeUsage(known, batch);
      batch = [];
    }
  });
  return known;
}

describe('the use of a grant', () => {
  it('is the same in whatever order, batches and repetitions it was reported', () => {
    const cuts = fc.array(fc.boolean(), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(uses, fc.infiniteStream(fc.nat()), cuts, (all, numbers, ends) => {
        const shuffled = [...all, ...all.slice(0, 5)]
          .map((use) => ({ use, place: numbers.next().value as number }))
          .sort((a, b) => a.place - b.place)
          .map(({ use }) => use);
        expect(inBatches(shuffled, ends)).toEqual(mergeUsage(null, all));
      }),
    );
  });

  it('has the cadence that the model draws from every use there ever was', () => {
    fc.assert(
      fc.property(uses, (all) => {
        const merged = mergeUsage(null, all);
        const days = all.map(({ usedAt }) => utcDayNumber(usedAt));
        expect(cadenceOfUsage(merged)).toEqual(cadenceOf(merged.lastUsedAt, days));
      }),
    );
  });

  it('keeps at most the 400 days that end with the last one', () => {
    fc.assert(
      fc.property(uses, (all) => {
        const { days, lastUsedAt } = mergeUsage(null, all);
        expect(days.at(-1)).toBe(utcDayNumber(lastUsedAt));
        expect((days.at(-1) ?? 0) - (days[0] ?? 0)).toBeLessThan(400);
      }),
    );
  });

  it('goes on from a last use of which no day was kept', () => {
    const known = { lastUsedAt: new Date(10 * DAY_MS), lastUseInferred: false, days: [] };
    expect(mergeUsage(known, [{ usedAt: new Date(12 * DAY_MS), inferred: true }]).days).toEqual([10, 12]);
  });
});
