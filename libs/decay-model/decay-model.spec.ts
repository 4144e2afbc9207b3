import fc from 'fast-check';
import { bandAt, BANDS, cadenceOf, crossings, explainGrant, MODEL_VERSION, roundToCents, scoreGrant, utcDayNumber } from './decay-model.js';
import type { Band, DecayFacts, PeerNumbers } from './decay-model.js';

fc.configureGlobal({ numRuns: 1_000 });

const DAY_MS = 86_400_000;
const NOW = new Date('2026-03-01T00:00:00.000Z');

function daysBefore(days: number, instant: Date = NOW): Date {
  return new Date(instant.getTime() - Math.round(days * DAY_MS));
}

function later(instant: Date, ms: number): Date {
  return new Date(instant.getTime() + ms);
}

/** An ordinary grant of a user, tracked and observed for long, last used 90 days ago. */
function grant(differing: Partial<DecayFacts> = {}): DecayFacts {
  return {
    grantedAt: daysBefore(400),
    lastUsedAt: daysBefore(90),
    usageTrackedSince: daysBefore(500),
    usage: [],
    principalType: 'user',
    privilege: 'read',
    sensitivity: 'internal',
    peers: null,
    ...differing,
  };
}

const anyPast = fc.integer({ min: 0, max: 900 * DAY_MS }).map((ms) => later(NOW, -ms));
const anyPeers = fc
  .tuple(fc.nat({ max: 12 }), fc.nat({ max: 12 }))
  .map(([a, b]): PeerNumbers => ({ count: Math.max(a, b), holding: Math.min(a, b) }));
const anyUsageDays = fc.array(fc.nat({ max: 450 }), { maxLength: 12 }).map((ago) => ago.map((days) => utcDayNumber(NOW) - days));
const anyGrant: fc.Arbitrary<DecayFacts> = fc.record({
  grantedAt: anyPast,
  lastUsedAt: fc.option(anyPast),
  usageTrackedSince: fc.option(anyPast, { freq: 8 }),
  usage: anyUsageDays,
  principalType: fc.constantFrom('user', 'service_account', 'group'),
  privilege: fc.constantFrom('read', 'write', 'admin'),
  sensitivity: fc.constantFrom('public', 'internal', 'confidential', 'restricted'),
  peers: fc.option(anyPeers),
});
const anyDuration = fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: 800 * DAY_MS }));

