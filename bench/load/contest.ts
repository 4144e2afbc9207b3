import { load, type LoadOptions } from './http-load.js';
import { type Spread, spread } from './statistics.js';

/** One side of a comparison. */
export interface Contestant extends Pick<LoadOptions, 'url' | 'next' | 'wrong'> {
  name: string;
}

export interface Standing {
  name: string;
  perSecond: Spread;
  p50Ms: Spread;
  p99Ms: Spread;
  /** Its requests a second in each round. */
  rounds: number[];
}

export interface ContestOptions {
  rounds: number;
  seconds: number;
  /** How many requests each side answers before it counts: by then V8 has compiled what it will, and PostgreSQL has settled on its plans. */
  warmUpRequests: number;
  connections: number;
}

/**
 * Loads each side in turn, round after round, and each round beginning with another, so that whatever else the machine does meets them all. One
 * side is loaded at a time.
 *
 * @throws Error at the first wrong answer of any side
 */
export async function contest(contestants: readonly Contestant[], options: ContestOptions): Promise<Standing[]> {
  const { rounds, seconds, warmUpRequests, connections } = options;
  for (const contestant of contestants) {
    for (let asked = 0; asked < warmUpRequests;) asked += (await load({ ...contestant, connections, seconds })).requests;
  }
  const results = contestants.map(({ name }) => ({ name, perSecond: [] as number[], p50Ms: [] as number[], p99Ms: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const index = (round + turn) % contestants.length;
      const { perSecond, p50Ms, p99Ms } = await load({ ...contestants[index]!, connections, seconds });
      const result = results[index]!;
      result.perSecond.push(perSecond);
      result.p50Ms.push(p50Ms);
      result.p99Ms.push(p99Ms);
    }
  }
  return results.map(({ name, perSecond, p50Ms, p99Ms }) => ({
    ...{ name, rounds: perSecond },
    ...{ perSecond: spread(perSecond), p50Ms: spread(p50Ms), p99Ms: spread(p99Ms) },
  }));
}

/** How many times as fast one side was as another: the median over rounds of what each round says, with the extremes. */
export function ratio(standings: readonly Standing[], of: string, by: string): Spread {
  const roundsOf = (name: string): number[] => standings.find((standing) => standing.name === name)?.rounds ?? [];
  const against = roundsOf(by);
  return spread(roundsOf(of).map((perSecond, round) => perSecond / (against[round] ?? NaN)));
}
