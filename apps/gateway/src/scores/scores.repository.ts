import { Database } from '#libs/database/database.js';
import { inForce } from '#libs/database/in-force.js';
import { JsonItem, instant, orNull, text, value, word } from '#libs/pagination/json-item.js';
import { byId, Keyset, type Sort } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { toCents } from '#libs/scoring/rounding.js';
import { FACTS_OF_SCORE, type FactsRow } from '#libs/scoring/score-facts.js';
import { Injectable } from '@nestjs/common';
import sql, { raw, type Sql } from 'sql-template-tag';

export const SCORE_SORTS = ['-priority', '-score', 'score', 'computedAt'] as const;
export type ScoreSort = (typeof SCORE_SORTS)[number];

export interface ScoreFilters {
  band?: string;
  minScore?: number;
  maxScore?: number;
  principalId?: string;
  assetId?: string;
  sensitivity?: string;
  recommendation?: string;
  sort?: ScoreSort;
}

const FROM = sql`scores s JOIN grants g ON g.id = s.grant_id JOIN principals p ON p.id = g.principal_id JOIN assets a ON a.id = g.asset_id`;

const ITEM = new JsonItem({
  grantId: word('s.grant_id'),
  principalId: word('s.principal_id'),
  principalName: text('p.display_name'),
  assetId: word('s.asset_id'),
  assetName: text('a.name'),
  permission: text('g.permission'),
  privilege: word('g.privilege'),
  sensitivity: word('s.sensitivity'),
  score: value(toCents('s.score')),
  priority: value(toCents('s.priority')),
  band: word('s.band'),
  recommendation: word('s.recommendation'),
  modelVersion: word('s.model_version'),
  computedAt: instant('s.computed_at'),
  nextBandAt: orNull(instant('s.next_band_at')),
});

const SORTS: Record<ScoreSort, Sort> = {
  '-priority': sortBy('priority', 'float8', true),
  '-score': sortBy('score', 'float8', true),
  score: sortBy('score', 'float8', false),
  computedAt: sortBy('computed_at', 'timestamptz', false),
};

/** The band that a recommendation stands for; `keep` stands for two, and has indexes of its own. */
const BAND_OF_RECOMMENDATION: Partial<Record<string, string>> = { review: 'stale', revoke: 'dormant', none: 'insufficient_data' };

/** A score with the facts it was computed from. */
export interface ExplainableScore extends FactsRow {
  json: string;
  computedMs: number;
  lastUseInferred: boolean | null;
}

export interface BandCount {
  sensitivity: string;
  band: string;
  count: number;
}

export interface AssetCount {
  assetId: string;
  name: string;
  dormant: number;
  total: number;
}

