/**
 * How far a grant has decayed because nobody uses it: the decay model of DESIGN.md section 6, explained with worked
 * examples in docs/decay-model.md. Arithmetic only: no I/O, no clock of its own, the same facts give the same answer.
 *
 * All instants are whole milliseconds and every half-life is a whole number of tenths of a day, so that the bands from 50
 * and from 75 begin at an exact millisecond and not somewhere within the noise of floating point.
 */

/** Stored with every score. A change of any constant or rule below is a new version. */
export const MODEL_VERSION = '1';

/** From used to forgotten; `insufficient_data` is no judgement at all. */
export const BANDS = ['active', 'aging', 'stale', 'dormant', 'insufficient_data'] as const;
export type Band = (typeof BANDS)[number];

export const RECOMMENDATIONS = ['keep', 'review', 'revoke', 'none'] as const;
export type Recommendation = (typeof RECOMMENDATIONS)[number];

export type AnchorKind = 'last_used' | 'granted' | 'tracking_started';
export type ScoredPrincipalType = 'user' | 'service_account' | 'group';
export type ScoredPrivilege = 'read' | 'write' | 'admin';
export type ScoredSensitivity = 'public' | 'internal' | 'confidential' | 'restricted';

/** How regularly a grant is used: `days` is the 90th percentile of its gaps, null where there are fewer than 3 gaps. */
export interface Cadence {
  days: number | null;
  gaps: number;
}

/** The other active users of the holder's department, and how many of them hold a direct grant on the asset. */
export interface PeerNumbers {
  count: number;
  holding: number;
}

/** What is stored about a grant and moves its score. Nothing else does: a reviewer's approval is not here. */
export interface DecayFacts {
  grantedAt: Date;
  lastUsedAt: Date | null;
  /** When recording of usage began for the asset; null where it is not recorded. */
  usageTrackedSince: Date | null;
  /**
   * The UTC days with a use, as `utcDayNumber` gives them, in any order, repeated or not. Or the cadence that `cadenceOf`
   * drew from them: it changes with use alone, so who stores it rescores by time without reading a usage row.
   */
  usage: readonly number[] | Cadence;
  principalType: ScoredPrincipalType;
  privilege: ScoredPrivilege;
  sensitivity: ScoredSensitivity;
  /** Null where the holder has no department. Fewer than 5 peers count as none. */
  peers: PeerNumbers | null;
}

/** A grant's score at an instant. `score` and `priority` are unrounded, 0 to 100; `roundToCents` is for the edge. */
export interface DecayScore {
  score: number;
  priority: number;
  band: Band;
  recommendation: Recommendation;
  /** The first millisecond of the next band if nothing happens; null in the last band and where usage is not tracked. */
  nextBandAt: Date | null;
}

/** Every term behind a score, unrounded, in the shape of the API's `explanation`. */
export interface DecayExplanation {
  anchorAt: string;
  anchorKind: AnchorKind;
  /** Days in which a use would have been seen; 0 where usage is not tracked. */
  observedDays: number;
  idleDays: number;
  halfLifeDays: number;
  cadenceDays: number | null;
  cadenceGaps: number;
  effectiveHalfLifeDays: number;
  weights: DecayWeights;
  reason: string;
}

/** What is at stake, each 0 to 1; `combined` is the W of the model. */
export interface DecayWeights {
  sensitivity: number;
  privilege: number;
  rarity: number | null;
  combined: number;
}

/** The instant at which a grant enters a band if nothing happens. */
export interface BandCrossing {
  at: Date;
  band: Exclude<Band, 'insufficient_data'>;
}

const MS_PER_DAY = 86_400_000;
const DAYS_NEEDED = 30;
const CADENCE_WINDOW_DAYS = 400;
const GAPS_NEEDED = 3;
const LONGEST_HALF_LIFE_DAYS = 180;
const PEERS_NEEDED = 5;

