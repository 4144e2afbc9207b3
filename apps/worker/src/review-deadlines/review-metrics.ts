import { Database } from '#libs/database/database.js';
import { Injectable } from '@nestjs/common';
import { Gauge, register } from 'prom-client';
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
    const oldest = gauge(
      'review_work_oldest_seconds',
      'How long the campaign that waits longest for its next step has waited, in seconds.',
    );
    const queued = gauge('remediations_queued', 'Revocations that a connector has not carried out yet.');
    const failed = gauge('remediations_failed', 'Revocations that a connector could not carry out.');
    gauge('review_closings_held', 'Closings that the circuit breaker holds until a second admin confirms.', async function collect() {
      const standing = await standingOf(database).catch(() => null);
      if (!standing) return;
      this.set(standing.held);
      oldest.set(standing.oldestSeconds);
      queued.set(standing.queued);
      failed.set(standing.failed);
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

function gauge(name: string, help: string, collect?: (this: Gauge) => Promise<void>): Gauge {
  register.removeSingleMetric(name);
  return new Gauge({ name, help, ...(collect ? { collect } : {}) });
}
