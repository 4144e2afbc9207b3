import { AuditLog } from '#libs/clickhouse/audit-log.js';
import { Database } from '#libs/database/database.js';
import { ANSWERS_KEPT_MS } from '#libs/database/idempotency.js';
import { EVENTS_TOPIC } from '#libs/kafka/topics.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';

const DAY_MS = 86_400_000;

/** Rows that one statement deletes: few enough that no other waits long for it. */
const BATCH = 10_000;

/** What is kept for a time only: events, where a retention is configured, and the answers to requests that may be repeated. */
@Injectable()
export class Retention {
  constructor(
    private readonly database: Database,
    private readonly log: AuditLog,
  ) {}

  /**
   * Deletes the events that are older than `days` in PostgreSQL and ClickHouse alike, as one whole beginning of the chain, up to a checkpoint
   * that was signed before then: it stays, and the chain begins after it. Nothing goes that is not published, logged and read by every
   * consumer. May be cut off anywhere and done again. Answers the last event that was pruned; null where there was nothing to do.
   */
  async prune(days: number, now: Date): Promise<number | null> {
    const cutoff = new Date(now.getTime() - days * DAY_MS);
    await this.moveBase(cutoff);
    const [base] = await this.database.rows<{ sequence: string }>(sql`SELECT base_sequence AS sequence FROM chain_head`);
    const sequence = Number(base?.sequence ?? 0);
    if (sequence === 0) return null;
    const deleted = await this.deleteInBatches(
      sql`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE sequence <= ${sequence} ORDER BY sequence LIMIT ${BATCH}) RETURNING id`,
    );
    await this.database.rows(sql`DELETE FROM checkpoints WHERE sequence < ${sequence}`);
    const deletedFromLog = await this.log.deleteTo(sequence);
    return deleted > 0 || deletedFromLog ? sequence : null;
  }

  /** Forgets the answers that no repeated request may be given any more. Answers how many there were. */
  forgetOldAnswers(now: Date): Promise<number> {
    const cutoff = new Date(now.getTime() - ANSWERS_KEPT_MS);
    return this.deleteInBatches(
      sql`DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(SELECT ctid FROM idempotency_keys WHERE created_at <= ${cutoff} LIMIT ${BATCH}))
        RETURNING created_at`,
    );
  }

  /** First of all: from here on nobody expects what is before the base, so that none of it is missed while it is being deleted. */
  private async moveBase(cutoff: Date): Promise<void> {
    await this.database.rows(
      sql`UPDATE chain_head SET base_sequence = c.sequence, base_hash = c.hash
        FROM (
          SELECT p.sequence, p.hash FROM checkpoints p JOIN events e ON e.sequence = p.sequence AND e.hash = p.hash
          WHERE p.time <= ${cutoff} AND e.time <= ${cutoff}
            AND p.sequence <= (SELECT complete_to FROM audit_progress) AND p.sequence <= (SELECT published FROM chain_head)
            AND p.sequence <= (SELECT coalesce(min(position), p.sequence) FROM consumer_offsets WHERE topic = ${EVENTS_TOPIC})
          ORDER BY p.sequence DESC LIMIT 1
        ) c
        WHERE base_sequence < c.sequence`,
    );
  }

  private async deleteInBatches(statement: Sql): Promise<number> {
    let deleted = 0;
    for (;;) {
      const rows = await this.database.rows(statement);
      deleted += rows.length;
      if (rows.length < BATCH) return deleted;
    }
  }
}