const SENSITIVITY: Record<ScoredSensitivity, number> = { public: 0, internal: 1 / 3, confidential: 2 / 3, restricted: 1 };
const PRIVILEGE: Record<ScoredPrivilege, number> = { read: 0, write: 0.5, admin: 1 };
// In tenths: whole numbers add up to exactly 10 and 8, so that a W of 1 is 1 and never a bit beside it.
const SHARE_TENTHS = { sensitivity: 5, privilege: 3, rarity: 2 };

/** `halfLives` is how many half-lives of idleness lead to `fromScore`: −log2(1 − fromScore/100), which for 25 is 2 − log2 3. */
const BAND_STARTS = [
  { band: 'aging', fromScore: 25, halfLives: 0.4150374992788438 },
  { band: 'stale', fromScore: 50, halfLives: 1 },
  { band: 'dormant', fromScore: 75, halfLives: 2 },
] as const;

/** What of a grant's decay does not depend on the time at which one asks. */
interface Curve {
  anchorMs: number;
  anchorKind: AnchorKind;
  /** From when a use would have been seen; null where usage is not tracked. */
  observedFromMs: number | null;
  halfLifeDays: number;
  cadence: Cadence;
  effectiveHalfLifeDays: number;
  effectiveHalfLifeMs: number;
  weights: DecayWeights;
}

/** Scores a grant at an instant. Throws RangeError for facts that cannot be: an invalid date, more holders than peers. */
export function scoreGrant(facts: DecayFacts, now: Date): DecayScore {
  return scoreOnCurve(curveOf(facts), milliseconds(now));
}

/** The same with its explanation: for the few that are looked at, where `scoreGrant` is for the million rescored by the hour. */
export function explainGrant(facts: DecayFacts, now: Date): DecayScore & { explanation: DecayExplanation } {
  const curve = curveOf(facts);
  const nowMs = milliseconds(now);
  return { ...scoreOnCurve(curve, nowMs), explanation: explanationOf(curve, nowMs) };
}

/** The band a grant is in at an instant, past or future, if nothing happens until then. Throws as `scoreGrant` does. */
export function bandAt(facts: DecayFacts, at: Date): Band {
  return bandOnCurve(curveOf(facts), milliseconds(at));
}

/** The bands a grant enters after `now` and up to and including `until` if nobody uses it, in order. Throws as `scoreGrant` does. */
export function crossings(facts: DecayFacts, now: Date, until: Date): BandCrossing[] {
  const curve = curveOf(facts);
  const untilMs = milliseconds(until);
  const found: BandCrossing[] = [];
  let next = nextCrossing(curve, milliseconds(now));
  while (next !== null && next.at.getTime() <= untilMs) {
    found.push(next);
    next = nextCrossing(curve, next.at.getTime());
  }
  return found;
}

/**
 * The 90th percentile of the gaps, linearly interpolated as PostgreSQL's `percentile_cont` does, between the distinct UTC
 * usage days of the 400 days that end with the day of `lastUsedAt`, that day included. A use is a usage day: the day of
 * `lastUsedAt` counts whether `usageDays` has it or not. Throws RangeError for a day that is no whole number.
 */
export function cadenceOf(lastUsedAt: Date | null, usageDays: readonly number[]): Cadence {
  if (lastUsedAt === null) return { days: null, gaps: 0 };
  const lastDay = utcDayNumber(lastUsedAt);
  const distinct = new Set([lastDay]);
  for (const day of usageDays) {
    if (!Number.isInteger(day)) throw new RangeError(`A usage day is a whole number of days since 1970, not ${day}.`);
    if (day <= lastDay && day > lastDay - CADENCE_WINDOW_DAYS) distinct.add(day);
  }
  const days = Int32Array.from(distinct).sort();
  const gaps = days.subarray(1).map((day, index) => day - (days[index] ?? day));
  return { days: gaps.length < GAPS_NEEDED ? null : ninetiethPercentile(gaps.sort()), gaps: gaps.length };
}

/** Days since 1970-01-01 of the UTC day that an instant falls on. */
export function utcDayNumber(instant: Date): number {
  return Math.floor(milliseconds(instant) / MS_PER_DAY);
}

