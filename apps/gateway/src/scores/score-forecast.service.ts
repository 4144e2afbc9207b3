import { crossings, type DecayFacts } from '#libs/decay-model/decay-model.js';
import { decayFacts } from '#libs/scoring/score-facts.js';
import { Injectable } from '@nestjs/common';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ScoresRepository } from './scores.repository.js';

const FORECAST_BANDS = ['active', 'aging', 'stale', 'dormant'] as const;
export type ForecastBand = (typeof FORECAST_BANDS)[number];

/** How many grants enter each band on a UTC day. */
export type Entries = Record<ForecastBand, number>;

export interface Forecast {
  from: string;
  to: string;
  totals: Entries;
  days: ({ date: string } & Entries)[];
}

const DAY_MS = 86_400_000;
/** How many grants are looked at before others have their turn. */
const CHUNK = 2_000;
/** An answer serves everybody who asks for the same within this time: it reads every grant that is about to change. */
const KEPT_MS = 60_000;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** What becomes of the grants if nobody uses any: by the same model that scores them. */
@Injectable()
export class ScoreForecastService {
  private readonly kept = new Map<number, { until: number; forecast: Promise<Forecast> }>();

  constructor(private readonly scores: ScoresRepository) {}

  /** For the days from now on. Each entry into a band counts, so a grant may count in several; none after its grant has run out. */
  forecast(days: number): Promise<Forecast> {
    const now = new Date();
    for (const [key, { until }] of this.kept) if (until <= now.getTime()) this.kept.delete(key);
    const known = this.kept.get(days);
    if (known) return known.forecast;
    const forecast = this.compute(now, days);
    this.kept.set(days, { until: now.getTime() + KEPT_MS, forecast });
    forecast.catch(() => this.kept.delete(days));
    return forecast;
  }

  private async compute(now: Date, days: number): Promise<Forecast> {
    const until = new Date(now.getTime() + days * DAY_MS);
    const byDay = new Map<string, Entries>();
    for (let afterId = BEFORE_ALL; ;) {
      const grants = await this.scores.changingBy(until, afterId, CHUNK);
      for (const grant of grants) count(byDay, decayFacts(grant), grant.expiresMs, now, until);
      const last = grants.at(-1);
      if (!last || grants.length < CHUNK) break;
      afterId = last.grantId;
      await nextTurn();
    }
    const totals = noEntries();
    for (const entries of byDay.values()) for (const band of FORECAST_BANDS) totals[band] += entries[band];
    const sorted = [...byDay].sort(([a], [b]) => (a < b ? -1 : 1));
    return { from: now.toISOString(), to: until.toISOString(), totals, days: sorted.map(([date, entries]) => ({ date, ...entries })) };
  }
}

function count(byDay: Map<string, Entries>, facts: DecayFacts, expiresMs: number | null, now: Date, until: Date): void {
  for (const { at, band } of crossings(facts, now, until)) {
    if (expiresMs !== null && at.getTime() >= expiresMs) return;
    const date = at.toISOString().slice(0, 10);
    const entries = byDay.get(date) ?? noEntries();
    entries[band] += 1;
    byDay.set(date, entries);
  }
}

function noEntries(): Entries {
  return { active: 0, aging: 0, stale: 0, dormant: 0 };
}
