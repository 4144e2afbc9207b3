import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reports, each its own job, and what they need to tell what was known at an instant that has passed. */
export class Reports1764000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The columns from run_at on are the workers' own: who builds it until when, and whether files are left that nobody is to have.
      CREATE TABLE reports (
        id             uuid PRIMARY KEY,
        kind           text NOT NULL CONSTRAINT reports_kind_known CHECK (kind IN
                         ('access_listing', 'privileged_access', 'dormant_access', 'campaign_evidence', 'grant_changes', 'audit_extract')),
        format         text NOT NULL CONSTRAINT reports_format_known CHECK (format IN ('csv', 'jsonl', 'pdf')),
        parameters     jsonb NOT NULL,
        status         text NOT NULL CONSTRAINT reports_status_known CHECK
                         (status IN ('queued', 'running', 'completed', 'failed', 'cancelled', 'expired')),
        requested_by   jsonb NOT NULL,
        requester_id   text NOT NULL,
        progress_done  bigint NOT NULL DEFAULT 0,
        progress_total bigint,
        started_at     timestamptz(3),
        completed_at   timestamptz(3),
        expires_at     timestamptz(3),
        rows           bigint,
        bytes          bigint,
        sha256         text,
        reconciliation jsonb,
        failure        jsonb,
        created_at     timestamptz(3) NOT NULL,
        updated_at     timestamptz(3) NOT NULL,
        version        integer NOT NULL,
        run_at         timestamptz(3) NOT NULL,
        attempts       integer NOT NULL DEFAULT 0,
        failures       integer NOT NULL DEFAULT 0,
        lease_until    timestamptz(3),
        file_key       text,
        files_left     boolean NOT NULL DEFAULT false
      );
      CREATE INDEX reports_by_kind ON reports (kind, id);
      CREATE INDEX reports_by_status ON reports (status, id);
      CREATE INDEX reports_by_requester ON reports (requester_id, id);
      CREATE INDEX reports_to_build ON reports (run_at) WHERE status IN ('queued', 'running');
      CREATE INDEX reports_to_expire ON reports (expires_at) WHERE status = 'completed';
      CREATE INDEX reports_to_tidy_up ON reports (updated_at) WHERE files_left AND status IN ('completed', 'failed', 'cancelled', 'expired');

      -- Every use of a grant with the time at which it was learnt of, so that a report of a past instant leaves out what came in late.
      -- No key and no reference: rows come from grant_usage's own writer, thousands at once, and are never changed.
      CREATE TABLE grant_uses (
        grant_id    uuid NOT NULL,
        used_at     timestamptz(3) NOT NULL,
        recorded_at timestamptz(3) NOT NULL
      );
      CREATE INDEX grant_uses_of_grant ON grant_uses (grant_id, used_at);
      -- What is known of earlier uses counts as learnt of when it happened; of their days, each counts from its beginning.
      INSERT INTO grant_uses (grant_id, used_at, recorded_at)
        SELECT grant_id, last_used_at, last_used_at FROM grant_usage
        UNION ALL
        SELECT u.grant_id, d.day, d.day FROM grant_usage u
          CROSS JOIN LATERAL (SELECT 'epoch'::timestamptz + day * interval '1 day' AS day FROM unnest(u.usage_days) AS n (day)) d
        WHERE d.day < date_trunc('day', u.last_used_at, 'UTC');

      -- What evidence traces into the chain. Partial, so that no other event pays for it.
      CREATE INDEX events_of_evidence ON events ((payload->'resource'->>'id')) WHERE payload->>'action' IN ('grant.updated', 'review.decided',
        'review.signed_off', 'remediation.queued', 'remediation.applied', 'remediation.failed', 'remediation.not_needed', 'remediation.undone');
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX events_of_evidence;
      DROP TABLE grant_uses, reports;
    `);
  }
}