describe('the decay model, for every grant', () => {
  it('never lowers the score, nor a judged band, while time passes without a use', () => {
    fc.assert(
      fc.property(anyGrant, anyDuration, (facts, ms) => {
        const before = scoreGrant(facts, NOW);
        const after = scoreGrant(facts, later(NOW, ms));
        expect(after.score).toBeGreaterThanOrEqual(before.score);
        expect(after.priority).toBeGreaterThanOrEqual(before.priority);
        if (before.band !== 'insufficient_data') expect(BANDS.indexOf(after.band)).toBeGreaterThanOrEqual(BANDS.indexOf(before.band));
      }),
    );
  });

  it('keeps the score within 0 and 100 and the priority between half the score and the score', () => {
    fc.assert(
      fc.property(anyGrant, fc.integer({ min: -1_000 * DAY_MS, max: 100_000 * DAY_MS }), (facts, ms) => {
        const { score, priority } = scoreGrant(facts, later(NOW, ms));
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
        expect(priority).toBeGreaterThanOrEqual(score / 2);
        expect(priority).toBeLessThanOrEqual(score);
      }),
    );
  });

  it('gives the same answer in whichever order, and however often, the usage days are told', () => {
    const reordered = anyUsageDays.chain((days) =>
      fc.tuple(fc.constant(days), fc.shuffledSubarray([...days, ...days], { minLength: days.length * 2 })),
    );
    fc.assert(
      fc.property(anyGrant, reordered, (facts, [days, shuffled]) => {
        expect(explainGrant({ ...facts, usage: shuffled }, NOW)).toEqual(explainGrant({ ...facts, usage: days }, NOW));
      }),
    );
  });

  it('gives the same answer from a stored cadence as from the usage days it was drawn from', () => {
    fc.assert(
      fc.property(anyGrant, anyUsageDays, (facts, days) => {
        const stored = cadenceOf(facts.lastUsedAt, days);
        expect(explainGrant({ ...facts, usage: stored }, NOW)).toEqual(explainGrant({ ...facts, usage: days }, NOW));
      }),
    );
  });

  it('is reset to 0 by a use, and by nothing that a colleague or a reviewer can do', () => {
    fc.assert(
      fc.property(anyGrant, fc.option(anyPeers), (facts, peers) => {
        expect(scoreGrant({ ...facts, lastUsedAt: NOW }, NOW).score).toBe(0);
        expect(scoreGrant({ ...facts, peers, sensitivity: 'public' }, NOW).score).toBe(scoreGrant(facts, NOW).score);
      }),
    );
  });

  it('names as nextBandAt the first millisecond at which the band is another one', () => {
    fc.assert(
      fc.property(anyGrant, anyDuration, (facts, ms) => {
        const now = later(NOW, ms);
        const { band, nextBandAt } = scoreGrant(facts, now);
        if (nextBandAt === null) {
          expect(bandAt(facts, later(now, 100_000 * DAY_MS))).toBe(band);
          return;
        }
        expect(nextBandAt.getTime()).toBeGreaterThan(now.getTime());
        expect(bandAt(facts, later(nextBandAt, -1))).toBe(band);
        expect(bandAt(facts, nextBandAt)).not.toBe(band);
      }),
    );
  });

  it('has no next band exactly where it is dormant or not tracked', () => {
    fc.assert(
      fc.property(anyGrant, (facts) => {
        const { band, nextBandAt } = scoreGrant(facts, NOW);
        expect(nextBandAt === null).toBe(band === 'dormant' || facts.usageTrackedSince === null);
      }),
    );
  });

  it('foresees with crossings every band that it is in later', () => {
    fc.assert(
      fc.property(anyGrant, anyDuration, (facts, ms) => {
        const until = later(NOW, ms);
        const ahead = crossings(facts, NOW, until);
        expect(ahead.at(-1)?.band ?? bandAt(facts, NOW)).toBe(bandAt(facts, until));
        for (const { at, band } of ahead) expect(bandAt(facts, at)).toBe(band);
        expect(ahead[0]?.at ?? null).toEqual(firstUpTo(until, scoreGrant(facts, NOW).nextBandAt));
      }),
    );
  });

  it('spreads the weight of a missing rarity over the other terms', () => {
    fc.assert(
      fc.property(anyGrant, (facts) => {
        const { weights } = explainGrant(facts, NOW).explanation;
        const known = 0.5 * weights.sensitivity + 0.3 * weights.privilege;
        expect(weights.rarity === null).toBe(facts.peers === null || facts.peers.count < 5);
        expect(weights.combined).toBeCloseTo(weights.rarity === null ? known / 0.8 : known + 0.2 * weights.rarity, 12);
        expect(weights.combined).toBeGreaterThanOrEqual(0);
        expect(weights.combined).toBeLessThanOrEqual(1);
      }),
    );
  });
});

function firstUpTo(until: Date, instant: Date | null): Date | null {
  return instant !== null && instant.getTime() <= until.getTime() ? instant : null;
}

