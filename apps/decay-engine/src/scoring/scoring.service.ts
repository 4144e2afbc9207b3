import { scoreGrant, utcDayNumber } from '#libs/decay-model/decay-model.js';
import { decayFacts } from '#libs/scoring/score-facts.js';
import { Injectable } from '@nestjs/common';
import { EngineMetrics, type ScoringCause } from '../engine-metrics.js';
import { type GrantSelection, type NewScore, type Rows, type ScorableGrant, ScoresRepository } from './scores.repository.js';

/** Computes scores: facts in, the model, scores out, all in one transaction of the caller's. */
@Injectable()
export class ScoringService {
  constructor(
    private readonly scores: ScoresRepository,
    private readonly metrics: EngineMetrics,
  ) {}

  /** Scores the grants of a selection that are in force; answers how many. A use is always recorded in the history. */
  async score(rows: Rows, selection: GrantSelection, cause: ScoringCause): Promise<number> {
    const { now, grants } = await this.scores.factsOf(rows, selection);
    const today = utcDayNumber(now);
    await this.scores.store(
      rows,
      now,
      grants.map((grant) => newScore(grant, now, today, cause)),
    );
    this.metrics.scored(cause, grants.length);
    return grants.length;
  }

  /** Scores those that are in force, and removes the scores of those that are not. */
  async bringUpToDate(rows: Rows, selection: GrantSelection, cause: ScoringCause): Promise<number> {
    await this.scores.removeEnded(rows, selection);
    return this.score(rows, selection, cause);
  }
}

/** Recorded: the first score, every use, a new band, and the first of each day. */
function newScore(grant: ScorableGrant, now: Date, today: number, cause: ScoringCause): NewScore {
  const score = scoreGrant(decayFacts(grant), now);
  const recorded = cause === 'use' || score.band !== grant.knownBand || grant.historyDay === null || grant.historyDay < today;
  return { grant, score, recorded, historyDay: recorded ? today : (grant.historyDay ?? today) };
}
