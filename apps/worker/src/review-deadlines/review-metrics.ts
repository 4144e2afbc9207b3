import { Database } from '#libs/database/database.js';
import { gauge } from '#libs/observability/registered.js';
import { Injectable } from '@nestjs/common';
import type { Gauge } from 'prom-client';
import sql from 'sql-template-tag';

interface Standing {
  held: number;
  oldestSeconds: number;
  queued: number;
  failed: number;
}

/** What Prometheus is told of reviews: whatever waits for somebody, asked for at each scrape. */
@Injectable()
export class ReviewMetrics {
  constructor(database: Database) {
    const oldest = gauge({
      name: 'review_work_oldest_seconds',
      help: 'How long the campaign that waits longest for its next step has waited, in seconds.',
    });
    const queued = gauge({ name: 'remediations_queued', help: 'Revocations that a connector has not carried out yet.' });
    const failed = gauge({ name: 'remediations_failed', help: 'Revocations that a connector could not carry out.' });
    gauge({
      name: 'review_closings_held',
      help: 'Closings that the circuit breaker holds until a second admin confirms.',
      async collect(this: Gauge) {
        const standing = await standingOf(database).catch(() => null);
        if (!standing) return;
        this.set(standing.held);
        oldest.set(standing.oldestSeconds);
        queued.set(standing.queued);
        failed.set(standing.failed);
      },
    });
  }
}

async function standingOf(database: Database): Promise<Standing | undefined> {
  const [standing] = await database.rows<Standing>(
    sql`SELECT (SELECT count(*)::integer FROM review_campaigns WHERE status = 'closing' AND work IS NULL) AS held,
        (SELECT coalesce(greatest(0, extract(epoch FROM statement_timestamp() - min(since))), 0)::float8 FROM (
          SELECT updated_at AS since FROM review_campaigns WHERE work IS NOT NULL
          UNION ALL SELECT due_at FROM review_campaigns WHERE status = 'active' AND work IS NULL AND due_at <= statement_timestamp()
        ) waiting) AS "oldestSeconds",
        (SELECT count(*)::integer FROM remediations WHERE status = 'queued') AS queued,
        (SELECT count(*)::integer FROM remediations WHERE status = 'failed') AS failed`,
  );
  return standing;
}