describe('the decay model, in every corner', () => {
  it('begins each band at the same millisecond by the clock as by the score, for every effective half-life there can be', () => {
    const wrong: string[] = [];
    for (let tenths = 150; tenths <= 1_800; tenths += 1) {
      const facts = grant({ lastUsedAt: NOW, privilege: 'admin', usage: { days: tenths / 10, gaps: 3 } });
      const bands = crossings(facts, NOW, daysBefore(-1_000)).map(
        ({ at, band }) => `${bandAt(facts, later(at, -1))}>${bandAt(facts, at)}=${band}`,
      );
      if (bands.join() !== 'active>aging=aging,aging>stale=stale,stale>dormant=dormant') wrong.push(`${tenths / 10}: ${bands.join()}`);
    }
    expect(wrong).toEqual([]);
  });

  it('passes from insufficient data straight into the band that the score has by then', () => {
    const facts = grant({ grantedAt: daysBefore(10), lastUsedAt: null, privilege: 'admin' });
    expect(crossings(facts, NOW, daysBefore(-1_000))).toEqual([{ at: daysBefore(-20), band: 'dormant' }]);
    expect(crossings(facts, NOW, later(daysBefore(-20), -1))).toEqual([]);
  });

  it('counts what happens at the very end of a forecast as within it', () => {
    const [next] = crossings(grant({ lastUsedAt: NOW }), NOW, daysBefore(-45));
    const last = { at: daysBefore(-45), band: 'stale' };
    expect(crossings(grant({ lastUsedAt: NOW }), NOW, daysBefore(-45))).toEqual([next, last]);
    expect(crossings(grant({ lastUsedAt: NOW }), NOW, later(daysBefore(-45), -1))).toEqual([next]);
  });

  it('anchors at the use where tracking began in the same moment', () => {
    expect(explainGrant(grant({ usageTrackedSince: daysBefore(90) }), NOW).explanation.anchorKind).toBe('last_used');
    expect(explainGrant(grant({ usageTrackedSince: later(daysBefore(90), 1) }), NOW).explanation.anchorKind).toBe('tracking_started');
  });

  it('has observed 0 days, never fewer, where tracking has not begun or there is none', () => {
    expect(explainGrant(grant({ usageTrackedSince: daysBefore(-5) }), NOW).explanation).toMatchObject({ observedDays: 0, idleDays: 0 });
    expect(explainGrant(grant({ usageTrackedSince: null }), NOW).explanation).toMatchObject({ observedDays: 0, idleDays: 90 });
  });

  it('interpolates the cadence between two gaps to a tenth of a day', () => {
    const today = utcDayNumber(NOW);
    expect(cadenceOf(NOW, [today - 1, today - 3, today - 10])).toEqual({ days: 6, gaps: 3 });
    expect(cadenceOf(NOW, [today - 1, today - 3, today - 10, today - 14, today - 19])).toEqual({ days: 6.2, gaps: 5 });
    expect(cadenceOf(NOW, [today, today - 1, today - 3])).toEqual({ days: null, gaps: 2 });
    expect(cadenceOf(null, [today, today - 1, today - 3, today - 7])).toEqual({ days: null, gaps: 0 });
  });

  it('takes the UTC day of a use, also before 1970', () => {
    expect(utcDayNumber(new Date('1970-01-01T23:59:59.999Z'))).toBe(0);
    expect(utcDayNumber(new Date('1970-01-02T00:00:00.000Z'))).toBe(1);
    expect(utcDayNumber(new Date('1969-12-31T23:59:59.999Z'))).toBe(-1);
  });

  it('rounds ties up, also those that binary fractions miss', () => {
    expect([63.745, 1.005, 62.125, 8.575, 99.995].map(roundToCents)).toEqual([63.75, 1.01, 62.13, 8.58, 100]);
    expect([0, 1e-9, 0.00499, 0.005, 99.99499, 100].map(roundToCents)).toEqual([0, 0, 0, 0.01, 99.99, 100]);
  });

  it('explains a score with every term that made it', () => {
    const facts = grant({ sensitivity: 'restricted', peers: { count: 8, holding: 2 } });
    const { explanation, ...score } = explainGrant(facts, NOW);
    expect(score).toEqual(scoreGrant(facts, NOW));
    expect(explanation).toEqual({
      anchorAt: '2025-12-01T00:00:00.000Z',
      anchorKind: 'last_used',
      observedDays: 400,
      idleDays: 90,
      halfLifeDays: 45,
      cadenceDays: null,
      cadenceGaps: 0,
      effectiveHalfLifeDays: 45,
      weights: { sensitivity: 1, privilege: 0, rarity: 0.75, combined: 0.65 },
      reason: 'Not used for 90 days; half forgotten every 45 days.',
    });
  });

  it.each<[string, Partial<DecayFacts>]>([
    ['Not used for 1 day; half forgotten every 15 days.', { lastUsedAt: daysBefore(1.99), privilege: 'admin' }],
    ['Never used in the 400 days since it was granted; half forgotten every 45 days.', { lastUsedAt: null }],
    ['Not used in the 40 days since tracking began; half forgotten every 45 days.', { usageTrackedSince: daysBefore(40) }],
    ['Not used for 90 days; half forgotten every 46.5 days, as its uses lie up to 46.5 days apart.', { usage: { days: 46.5, gaps: 3 } }],
    ['Observed for 29 days; 30 days are needed.', { grantedAt: daysBefore(29.999) }],
    ['Usage of this asset is not tracked, so nothing can be said.', { usageTrackedSince: null }],
  ])('gives the reason “%s”', (reason, differing) => {
    expect(explainGrant(grant(differing), NOW).explanation.reason).toBe(reason);
  });

  it('refuses facts that cannot be, rather than score them as something', () => {
    expect(() => scoreGrant(grant(), new Date(NaN))).toThrow(RangeError);
    expect(() => scoreGrant(grant({ lastUsedAt: new Date(NaN) }), NOW)).toThrow(RangeError);
    expect(() => scoreGrant(grant({ usage: [20_000.5] }), NOW)).toThrow(RangeError);
    expect(() => scoreGrant(grant({ peers: { count: 5, holding: 6 } }), NOW)).toThrow(RangeError);
    expect(() => scoreGrant(grant({ peers: { count: NaN, holding: 0 } }), NOW)).toThrow(RangeError);
  });

  it('is version 1, whose bands are these', () => {
    expect(MODEL_VERSION).toBe('1');
    expect([0, 18, 19, 44.9, 45, 89.9, 90].map((days): Band => scoreGrant(grant({ lastUsedAt: daysBefore(days) }), NOW).band)).toEqual([
      'active',
      'active',
      'aging',
      'aging',
      'stale',
      'stale',
      'dormant',
    ]);
  });
});
