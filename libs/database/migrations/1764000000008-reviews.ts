import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Reviews: campaigns and what they ask of whom, what was decided, and what became of it. */
export class Reviews1764000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- One row for everything that closes as one: a campaign; a standing campaign, which never closes; and, unseen by clients, the round
      -- that a packet without a campaign of its own is (kind 'packet'). work is what a runner has to do next, and null where nobody has to.
      CREATE TABLE review_campaigns (
        id               uuid PRIMARY KEY,
        kind             text NOT NULL CONSTRAINT review_campaigns_kind_known CHECK (kind IN ('once', 'standing', 'packet')),
        standing_id      uuid REFERENCES review_campaigns (id),
        name             text NOT NULL,
        status           text NOT NULL CONSTRAINT review_campaigns_status_known CHECK
                           (status IN ('draft', 'active', 'closing', 'completed', 'cancelled')),
        selector         jsonb NOT NULL,
        reviewers        jsonb NOT NULL,
        due_at           timestamptz(3),
        days_to_decide   integer,
        default_decision text NOT NULL CONSTRAINT review_campaigns_default_known CHECK
                           (default_decision IN ('none', 'approve', 'revoke', 'recommendation')),
        created_by       jsonb NOT NULL,
        work             text CONSTRAINT review_campaigns_work_known CHECK (work IN ('launch', 'defaults', 'check', 'apply', 'undo')),
        launched_at      timestamptz(3),
        launched_by      jsonb,
        launched_up_to   uuid,
        expected         integer,
        population       integer NOT NULL DEFAULT 0,
        included         integer NOT NULL DEFAULT 0,
        opened_at        timestamptz(3),
        closing_at       timestamptz(3),
        breaker          jsonb,
        held_at          timestamptz(3),
        confirmed_at     timestamptz(3),
        confirmed_by     jsonb,
        confirmed_assets uuid[] NOT NULL DEFAULT '{}',
        completed_at     timestamptz(3),
        cancelled_at     timestamptz(3),
        undo_asked_at    timestamptz(3),
        undo_asked_by    jsonb,
        undone_at        timestamptz(3),
        next_run_at      timestamptz(3),
        created_at       timestamptz(3) NOT NULL,
        updated_at       timestamptz(3) NOT NULL,
        version          integer NOT NULL
      );
      CREATE INDEX review_campaigns_shown ON review_campaigns (id) WHERE kind <> 'packet';
      CREATE INDEX review_campaigns_by_status ON review_campaigns (status, id) WHERE kind <> 'packet';
      CREATE INDEX review_campaigns_with_work ON review_campaigns (updated_at) WHERE work IS NOT NULL;
      CREATE INDEX review_campaigns_due ON review_campaigns (due_at) WHERE status = 'active';
      CREATE INDEX review_campaigns_to_run ON review_campaigns (next_run_at) WHERE status = 'active' AND kind = 'standing';
      CREATE INDEX review_campaigns_of_standing ON review_campaigns (standing_id) WHERE standing_id IS NOT NULL;

      -- The numbers are kept with every decision, under the row's lock: a campaign of 100,000 items is summed up from its packets.
      CREATE TABLE review_packets (
        id                uuid PRIMARY KEY,
        campaign_id       uuid NOT NULL REFERENCES review_campaigns (id),
        shown_campaign_id uuid,
        name              text NOT NULL,
        reviewer_id       uuid NOT NULL CONSTRAINT review_packets_reviewer_exists REFERENCES principals (id),
        status            text NOT NULL CONSTRAINT review_packets_status_known CHECK (status IN ('open', 'signed_off', 'cancelled')),
        due_at            timestamptz(3) NOT NULL,
        reasons           jsonb NOT NULL DEFAULT '{}',
        pending           integer NOT NULL DEFAULT 0 CHECK (pending >= 0),
        approved          integer NOT NULL DEFAULT 0 CHECK (approved >= 0),
        revoked           integer NOT NULL DEFAULT 0 CHECK (revoked >= 0),
        abstained         integer NOT NULL DEFAULT 0 CHECK (abstained >= 0),
        first_viewed_at   timestamptz(3),
        next_reminder_at  timestamptz(3),
        signed_off_at     timestamptz(3),
        signed_off_by     jsonb,
        created_at        timestamptz(3) NOT NULL,
        updated_at        timestamptz(3) NOT NULL,
        version           integer NOT NULL
      );
      -- A reviewer has one packet of a campaign to work on. What is reassigned to someone who has signed off comes in another.
      CREATE UNIQUE INDEX review_packets_open_unique ON review_packets (campaign_id, reviewer_id) WHERE status = 'open';
      CREATE INDEX review_packets_of_campaign ON review_packets (campaign_id, id);
      CREATE INDEX review_packets_by_campaign ON review_packets (shown_campaign_id, id);
      CREATE INDEX review_packets_by_reviewer ON review_packets (reviewer_id, id);
      CREATE INDEX review_packets_by_reviewer_and_status ON review_packets (reviewer_id, status, id);
      CREATE INDEX review_packets_by_status ON review_packets (status, id);
      CREATE INDEX review_packets_to_remind ON review_packets (next_reminder_at) WHERE status = 'open' AND next_reminder_at IS NOT NULL;

      -- The snapshot is what the reviewer is shown of the day the item was made; the decision is the last of review_decisions.
      CREATE TABLE review_items (
        id              uuid PRIMARY KEY,
        campaign_id     uuid NOT NULL REFERENCES review_campaigns (id),
        packet_id       uuid NOT NULL REFERENCES review_packets (id),
        grant_id        uuid NOT NULL REFERENCES grants (id),
        principal_id    uuid NOT NULL,
        asset_id        uuid NOT NULL,
        reason          text NOT NULL,
        status          text NOT NULL CONSTRAINT review_items_status_known CHECK (status IN ('pending', 'decided')),
        snapshot        jsonb NOT NULL,
        band            text,
        recommendation  text,
        sensitivity     text NOT NULL,
        decision        text CONSTRAINT review_items_decision_known CHECK (decision IN ('approve', 'revoke', 'abstain')),
        decision_id     uuid,
        justification   text,
        decision_source text,
        decided_by      jsonb,
        decided_at      timestamptz(3),
        memberships     jsonb,
        settled         boolean NOT NULL DEFAULT false,
        created_at      timestamptz(3) NOT NULL,
        CONSTRAINT review_items_once UNIQUE (campaign_id, grant_id)
      );
      CREATE INDEX review_items_of_packet ON review_items (packet_id, id);
      CREATE INDEX review_items_of_packet_by_status ON review_items (packet_id, status, id);
      CREATE INDEX review_items_pending ON review_items (campaign_id, id) WHERE status = 'pending';
      CREATE INDEX review_items_to_revoke ON review_items (campaign_id, asset_id, id) WHERE decision = 'revoke' AND NOT settled;
      CREATE INDEX review_items_of_grant ON review_items (grant_id, created_at);
      CREATE INDEX review_items_of_principal ON review_items (principal_id);

      CREATE TABLE review_decisions (
        id                     uuid PRIMARY KEY,
        item_id                uuid NOT NULL REFERENCES review_items (id),
        packet_id              uuid NOT NULL REFERENCES review_packets (id),
        campaign_id            uuid NOT NULL REFERENCES review_campaigns (id),
        decision               text NOT NULL CONSTRAINT review_decisions_decision_known CHECK (decision IN ('approve', 'revoke', 'abstain')),
        justification          text,
        source                 text NOT NULL CONSTRAINT review_decisions_source_known CHECK (source IN ('reviewer', 'default', 'system')),
        decided_by             jsonb NOT NULL,
        decided_at             timestamptz(3) NOT NULL,
        memberships            jsonb,
        together               integer NOT NULL,
        against_recommendation boolean NOT NULL
      );
      CREATE INDEX review_decisions_of_item ON review_decisions (item_id, id);
      CREATE INDEX review_decisions_of_packet ON review_decisions (packet_id, decided_at);
      CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
      END $$;
      CREATE TRIGGER review_decisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review_decisions
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

      CREATE TABLE review_reassignments (
        id             uuid PRIMARY KEY,
        item_id        uuid NOT NULL REFERENCES review_items (id),
        from_packet_id uuid NOT NULL REFERENCES review_packets (id),
        to_packet_id   uuid NOT NULL REFERENCES review_packets (id),
        reason         text NOT NULL,
        reassigned_by  jsonb NOT NULL,
        reassigned_at  timestamptz(3) NOT NULL
      );
      CREATE INDEX review_reassignments_of_item ON review_reassignments (item_id, id);
      CREATE TRIGGER review_reassignments_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review_reassignments
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

      -- What becomes of a decision to revoke. With memberships, these end in the place of the grant.
      CREATE TABLE remediations (
        id          uuid PRIMARY KEY,
        item_id     uuid NOT NULL CONSTRAINT remediations_one_an_item UNIQUE REFERENCES review_items (id),
        campaign_id uuid NOT NULL REFERENCES review_campaigns (id),
        packet_id   uuid NOT NULL REFERENCES review_packets (id),
        grant_id    uuid NOT NULL REFERENCES grants (id),
        source      text NOT NULL,
        memberships jsonb,
        status      text NOT NULL CONSTRAINT remediations_status_known CHECK (status IN ('queued', 'applied', 'failed', 'not_needed')),
        reason      text,
        undo        text CONSTRAINT remediations_undo_known CHECK (undo IN ('restored', 'withdrawn', 'skipped')),
        undo_reason text,
        restored_id uuid REFERENCES grants (id),
        settled_at  timestamptz(3),
        created_at  timestamptz(3) NOT NULL,
        updated_at  timestamptz(3) NOT NULL,
        version     integer NOT NULL
      );
      CREATE INDEX remediations_by_status ON remediations (status, id);
      CREATE INDEX remediations_by_source ON remediations (source, id);
      CREATE INDEX remediations_by_source_and_status ON remediations (source, status, id);
      CREATE INDEX remediations_by_campaign ON remediations (campaign_id, id);
      CREATE INDEX remediations_by_packet ON remediations (packet_id, id);
      CREATE INDEX remediations_of_grant ON remediations (grant_id, status);

      -- Since when the access has been held in all, where a grant restores an earlier one: its score goes on from there.
      ALTER TABLE grants ADD COLUMN held_since timestamptz(3);
      ALTER TABLE grants_history ADD COLUMN held_since timestamptz(3);

      -- A UUIDv7 that the campaign and the grant alone decide, so that a launch which is repeated from any point makes the same items.
      CREATE FUNCTION review_item_id(campaign uuid, reviewed_grant uuid, launched timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (lpad(to_hex(floor(extract(epoch FROM launched) * 1000)::bigint), 12, '0') || '7' || substr(digest, 1, 3)
          || to_hex(8 + (get_byte(decode(substr(digest, 4, 2), 'hex'), 0) & 3)) || substr(digest, 6, 15))::uuid
        FROM md5(campaign::text || reviewed_grant::text) AS digest
      $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION review_item_id(uuid, uuid, timestamptz);
      ALTER TABLE grants_history DROP COLUMN held_since;
      ALTER TABLE grants DROP COLUMN held_since;
      DROP TABLE remediations, review_reassignments, review_decisions, review_items, review_packets, review_campaigns;
      DROP FUNCTION refuse_change;
    `);
  }
}
