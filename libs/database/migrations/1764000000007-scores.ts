import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Uses of grants, the scores drawn from them, and what the engines share to keep those up to date. */
export class Scores1764000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- One row a grant rather than one for each day of use: 400 days are 400 small numbers, and a use rewrites one row that has no other
      -- index. Days are whole UTC days since 1970. The revision rises with every use, so that an older view of a grant never overwrites a newer.
      ALTER TABLE grant_usage
        ADD COLUMN usage_days        integer[] NOT NULL DEFAULT '{}',
        ADD COLUMN cadence_days      double precision,
        ADD COLUMN cadence_gaps      integer NOT NULL DEFAULT 0,
        ADD COLUMN last_use_inferred boolean NOT NULL DEFAULT false,
        ADD COLUMN revision          bigint NOT NULL DEFAULT 0;
      ALTER TABLE grant_usage SET (fillfactor = 80);

      -- A use names its grant, or its principal and asset.
      CREATE INDEX grants_by_principal_and_asset ON grants (principal_id, asset_id);

      -- Events that have counted, by a digest of their sender and id.
      CREATE TABLE usage_events_seen (
        event_key uuid PRIMARY KEY,
        seen_at   timestamptz(3) NOT NULL DEFAULT statement_timestamp()
      );
      CREATE INDEX usage_events_seen_by_age ON usage_events_seen USING brin (seen_at);

      -- A score with the facts it was computed from, so that its explanation is that of this score and of no later one.
      -- In the order of bytes: these words are compared, never shown in an order.
      CREATE TABLE scores (
        grant_id            uuid PRIMARY KEY REFERENCES grants (id),
        principal_id        uuid NOT NULL,
        asset_id            uuid NOT NULL,
        sensitivity         text COLLATE "C" NOT NULL,
        band                text COLLATE "C" NOT NULL CONSTRAINT scores_band_known CHECK
                              (band IN ('active', 'aging', 'stale', 'dormant', 'insufficient_data')),
        recommendation      text COLLATE "C" NOT NULL CONSTRAINT scores_recommendation_known CHECK
                              (recommendation IN ('keep', 'review', 'revoke', 'none')),
        score               double precision NOT NULL,
        priority            double precision NOT NULL,
        next_band_at        timestamptz(3),
        model_version       text NOT NULL,
        computed_at         timestamptz(3) NOT NULL,
        last_used_at        timestamptz(3),
        last_use_inferred   boolean,
        usage_tracked_since timestamptz(3),
        cadence_days        double precision,
        cadence_gaps        integer NOT NULL,
        peers               integer,
        peers_holding       integer,
        usage_revision      bigint NOT NULL,
        history_day         integer NOT NULL
      );
      -- Each filter with each sort, so that a page costs the same at any depth.
      CREATE INDEX scores_by_priority ON scores (priority, grant_id);
      CREATE INDEX scores_by_score ON scores (score, grant_id);
      CREATE INDEX scores_by_age ON scores (computed_at, grant_id);
      CREATE INDEX scores_of_band_by_priority ON scores (band, priority, grant_id);
      CREATE INDEX scores_of_band_by_score ON scores (band, score, grant_id);
      CREATE INDEX scores_of_band_by_age ON scores (band, computed_at, grant_id);
      CREATE INDEX scores_of_sensitivity_by_priority ON scores (sensitivity, priority, grant_id);
      CREATE INDEX scores_of_sensitivity_by_score ON scores (sensitivity, score, grant_id);
      CREATE INDEX scores_of_sensitivity_by_age ON scores (sensitivity, computed_at, grant_id);
      CREATE INDEX scores_of_principal_by_priority ON scores (principal_id, priority, grant_id);
      CREATE INDEX scores_of_principal_by_score ON scores (principal_id, score, grant_id);
      CREATE INDEX scores_of_principal_by_age ON scores (principal_id, computed_at, grant_id);
      CREATE INDEX scores_of_asset_by_priority ON scores (asset_id, priority, grant_id);
      CREATE INDEX scores_of_asset_by_score ON scores (asset_id, score, grant_id);
      CREATE INDEX scores_of_asset_by_age ON scores (asset_id, computed_at, grant_id);
      -- Every other recommendation stands for one band and is served by that one's index.
      CREATE INDEX scores_to_keep_by_priority ON scores (priority, grant_id) WHERE recommendation = 'keep';
      CREATE INDEX scores_to_keep_by_score ON scores (score, grant_id) WHERE recommendation = 'keep';
      CREATE INDEX scores_to_keep_by_age ON scores (computed_at, grant_id) WHERE recommendation = 'keep';

      -- Active users, and how many of them hold a direct grant on an asset: the peers of the model without a scan for each grant.
      CREATE TABLE department_sizes (
        department text PRIMARY KEY,
        users      integer NOT NULL
      );
      CREATE TABLE department_asset_holders (
        asset_id   uuid NOT NULL,
        department text NOT NULL,
        holders    integer NOT NULL,
        PRIMARY KEY (asset_id, department)
      );

      -- Scores on their way to ClickHouse.
      CREATE TABLE score_history_outbox (
        id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        grant_id      uuid NOT NULL,
        computed_at   timestamptz(3) NOT NULL,
        score         double precision NOT NULL,
        priority      double precision NOT NULL,
        band          text NOT NULL,
        model_version text NOT NULL
      );

      -- What has changed since its scores were computed, other than by a use. Of a principal, with the department it was in.
      CREATE TABLE rescoring_queue (
        id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind       text NOT NULL,
        subject_id uuid NOT NULL,
        department text
      );

      -- The scheduled run: its ranges of grants that are not done yet. An engine holds the row of its range while it works.
      CREATE TABLE rescoring_run (
        singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        started_at  timestamptz(3),
        finished_at timestamptz(3)
      );
      INSERT INTO rescoring_run DEFAULT VALUES;
      CREATE TABLE rescoring_ranges (
        after_id uuid NOT NULL,
        up_to_id uuid PRIMARY KEY
      );
    `);
    await runner.query(`
      CREATE FUNCTION queue_new_grants() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO rescoring_queue (kind, subject_id) SELECT 'grant', id FROM added;
        RETURN NULL;
      END $$;
      CREATE TRIGGER grants_queued AFTER INSERT ON grants REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_new_grants();

      CREATE FUNCTION queue_new_principals() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO rescoring_queue (kind, subject_id, department)
          SELECT 'principal', id, department FROM added WHERE type = 'user' AND department IS NOT NULL;
        RETURN NULL;
      END $$;
      CREATE TRIGGER principals_queued AFTER INSERT ON principals REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION queue_new_principals();

      CREATE FUNCTION queue_changed() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO rescoring_queue (kind, subject_id) VALUES (TG_ARGV[0], NEW.id);
        RETURN NULL;
      END $$;
      CREATE TRIGGER grants_requeued AFTER UPDATE ON grants FOR EACH ROW
        WHEN (OLD.status <> NEW.status OR OLD.expires_at IS DISTINCT FROM NEW.expires_at) EXECUTE FUNCTION queue_changed('grant');
      CREATE TRIGGER assets_requeued AFTER UPDATE ON assets FOR EACH ROW
        WHEN (OLD.sensitivity <> NEW.sensitivity OR OLD.usage_tracked_since IS DISTINCT FROM NEW.usage_tracked_since)
        EXECUTE FUNCTION queue_changed('asset');

      CREATE FUNCTION queue_changed_principal() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO rescoring_queue (kind, subject_id, department) VALUES ('principal', NEW.id, OLD.department);
        RETURN NULL;
      END $$;
      CREATE TRIGGER principals_requeued AFTER UPDATE ON principals FOR EACH ROW
        WHEN (OLD.status <> NEW.status OR OLD.department IS DISTINCT FROM NEW.department) EXECUTE FUNCTION queue_changed_principal();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER principals_requeued ON principals;
      DROP TRIGGER assets_requeued ON assets;
      DROP TRIGGER grants_requeued ON grants;
      DROP TRIGGER principals_queued ON principals;
      DROP TRIGGER grants_queued ON grants;
      DROP FUNCTION queue_changed_principal, queue_changed, queue_new_principals, queue_new_grants;
      DROP TABLE rescoring_ranges, rescoring_run, rescoring_queue, score_history_outbox, department_asset_holders, department_sizes, scores,
        usage_events_seen;
      DROP INDEX grants_by_principal_and_asset;
      ALTER TABLE grant_usage RESET (fillfactor);
      ALTER TABLE grant_usage DROP COLUMN usage_days, DROP COLUMN cadence_days, DROP COLUMN cadence_gaps, DROP COLUMN last_use_inferred,
        DROP COLUMN revision;
    `);
  }
}
