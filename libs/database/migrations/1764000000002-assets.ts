import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Assets: what access is given to. */
export class Assets1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE assets (
        id                  uuid PRIMARY KEY,
        type                text NOT NULL CONSTRAINT assets_type_known CHECK
                              (type IN ('dataset', 'table', 'database', 'bucket', 'application', 'api', 'report', 'host', 'secret', 'other')),
        name                text NOT NULL,
        external_id         text,
        source              text NOT NULL,
        sensitivity         text NOT NULL CONSTRAINT assets_sensitivity_known CHECK
                              (sensitivity IN ('public', 'internal', 'confidential', 'restricted')),
        owner_id            uuid CONSTRAINT assets_owner_exists REFERENCES principals (id),
        parent_id           uuid CONSTRAINT assets_parent_exists REFERENCES assets (id),
        tags                text[] NOT NULL DEFAULT '{}',
        status              text NOT NULL CONSTRAINT assets_status_known CHECK (status IN ('active', 'retired')),
        usage_tracked_since timestamptz(3),
        created_at          timestamptz(3) NOT NULL,
        updated_at          timestamptz(3) NOT NULL,
        version             integer NOT NULL
      );
      CREATE UNIQUE INDEX assets_external_id_unique ON assets (source, external_id) WHERE external_id IS NOT NULL;
      CREATE INDEX assets_by_type ON assets (type, id);
      CREATE INDEX assets_by_source ON assets (source, id);
      CREATE INDEX assets_by_external_id ON assets (external_id, id);
      CREATE INDEX assets_by_sensitivity ON assets (sensitivity, id);
      CREATE INDEX assets_by_owner ON assets (owner_id, id);
      CREATE INDEX assets_by_parent ON assets (parent_id, id);
      CREATE INDEX assets_by_status ON assets (status, id);
      CREATE INDEX assets_by_tag ON assets USING gin (tags);
      CREATE INDEX assets_by_name_prefix ON assets (lower(name) text_pattern_ops);

      CREATE TABLE assets_history (LIKE assets, PRIMARY KEY (id, version));
      CREATE TRIGGER assets_created AFTER INSERT ON assets FOR EACH ROW EXECUTE FUNCTION keep_history();
      CREATE TRIGGER assets_changed AFTER UPDATE ON assets FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_history();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE assets_history, assets');
  }
}
