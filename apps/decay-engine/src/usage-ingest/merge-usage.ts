import { type Cadence, cadenceOf, utcDayNumber } from '#libs/decay-model/decay-model.js';

/** The days that matter to a cadence lie within so many days of the last use; see the decay model. */
const WINDOW_DAYS = 400;

/** What is known of a grant's use. The same for the same uses, in whatever order and however often they were reported. */
export interface KnownUsage {
  lastUsedAt: Date;
  /** Whether the last use named the principal and the asset, but no grant. */
  lastUseInferred: boolean;
  /** UTC days with a use, ascending, of the 400 days that end with the day of the last use. */
  days: readonly number[];
}

export interface Use {
  usedAt: Date;
  inferred: boolean;
}

/**
 * Adds uses to what is known. A day that has left the window never comes back into it, since the last use never moves back: so what is dropped
 * here changes no later answer, and the order of events does not matter.
 */
export function mergeUsage(known: KnownUsage | null, uses: readonly Use[]): KnownUsage {
  const days = new Set(known ? [...known.days, utcDayNumber(known.lastUsedAt)] : []);
  let last: Use | null = known ? { usedAt: known.lastUsedAt, inferred: known.lastUseInferred } : null;
  for (const use of uses) {
    days.add(utcDayNumber(use.usedAt));
    last = laterOf(last, use);
  }
  if (!last) throw new RangeError('There is no use to tell of.');
  const lastDay = utcDayNumber(last.usedAt);
  const inWindow = [...days].filter((day) => day > lastDay - WINDOW_DAYS).sort((a, b) => a - b);
  return { lastUsedAt: last.usedAt, lastUseInferred: last.inferred, days: inWindow };
}

export function cadenceOfUsage({ lastUsedAt, days }: KnownUsage): Cadence {
  return cadenceOf(lastUsedAt, days);
}

/** Of two at the same instant the one that named its grant, so that their order does not matter. */
function laterOf(one: Use | null, other: Use): Use {
  if (!one || other.usedAt > one.usedAt) return other;
  return other.usedAt.getTime() === one.usedAt.getTime() && !other.inferred ? other : one;
}
