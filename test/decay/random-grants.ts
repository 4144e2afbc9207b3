import { crossings, utcDayNumber } from '#libs/decay-model/decay-model.js';
import type { DecayFacts } from '#libs/decay-model/decay-model.js';

const DAY_MS = 86_400_000;
const NEWEST_MS = Date.parse('2026-11-01T12:34:56.789Z');

/** A grant and the instant at which it is scored. */
export interface DecayCase {
  facts: DecayFacts & { usage: readonly number[] };
  now: Date;
}

/** Numbers from 0 to below 1, the same for the same seed (mulberry32): a difference found once is found again. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random grants with usage histories, every fifth scored within a millisecond of the instant at which its band changes. */
export function randomGrants(count: number, seed: number): DecayCase[] {
  const draw = new Draw(randomNumbers(seed));
  return Array.from({ length: count }, () => randomCase(draw));
}

class Draw {
  constructor(private readonly random: () => number) {}

  whole(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  one<T>(...values: readonly [T, ...T[]]): T {
    return values[this.whole(0, values.length - 1)] ?? values[0];
  }

  /** An instant up to `days` before another; now and then a whole number of days, where off-by-one errors live. */
  before(instantMs: number, days: number): number {
    return instantMs - (this.chance(0.2) ? this.whole(0, days) * DAY_MS : this.whole(0, days * DAY_MS));
  }
}

function randomCase(draw: Draw): DecayCase {
  const nowMs = draw.before(NEWEST_MS, 700);
  const grantedMs = draw.before(nowMs, draw.one(31, 900));
  const lastUsedMs = draw.chance(0.25) ? null : draw.chance(0.02) ? nowMs + draw.whole(0, 300_000) : draw.before(nowMs, draw.one(60, 500));
  const count = draw.whole(0, 30);
  const facts = {
    grantedAt: new Date(grantedMs),
    lastUsedAt: lastUsedMs === null ? null : new Date(lastUsedMs),
    usageTrackedSince: draw.chance(0.1) ? null : new Date(draw.before(nowMs + 10 * DAY_MS, draw.one(60, 1_200))),
    usage: randomUsage(draw, lastUsedMs),
    principalType: draw.one('user', 'service_account', 'group'),
    privilege: draw.one('read', 'write', 'admin'),
    sensitivity: draw.one('public', 'internal', 'confidential', 'restricted'),
    peers: draw.chance(0.3) ? null : { count, holding: draw.whole(0, count) },
  } satisfies DecayFacts;
  return { facts, now: draw.chance(0.2) ? atTheEdge(draw, facts, nowMs) : new Date(nowMs) };
}

// Unsorted, sometimes without the day of the last use, and reaching beyond the 400 days that count.
function randomUsage(draw: Draw, lastUsedMs: number | null): number[] {
  if (lastUsedMs === null) return [];
  const lastDay = utcDayNumber(new Date(lastUsedMs));
  const widest = draw.one(2, 15, 60, 200);
  const days = draw.chance(0.9) ? [lastDay] : [];
  let ago = draw.chance(0.1) ? draw.whole(397, 402) : 0;
  for (let uses = draw.whole(0, 25); uses > 0 && ago < 500; uses -= 1) {
    ago += draw.whole(0, widest);
    days.push(lastDay - ago);
  }
  return draw.chance(0.5) ? days.reverse() : days;
}

function atTheEdge(draw: Draw, facts: DecayFacts, nowMs: number): Date {
  const ahead = crossings(facts, new Date(nowMs - 400 * DAY_MS), new Date(nowMs + 2_000 * DAY_MS));
  const edge = ahead[draw.whole(0, Math.max(0, ahead.length - 1))];
  return new Date((edge?.at.getTime() ?? nowMs) + draw.whole(-1, 1));
}
