import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Grants: who may do what with which asset, and when somebody last did. */
export class Grants1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE grants (
        id                uuid PRIMARY KEY,
        principal_id      uuid NOT NULL CONSTRAINT grants_principal_exists REFERENCES principals (id),
        asset_id          uuid NOT NULL CONSTRAINT grants_asset_exists REFERENCES assets (id),
        permission        text NOT NULL,
        privilege         text NOT NULL CONSTRAINT grants_privilege_known CHECK (privilege IN ('read', 'write', 'admin')),
        source            text NOT NULL,
        status            text NOT NULL CONSTRAINT grants_status_known CHECK (status IN ('active', 'revoked', 'expired')),
        granted_at        timestamptz(3) NOT NULL,
        granted_by        jsonb NOT NULL,
        expires_at        timestamptz(3) CONSTRAINT grants_expire_after_granted CHECK (expires_at > granted_at),
        justification     text,
        revoked_at        timestamptz(3),
        revoked_by        jsonb,
        revoke_reason     text,
        restores_grant_id uuid REFERENCES grants (id),
        created_at        timestamptz(3) NOT NULL,
        updated_at        timestamptz(3) NOT NULL,
        version           integer NOT NULL
      );
      -- What makes two equal active grants impossible, however many ask at once. A grant past its expiry gives way: the service marks it first.
      CREATE UNIQUE INDEX grants_active_unique ON grants (principal_id, asset_id, permission) WHERE status = 'active';
      CREATE INDEX grants_by_principal ON grants (principal_id, id);
      CREATE INDEX grants_by_asset ON grants (asset_id, id);
      CREATE INDEX grants_by_permission ON grants (permission, id);
      CREATE INDEX grants_by_privilege ON grants (privilege, id);
      CREATE INDEX grants_by_status ON grants (status, id);
      CREATE INDEX grants_by_source ON grants (source, id);
      CREATE INDEX grants_by_expiry ON grants (expires_at, id) WHERE expires_at IS NOT NULL;

      CREATE TABLE grants_history (LIKE grants, PRIMARY KEY (id, version));
      CREATE TRIGGER grants_created AFTER INSERT ON grants FOR EACH ROW EXECUTE FUNCTION keep_history();
      CREATE TRIGGER grants_changed AFTER UPDATE ON grants FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_history();

      -- Apart from the grants, so that a use moves neither their version nor their history.
      CREATE TABLE grant_usage (
        grant_id     uuid PRIMARY KEY REFERENCES grants (id),
        last_used_at timestamptz(3) NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE grant_usage, grants_history, grants');
  }
}
