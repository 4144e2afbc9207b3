import type { DemoGrant, DemoUse } from './demo-model.js';
import { daysBefore } from './demo-model.js';
import type { DemoRandom } from './demo-random.js';

/** How a grant is used: how often, how many times, and how many days ago the last time was. */
interface Habit {
  everyDays: number;
  times: number;
  lastDays: number;
}

/** What reviews are for: of twenty grants eight are in use, six rarely, four were given up, and two were never used. */
function habit(random: DemoRandom): Habit | null {
  const lot = random.between(1, 20);
  if (lot <= 8) return { everyDays: random.between(1, 6), times: 12, lastDays: random.between(0, 9) };
  if (lot <= 12) return { everyDays: 30, times: 6, lastDays: random.between(5, 40) };
  if (lot <= 14) return { everyDays: 91, times: 5, lastDays: random.between(20, 80) };
  if (lot <= 18) return { everyDays: random.between(7, 20), times: 4, lastDays: random.between(50, 320) };
  return null;
}

/** The uses of the grants that are in force, none before its grant. */
export function demoUsage(random: DemoRandom, asOf: Date, grants: readonly DemoGrant[]): DemoUse[] {
  return grants.flatMap(({ key, body, revokeReason }) => {
    const how = habit(random);
    if (how === null || revokeReason !== null || body.expiresAt !== null) return [];
    const days = Array.from({ length: how.times }, (_, index) => how.lastDays + index * how.everyDays + 0.1);
    return days.map((day) => ({ grantKey: key, usedAt: daysBefore(asOf, day) })).filter(({ usedAt }) => usedAt > body.grantedAt);
  });
}