/**
 * Rounds a score or priority for the API to 2 decimals, ties up. What misses a tie by the last bits of a double counts as one, so that the
 * error of a power does not decide it. `toCents` has PostgreSQL do the same operations on the same doubles.
 */
export function roundToCents(value: number): number {
  return Math.floor(value * 100 + 0.500000000005) / 100;
}

function curveOf(facts: DecayFacts): Curve {
  const halfLifeDays = facts.privilege === 'admin' ? 15 : facts.principalType === 'service_account' ? 90 : 45;
  const cadence = 'gaps' in facts.usage ? facts.usage : cadenceOf(facts.lastUsedAt, facts.usage);
  const effectiveHalfLifeDays = Math.min(LONGEST_HALF_LIFE_DAYS, Math.max(halfLifeDays, cadence.days ?? 0));
  const grantedMs = milliseconds(facts.grantedAt);
  const trackedMs = facts.usageTrackedSince === null ? null : milliseconds(facts.usageTrackedSince);
  const anchor = anchorOf(grantedMs, facts.lastUsedAt === null ? null : milliseconds(facts.lastUsedAt), trackedMs);
  return {
    // Named one by one: spreading costs more than all the arithmetic, a million grants at a time.
    anchorMs: anchor.anchorMs,
    anchorKind: anchor.anchorKind,
    observedFromMs: trackedMs === null ? null : Math.max(grantedMs, trackedMs),
    halfLifeDays,
    cadence,
    effectiveHalfLifeDays,
    effectiveHalfLifeMs: Math.round(effectiveHalfLifeDays * MS_PER_DAY),
    weights: weightsOf(facts),
  };
}

function anchorOf(grantedMs: number, lastUsedMs: number | null, trackedMs: number | null): Pick<Curve, 'anchorMs' | 'anchorKind'> {
  const anchorMs = lastUsedMs ?? grantedMs;
  if (trackedMs !== null && trackedMs > anchorMs) return { anchorMs: trackedMs, anchorKind: 'tracking_started' };
  return { anchorMs, anchorKind: lastUsedMs === null ? 'granted' : 'last_used' };
}

function weightsOf(facts: DecayFacts): DecayWeights {
  const sensitivity = SENSITIVITY[facts.sensitivity];
  const privilege = PRIVILEGE[facts.privilege];
  const rarity = rarityOf(facts.peers);
  const known = SHARE_TENTHS.sensitivity * sensitivity + SHARE_TENTHS.privilege * privilege;
  const knownTenths = SHARE_TENTHS.sensitivity + SHARE_TENTHS.privilege;
  const combined = rarity === null ? known / knownTenths : (known + SHARE_TENTHS.rarity * rarity) / (knownTenths + SHARE_TENTHS.rarity);
  return { sensitivity, privilege, rarity, combined };
}

function rarityOf(peers: PeerNumbers | null): number | null {
  if (peers === null) return null;
  if (!(peers.holding >= 0 && peers.holding <= peers.count)) {
    throw new RangeError(`Of ${peers.count} peers, ${peers.holding} cannot hold a grant.`);
  }
  return peers.count < PEERS_NEEDED ? null : 1 - peers.holding / peers.count;
}

// In whole numbers: 0.9 has no exact double, and a gap of 46.7 days has to be the same 46.7 however it was come by.
function ninetiethPercentile(sortedGaps: Int32Array): number {
  const tenths = 9 * (sortedGaps.length - 1);
  const index = Math.floor(tenths / 10);
  const lower = sortedGaps[index] ?? 0;
  const upper = sortedGaps[index + 1] ?? lower;
  return (10 * lower + (tenths % 10) * (upper - lower)) / 10;
}

function scoreOnCurve(curve: Curve, nowMs: number): DecayScore {
  const score = scoreAt(curve, nowMs);
  const band = bandOnCurve(curve, nowMs);
  return {
    score,
    priority: score * (0.5 + 0.5 * curve.weights.combined),
    band,
    recommendation: recommendationFor(band),
    nextBandAt: nextCrossing(curve, nowMs)?.at ?? null,
  };
}

