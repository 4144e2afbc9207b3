import { arrayLiteral } from '#libs/scoring/array-literal.js';
import type { PastScore } from '#libs/scoring/score-history.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { Rows } from './scores.repository.js';

const HISTORY_LOCK = 7_263_532;

/** Scores on their way to ClickHouse. */
@Injectable()
export class HistoryOutboxRepository {
  /** Whether this caller is the one to carry them, until its transaction ends. */
  async tryLock(rows: Rows): Promise<boolean> {
    const [row] = await rows<{ locked: boolean }>(sql`SELECT pg_try_advisory_xact_lock(${HISTORY_LOCK}) AS locked`);
    return row?.locked === true;
  }

  read(rows: Rows, limit: number): Promise<(PastScore & { id: string })[]> {
    return rows(
      sql`SELECT id::text, grant_id AS "grantId", instant(computed_at) AS "computedAt", score, priority, band, model_version AS "modelVersion"
        FROM score_history_outbox ORDER BY id LIMIT ${limit}`,
    );
  }

  /** By their ids: of two writers the one with the lower number may have become visible later. */
  async remove(rows: Rows, ids: readonly string[]): Promise<void> {
    await rows(sql`DELETE FROM score_history_outbox WHERE id = ANY (${arrayLiteral(ids)}::bigint[])`);
  }

  async waiting(rows: Rows): Promise<number> {
    const [row] = await rows<{ count: number }>(sql`SELECT count(*)::float8 AS count FROM score_history_outbox`);
    return row?.count ?? 0;
  }
}
