import { BANDS, type Band, explainGrant, roundToCents } from '#libs/decay-model/decay-model.js';
import { NotFoundError } from '#libs/errors/errors.js';
import { Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { decayFacts } from '#libs/scoring/score-facts.js';
import { type HistorySpan, ScoreHistory } from '#libs/scoring/score-history.js';
import { Injectable } from '@nestjs/common';
import { type ScoreFilters, ScoresRepository } from './scores.repository.js';

type BandCounts = Record<Band, number>;

export interface ScoresSummary {
  total: number;
  byBand: BandCounts;
  bySensitivity: Record<string, BandCounts>;
  topAssets: { assetId: string; name: string; dormant: number; total: number }[];
  computedAt: string;
}

const SENSITIVITIES = ['public', 'internal', 'confidential', 'restricted'];
const TOP_ASSETS = 10;

@Injectable()
export class ScoresService {
  constructor(
    private readonly scores: ScoresRepository,
    private readonly pastScores: ScoreHistory,
    private readonly keyset: Keyset,
  ) {}

  list(filters: ScoreFilters, page: PageRequest): Promise<Page> {
    return this.scores.page(filters, page);
  }

  /**
   * A score and every input and term behind it: those of the instant at which it was computed.
   *
   * @throws NotFoundError for a grant that is not in force, or has no score yet
   */
  async explain(grantId: string): Promise<object> {
    const found = await this.scores.find(grantId);
    if (!found) throw new NotFoundError(`No grant in force with a score has the id ${grantId}.`);
    const { explanation } = explainGrant(decayFacts(found), new Date(Math.round(found.computedMs)));
    const lastUse = found.lastUsedMs === null ? null : found.lastUseInferred ? 'inferred' : 'reported';
    return { ...(JSON.parse(found.json) as object), explanation: { ...explanation, lastUse } };
  }

  /** The scores that a grant had, also one that has ended, oldest first. @throws NotFoundError, UnavailableError where ClickHouse is away */
  async history(grantId: string, span: HistorySpan, { cursor, limit }: PageRequest): Promise<Page> {
    if (!(await this.scores.grantExists(grantId))) throw NotFoundError.of('grant', grantId);
    const query = { list: `score-history:${grantId}`, binding: span };
    const key = await this.keyset.keyOf(query, cursor);
    const found = await this.pastScores.page(grantId, span, key?.[0] ?? null, limit + 1);
    const rows = found.map(({ score, priority, ...rest }) => {
      const { computedAt, band, modelVersion } = rest;
      const item = { computedAt, score: roundToCents(score), priority: roundToCents(priority), band, modelVersion };
      return { item: JSON.stringify(item), key: [computedAt] };
    });
    return this.keyset.pageOf(query, rows, limit);
  }

  async summary(): Promise<ScoresSummary> {
    const { computedAt, bands, topAssets } = await this.scores.summary(TOP_ASSETS);
    const byBand = noCounts();
    const bySensitivity = Object.fromEntries(SENSITIVITIES.map((sensitivity) => [sensitivity, noCounts()]));
    let total = 0;
    for (const { sensitivity, band, count } of bands) {
      total += count;
      byBand[band as Band] += count;
      const counts = bySensitivity[sensitivity];
      if (counts) counts[band as Band] += count;
    }
    return { total, byBand, bySensitivity, topAssets, computedAt };
  }
}

function noCounts(): BandCounts {
  return Object.fromEntries(BANDS.map((band) => [band, 0])) as BandCounts;
}