function scoreAt(curve: Curve, atMs: number): number {
  return 100 * (1 - 2 ** (-idleMs(curve, atMs) / curve.effectiveHalfLifeMs));
}

// A use may be dated up to five minutes ahead of the clock, and tracking may be announced for a later day.
function idleMs(curve: Curve, atMs: number): number {
  return Math.max(0, atMs - curve.anchorMs);
}

function bandOnCurve(curve: Curve, atMs: number): Band {
  const judgedFromMs = judgedFrom(curve);
  return judgedFromMs === null || atMs < judgedFromMs ? 'insufficient_data' : bandOfScore(scoreAt(curve, atMs));
}

function judgedFrom(curve: Curve): number | null {
  return curve.observedFromMs === null ? null : curve.observedFromMs + DAYS_NEEDED * MS_PER_DAY;
}

function bandOfScore(score: number): BandCrossing['band'] {
  return BAND_STARTS.findLast(({ fromScore }) => score >= fromScore)?.band ?? 'active';
}

function nextCrossing(curve: Curve, afterMs: number): BandCrossing | null {
  const judgedFromMs = judgedFrom(curve);
  if (judgedFromMs === null) return null;
  if (afterMs < judgedFromMs) return { at: new Date(judgedFromMs), band: bandOfScore(scoreAt(curve, judgedFromMs)) };
  for (const { band, halfLives } of BAND_STARTS) {
    const atMs = curve.anchorMs + Math.ceil(halfLives * curve.effectiveHalfLifeMs);
    if (atMs > afterMs) return { at: new Date(atMs), band };
  }
  return null;
}

function recommendationFor(band: Band): Recommendation {
  switch (band) {
    case 'active':
    case 'aging':
      return 'keep';
    case 'stale':
      return 'review';
    case 'dormant':
      return 'revoke';
    case 'insufficient_data':
      return 'none';
  }
}

function explanationOf(curve: Curve, nowMs: number): DecayExplanation {
  const observedDays = curve.observedFromMs === null ? 0 : Math.max(0, nowMs - curve.observedFromMs) / MS_PER_DAY;
  return {
    anchorAt: new Date(curve.anchorMs).toISOString(),
    anchorKind: curve.anchorKind,
    observedDays,
    idleDays: idleMs(curve, nowMs) / MS_PER_DAY,
    halfLifeDays: curve.halfLifeDays,
    cadenceDays: curve.cadence.days,
    cadenceGaps: curve.cadence.gaps,
    effectiveHalfLifeDays: curve.effectiveHalfLifeDays,
    weights: curve.weights,
    reason: reasonFor(curve, nowMs, observedDays),
  };
}

function reasonFor(curve: Curve, nowMs: number, observedDays: number): string {
  if (curve.observedFromMs === null) return 'Usage of this asset is not tracked, so nothing can be said.';
  if (observedDays < DAYS_NEEDED) return `Observed for ${daysInWords(observedDays)}; ${DAYS_NEEDED} days are needed.`;
  const slower = curve.effectiveHalfLifeDays > curve.halfLifeDays ? `, as its uses lie up to ${curve.cadence.days} days apart` : '';
  return `${idleInWords(curve, nowMs)}; half forgotten every ${curve.effectiveHalfLifeDays} days${slower}.`;
}

function idleInWords(curve: Curve, nowMs: number): string {
  const idle = daysInWords(idleMs(curve, nowMs) / MS_PER_DAY);
  switch (curve.anchorKind) {
    case 'last_used':
      return `Not used for ${idle}`;
    case 'granted':
      return `Never used in the ${idle} since it was granted`;
    case 'tracking_started':
      return `Not used in the ${idle} since tracking began`;
  }
}

// Whole days passed: 29.99 of 30 days must not read as 30.
function daysInWords(days: number): string {
  const whole = Math.floor(days);
  return whole === 1 ? '1 day' : `${whole} days`;
}

function milliseconds(instant: Date): number {
  const value = instant.getTime();
  if (Number.isNaN(value)) throw new RangeError('Every instant of a grant has to be a valid date.');
  return value;
}