/** Scores, read only: the decay engine writes them. A grant that is not in force has none, whatever is stored. */
@Injectable()
export class ScoresRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: ScoreFilters, request: PageRequest): Promise<Page> {
    const sort = filters.sort ? SORTS[filters.sort] : byId('s', 'grant_id');
    return this.keyset.page({ list: 'scores', item: ITEM, from: FROM, where: conditions(filters), sort, binding: filters }, request);
  }

  async find(grantId: string): Promise<ExplainableScore | null> {
    const [row] = await this.database.rows<ExplainableScore>(
      sql`SELECT ${ITEM.json} AS json, date_part('epoch', s.computed_at) * 1000 AS "computedMs", s.last_use_inferred AS "lastUseInferred",
          ${FACTS_OF_SCORE}
        FROM ${FROM} WHERE s.grant_id = ${grantId} AND ${inForce('g', null)}`,
    );
    return row ?? null;
  }

  /** Whether there is, or was, such a grant. */
  async grantExists(grantId: string): Promise<boolean> {
    const rows = await this.database.rows(sql`SELECT FROM grants WHERE id = ${grantId}`);
    return rows.length > 0;
  }

  /** How many scores each sensitivity has in each band, and the assets with the most dormant ones. One pass over all of them. */
  async summary(assets: number): Promise<{ computedAt: string; bands: BandCount[]; topAssets: AssetCount[] }> {
    const [row] = await this.database.rows<{ computedAt: string; bands: BandCount[]; topAssets: AssetCount[] }>(
      sql`WITH counted AS MATERIALIZED (
          SELECT s.asset_id, s.sensitivity, s.band, count(*) AS count FROM scores s JOIN grants g ON g.id = s.grant_id
          WHERE ${inForce('g', null)} GROUP BY s.asset_id, s.sensitivity, s.band
        ), top AS (
          SELECT asset_id, coalesce(sum(count) FILTER (WHERE band = 'dormant'), 0) AS dormant, sum(count) AS total
          FROM counted GROUP BY asset_id ORDER BY dormant DESC, total DESC, asset_id LIMIT ${assets}
        )
        SELECT instant(statement_timestamp()) AS "computedAt",
          (SELECT coalesce(json_agg(b), '[]') FROM (SELECT sensitivity, band, sum(count) AS count FROM counted GROUP BY sensitivity, band) b) AS bands,
          (SELECT coalesce(json_agg(t ORDER BY t.dormant DESC, t.total DESC, t."assetId"), '[]')
            FROM (SELECT top.asset_id AS "assetId", a.name, top.dormant, top.total FROM top JOIN assets a ON a.id = top.asset_id) t) AS "topAssets"`,
    );
    return row ?? { computedAt: new Date().toISOString(), bands: [], topAssets: [] };
  }

  /** The facts of grants whose band changes by an instant, if nothing happens, after one grant in the order of ids. */
  async changingBy(until: Date, afterId: string, limit: number): Promise<(FactsRow & { expiresMs: number | null })[]> {
    return this.database.rows(
      sql`SELECT ${FACTS_OF_SCORE}, date_part('epoch', g.expires_at) * 1000 AS "expiresMs" FROM scores s
        JOIN grants g ON g.id = s.grant_id JOIN principals p ON p.id = g.principal_id
        WHERE s.grant_id > ${afterId} AND s.next_band_at <= ${until} AND ${inForce('g', null)}
        ORDER BY s.grant_id LIMIT ${limit}`,
    );
  }
}

function sortBy(column: string, type: 'float8' | 'timestamptz', descending: boolean): Sort {
  const columns = [
    { expression: `s.${column}`, type },
    { expression: 's.grant_id', type: 'uuid' as const },
  ];
  return { columns, descending };
}

function conditions(filters: ScoreFilters): Sql[] {
  const { band, minScore, maxScore, principalId, assetId, sensitivity, recommendation } = filters;
  const where: Sql[] = [inForce('g', null)];
  if (band !== undefined) where.push(sql`s.band = ${band}`);
  if (principalId !== undefined) where.push(sql`s.principal_id = ${principalId}`);
  if (assetId !== undefined) where.push(sql`s.asset_id = ${assetId}`);
  if (sensitivity !== undefined) where.push(sql`s.sensitivity = ${sensitivity}`);
  if (recommendation !== undefined) where.push(hasRecommendation(recommendation));
  // What is compared is what is shown; the unrounded bound beside it is for the index.
  if (minScore !== undefined) where.push(sql`s.score >= ${minScore - 0.01} AND ${raw(toCents('s.score'))} >= ${minScore}`);
  if (maxScore !== undefined) where.push(sql`s.score <= ${maxScore + 0.01} AND ${raw(toCents('s.score'))} <= ${maxScore}`);
  return where;
}

function hasRecommendation(recommendation: string): Sql {
  const band = BAND_OF_RECOMMENDATION[recommendation];
  // A constant in the text, since a prepared statement cannot know that a parameter fits a partial index.
  return band === undefined ? raw(`s.recommendation = 'keep'`) : sql`s.band = ${band}`;
}
