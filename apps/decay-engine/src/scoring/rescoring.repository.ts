import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { Rows } from './scores.repository.js';

export interface GrantRange {
  afterId: string;
  upToId: string;
}

/** What has changed since its scores were computed. `department` is the one that a principal was in. */
export interface QueuedChange {
  kind: 'grant' | 'asset' | 'principal';
  subjectId: string;
  department: string | null;
}

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** What engines share: the scheduled run with its ranges, and the queue of changes. */
@Injectable()
export class RescoringRepository {
  /**
   * Whether a run is due and this caller is to begin it. The row stays locked until the transaction ends; while another holds it, nothing is due.
   */
  async runIsDue(rows: Rows, intervalSeconds: number): Promise<boolean> {
    const [run] = await rows<{ due: boolean }>(
      sql`SELECT coalesce(started_at <= statement_timestamp() - ${intervalSeconds} * interval '1 second', true) AS due
        FROM rescoring_run WHERE started_at IS NULL OR finished_at IS NOT NULL FOR UPDATE SKIP LOCKED`,
    );
    return run?.due === true;
  }

  /** Begins a run: every grant there is, in ranges of `size`. */
  async begin(rows: Rows, size: number): Promise<void> {
    await rows(
      sql`INSERT INTO rescoring_ranges (after_id, up_to_id)
        SELECT coalesce(lag(id) OVER (ORDER BY id), ${BEFORE_ALL}), id FROM (
          SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM grants) numbered WHERE place % ${size} = 0
          UNION ALL SELECT ${AFTER_ALL}
        ) ends (id)`,
    );
    await rows(sql`UPDATE rescoring_run SET started_at = statement_timestamp(), finished_at = NULL`);
  }

  /** A range that nobody works on, taken until the transaction ends: who dies with it gives it back by that. */
  async takeRange(rows: Rows): Promise<GrantRange | null> {
    const [range] = await rows<GrantRange>(
      sql`SELECT after_id AS "afterId", up_to_id AS "upToId" FROM rescoring_ranges ORDER BY up_to_id LIMIT 1 FOR UPDATE SKIP LOCKED`,
    );
    return range ?? null;
  }

  async finishRange(rows: Rows, { upToId }: GrantRange): Promise<void> {
    await rows(sql`DELETE FROM rescoring_ranges WHERE up_to_id = ${upToId}`);
  }

  /** Notes that no range is left; answers how long the run took, in seconds, to the one that notes it, and null to all others. */
  async finishRun(rows: Rows): Promise<number | null> {
    const [run] = await rows<{ seconds: number }>(
      sql`UPDATE rescoring_run SET finished_at = statement_timestamp()
        WHERE finished_at IS NULL AND started_at IS NOT NULL AND NOT EXISTS (SELECT FROM rescoring_ranges)
        RETURNING date_part('epoch', finished_at - started_at) AS seconds`,
    );
    return run?.seconds ?? null;
  }

  async takeChanges(rows: Rows, limit: number): Promise<QueuedChange[]> {
    return rows<QueuedChange>(
      sql`DELETE FROM rescoring_queue WHERE id IN (SELECT id FROM rescoring_queue ORDER BY id LIMIT ${limit})
        RETURNING kind, subject_id AS "subjectId", department`,
    );
  }

  /** The grants that hang on a changed asset: queued one by one, since there may be any number. */
  async queueGrantsOf(rows: Rows, assetIds: readonly string[]): Promise<void> {
    await rows(
      sql`INSERT INTO rescoring_queue (kind, subject_id)
        SELECT 'grant', id FROM grants WHERE asset_id = ANY (${assetIds}::uuid[]) AND status = 'active'`,
    );
  }

  /** Grants that have run out between two instants, for nothing else says so. Answers the second instant: now. */
  async queueExpired(rows: Rows, since: Date | null): Promise<Date> {
    const [row] = await rows<{ now: Date }>(
      sql`WITH expired AS (
          INSERT INTO rescoring_queue (kind, subject_id)
          SELECT 'grant', id FROM grants
          WHERE expires_at <= statement_timestamp() AND expires_at > coalesce(${since}::timestamptz, statement_timestamp() - interval '1 hour') AND status = 'active'
        ) SELECT statement_timestamp() AS now`,
    );
    return row?.now ?? new Date();
  }

  assetsOfGrants(rows: Rows, grantIds: readonly string[]): Promise<{ assetId: string }[]> {
    return rows(sql`SELECT DISTINCT asset_id AS "assetId" FROM grants WHERE id = ANY (${grantIds}::uuid[])`);
  }

  /** The grants that principals hold themselves, and the departments they are in now. */
  async heldBy(
    rows: Rows,
    principalIds: readonly string[],
  ): Promise<{ grantId: string | null; assetId: string | null; department: string | null }[]> {
    return rows(
      sql`SELECT g.id AS "grantId", g.asset_id AS "assetId", p.department FROM principals p
        LEFT JOIN grants g ON g.principal_id = p.id AND g.status = 'active' WHERE p.id = ANY (${principalIds}::uuid[])`,
    );
  }
}
