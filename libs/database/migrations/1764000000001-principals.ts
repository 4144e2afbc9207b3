import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Principals, the memberships that make groups of them, and the history that answers for a past day. */
export class Principals1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE principals (
        id           uuid PRIMARY KEY,
        type         text NOT NULL CONSTRAINT principals_type_known CHECK (type IN ('user', 'service_account', 'group')),
        display_name text NOT NULL,
        email        text,
        external_id  text,
        source       text NOT NULL,
        status       text NOT NULL CONSTRAINT principals_status_known CHECK (status IN ('active', 'suspended', 'deactivated')),
        department   text,
        manager_id   uuid CONSTRAINT principals_manager_exists REFERENCES principals (id),
        owner_id     uuid CONSTRAINT principals_owner_exists REFERENCES principals (id),
        attributes   jsonb NOT NULL DEFAULT '{}',
        created_at   timestamptz(3) NOT NULL,
        updated_at   timestamptz(3) NOT NULL,
        version      integer NOT NULL
      );
      CREATE UNIQUE INDEX principals_external_id_unique ON principals (source, external_id) WHERE external_id IS NOT NULL;
      CREATE UNIQUE INDEX principals_active_email_unique ON principals (source, lower(email))
        WHERE type = 'user' AND status = 'active' AND email IS NOT NULL;
      CREATE INDEX principals_by_type ON principals (type, id);
      CREATE INDEX principals_by_status ON principals (status, id);
      CREATE INDEX principals_by_department ON principals (department, id);
      CREATE INDEX principals_by_manager ON principals (manager_id, id);
      CREATE INDEX principals_by_owner ON principals (owner_id, id) WHERE owner_id IS NOT NULL;
      CREATE INDEX principals_by_source ON principals (source, id);
      CREATE INDEX principals_by_external_id ON principals (external_id, id);
      CREATE INDEX principals_by_name_prefix ON principals (lower(display_name) text_pattern_ops);
      CREATE INDEX principals_by_email_prefix ON principals (lower(email) text_pattern_ops);

      CREATE TABLE principals_history (LIKE principals, PRIMARY KEY (id, version));

      -- The key of the digests that stand in events for a principal's personal fields. Dropped when the principal is erased.
      CREATE TABLE principal_secrets (
        principal_id uuid PRIMARY KEY REFERENCES principals (id),
        digest_key   bytea NOT NULL
      );

      CREATE TABLE memberships (
        id              uuid PRIMARY KEY,
        group_id        uuid NOT NULL REFERENCES principals (id),
        member_id       uuid NOT NULL REFERENCES principals (id),
        member_is_group boolean NOT NULL,
        added_at        timestamptz(3) NOT NULL,
        removed_at      timestamptz(3)
      );
      CREATE UNIQUE INDEX memberships_current_unique ON memberships (group_id, member_id) WHERE removed_at IS NULL;
      CREATE INDEX memberships_by_group ON memberships (group_id, member_id);
      CREATE INDEX memberships_by_member ON memberships (member_id, group_id);
      CREATE INDEX memberships_of_groups ON memberships (group_id, member_id) WHERE member_is_group;

      -- A row of history for each version that a client could have seen; bookkeeping that leaves the version alone leaves no history.
      CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        EXECUTE format('INSERT INTO %I SELECT ($1).*', TG_TABLE_NAME || '_history') USING NEW;
        RETURN NULL;
      END $$;
      CREATE TRIGGER principals_created AFTER INSERT ON principals FOR EACH ROW EXECUTE FUNCTION keep_history();
      CREATE TRIGGER principals_changed AFTER UPDATE ON principals FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_history();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE memberships, principal_secrets, principals_history, principals;
      DROP FUNCTION keep_history;
    `);
  }
}
