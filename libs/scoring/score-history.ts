import { CLICKHOUSE } from '#libs/clickhouse/clickhouse.module.js';
import { UnavailableError } from '#libs/errors/errors.js';
import { ClickHouseError, type ClickHouseClient } from '@clickhouse/client';
import { Inject, Injectable } from '@nestjs/common';

/** One score that a grant had, unrounded. */
export interface PastScore {
  grantId: string;
  /** RFC 3339. */
  computedAt: string;
  score: number;
  priority: number;
  band: string;
  modelVersion: string;
}

/** Bounds of a history: `from` included, `to` not; RFC 3339. */
export interface HistorySpan {
  from?: string;
  to?: string;
}

// A score written again after a crash has the same sorting key and collapses; until it has, readers take one row for each instant.
const TABLE = `
  CREATE TABLE IF NOT EXISTS grant_score_history (
    grant_id      UUID,
    computed_at   DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    score         Float64 CODEC(ZSTD(1)),
    priority      Float64 CODEC(ZSTD(1)),
    band          LowCardinality(String),
    model_version LowCardinality(String)
  )
  ENGINE = ReplacingMergeTree
  PARTITION BY toYear(computed_at)
  ORDER BY (grant_id, computed_at)
  SETTINGS index_granularity = 1024`;

const UNKNOWN_TABLE = '60';

/** The scores that grants had, in ClickHouse. Values are bound; nothing of a caller becomes SQL. */
@Injectable()
export class ScoreHistory {
  private prepared: Promise<unknown> | null = null;

  constructor(@Inject(CLICKHOUSE) private readonly client: ClickHouseClient) {}

  /** Adds scores; the same ones again change nothing that a reader sees. Resolves when they are durable. */
  async insert(scores: readonly PastScore[]): Promise<void> {
    this.prepared ??= this.client.command({ query: TABLE }).catch((error: unknown) => {
      this.prepared = null;
      throw error;
    });
    await this.prepared;
    const values = scores.map(({ grantId, computedAt, score, priority, band, modelVersion }) => ({
      ...{ grant_id: grantId, computed_at: dateTime(computedAt), score, priority, band, model_version: modelVersion },
    }));
    await this.client.insert({ table: 'grant_score_history', values, format: 'JSONEachRow' });
  }

  /**
   * At most `limit` scores of a grant after the instant `after`, oldest first. None of a history that has not begun.
   *
   * @throws UnavailableError where ClickHouse is away
   */
  async page(grantId: string, { from, to }: HistorySpan, after: string | null, limit: number): Promise<Omit<PastScore, 'grantId'>[]> {
    const bounds = { from, to, after: after ?? undefined };
    const conditions = {
      from: 'computed_at >= {from: DateTime64(3)}',
      to: 'computed_at < {to: DateTime64(3)}',
      after: 'computed_at > {after: DateTime64(3)}',
    };
    const given = Object.entries(bounds).filter((bound): bound is [keyof typeof bounds, string] => bound[1] !== undefined);
    const where = ['grant_id = {grantId: UUID}', ...given.map(([name]) => conditions[name])].join(' AND ');
    try {
      const result = await this.client.query({
        query: `SELECT toUnixTimestamp64Milli(computed_at) AS ms, score, priority, band, model_version FROM grant_score_history
          WHERE ${where} ORDER BY computed_at LIMIT 1 BY computed_at LIMIT {limit: UInt32}`,
        query_params: { grantId, limit, ...Object.fromEntries(given.map(([name, value]) => [name, dateTime(value)])) },
        format: 'JSONEachRow',
        clickhouse_settings: { wait_end_of_query: 1, max_execution_time: 20 },
      });
      const rows = await result.json<{ ms: string; score: number; priority: number; band: string; model_version: string }>();
      return rows.map(({ ms, score, priority, band, model_version: modelVersion }) => ({
        ...{ computedAt: new Date(Number(ms)).toISOString(), score, priority, band, modelVersion },
      }));
    } catch (error) {
      if (!(error instanceof ClickHouseError)) throw new UnavailableError('The score history is away for the moment.', { cause: error });
      if (error.code === UNKNOWN_TABLE) return [];
      throw error;
    }
  }
}

/** RFC 3339 as ClickHouse takes it in a parameter and in JSON. */
function dateTime(time: string): string {
  return time.replace('T', ' ').replace('Z', '');
}
