import { BANDS, explainGrant, roundToCents } from '#libs/decay-model/decay-model.js';
import { scaled } from '../support/scale.js';
import { randomGrants, type DecayCase } from './random-grants.js';
import { runRecompute, secondOpinionIsThere } from './second-opinion.js';

const SEED = Number(process.env['TEST_SEED'] ?? '20261101');
const GRANTS = scaled(60_000);
const BATCH = 20_000;
// Doubles against 40-digit decimals: what may differ is the last bits of one power and a few products.
const NOISE = 1e-11;

interface Recomputed {
  score: number;
  priority: number;
  band: string;
  recommendation: string;
  nextBandAt: string | null;
  unrounded: { score: number; priority: number };
  terms: Record<string, string | number | null>;
}

function recompute(cases: readonly DecayCase[]): Recomputed[] {
  const input = cases.map(({ facts: { usage, ...facts }, now }) => JSON.stringify({ ...facts, usageDays: usage.map(isoDay), now }) + '\n');
  const run = runRecompute([], input.join(''));
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recomputed);
}

function isoDay(dayNumber: number): string {
  return new Date(dayNumber * 86_400_000).toISOString().slice(0, 10);
}

function ourAnswer({ facts, now }: DecayCase): Recomputed {
  const { score, priority, band, recommendation, nextBandAt, explanation } = explainGrant(facts, now);
  const { anchorAt, anchorKind, halfLifeDays, cadenceDays, cadenceGaps, effectiveHalfLifeDays, weights } = explanation;
  return {
    score: roundToCents(score),
    priority: roundToCents(priority),
    band,
    recommendation,
    nextBandAt: nextBandAt?.toISOString() ?? null,
    unrounded: { score, priority },
    terms: { anchorAt, anchorKind, halfLifeDays, cadenceDays, cadenceGaps, effectiveHalfLifeDays, combined: weights.combined },
  };
}

function isTheSame(ours: unknown, theirs: unknown): boolean {
  if (typeof ours === 'number' && typeof theirs === 'number') return Math.abs(ours - theirs) <= NOISE;
  if (typeof ours !== 'object' || typeof theirs !== 'object' || ours === null || theirs === null) return ours === theirs;
  const [left, right] = [Object.entries(ours), new Map<string, unknown>(Object.entries(theirs))];
  return left.length === right.size && left.every(([name, value]) => isTheSame(value, right.get(name)));
}

function differences(cases: readonly DecayCase[], theirs: readonly Recomputed[]): object[] {
  return cases.flatMap((decayCase, index) => {
    const ours = ourAnswer(decayCase);
    return isTheSame(ours, theirs[index]) ? [] : [{ case: decayCase, ours, theirs: theirs[index] }];
  });
}

describe('a second program that knows only the published model', () => {
  it(`recomputes ${GRANTS} random grants (seed ${SEED}) without a single difference`, () => {
    if (!secondOpinionIsThere()) return;
    const cases = randomGrants(GRANTS, SEED);
    let compared = 0;
    for (let start = 0; start < cases.length; start += BATCH) {
      const batch = cases.slice(start, start + BATCH);
      const theirs = recompute(batch);
      compared += theirs.length;
      expect(differences(batch, theirs).slice(0, 3)).toEqual([]);
    }
    expect(compared).toBe(GRANTS);
  }, 300_000);

  it('is asked about every band, cadences in tenths of a day and instants on the very edge of a band', () => {
    const answers = randomGrants(2_000, SEED).map((decayCase) => ({ ...ourAnswer(decayCase), now: decayCase.now }));
    for (const wanted of BANDS) expect(answers.filter(({ band }) => band === wanted).length).toBeGreaterThan(100);
    expect(answers.filter(({ terms }) => !Number.isInteger(terms['effectiveHalfLifeDays'])).length).toBeGreaterThan(50);
    expect(answers.filter(({ now, nextBandAt }) => nextBandAt === new Date(now.getTime() + 1).toISOString()).length).toBeGreaterThan(50);
  });

  it('is heard when it disagrees about one grant among many', () => {
    if (!secondOpinionIsThere()) return;
    const asked = randomGrants(200, SEED);
    const theirs = recompute(asked);
    const altered = asked.map((decayCase, index) =>
      index === 77
        ? { ...decayCase, facts: { ...decayCase.facts, lastUsedAt: null, grantedAt: new Date(decayCase.now.getTime() - 1) } }
        : decayCase,
    );
    expect(differences(altered, theirs)).toHaveLength(1);
  });
});
