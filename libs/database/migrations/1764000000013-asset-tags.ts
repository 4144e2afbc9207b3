import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A row for each tag of each asset. An index of arrays has no order: a page of the assets with a tag was all of them, sorted, or, where PostgreSQL
 * expected many of a tag that nothing has, a walk over every asset.
 */
export class AssetTags1764000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE asset_tags (
        tag      text NOT NULL,
        asset_id uuid NOT NULL CONSTRAINT asset_tags_asset_exists REFERENCES assets (id) ON DELETE CASCADE,
        PRIMARY KEY (tag, asset_id)
      );
      CREATE FUNCTION keep_tags() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'UPDATE' THEN
          DELETE FROM asset_tags t WHERE t.asset_id = NEW.id AND t.tag = ANY (OLD.tags) AND t.tag <> ALL (NEW.tags);
        END IF;
        INSERT INTO asset_tags (tag, asset_id) SELECT unnest(NEW.tags), NEW.id ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$;
      CREATE TRIGGER assets_tagged AFTER INSERT ON assets FOR EACH ROW WHEN (NEW.tags <> '{}') EXECUTE FUNCTION keep_tags();
      CREATE TRIGGER assets_retagged AFTER UPDATE OF tags ON assets FOR EACH ROW WHEN (OLD.tags <> NEW.tags) EXECUTE FUNCTION keep_tags();
      INSERT INTO asset_tags (tag, asset_id) SELECT DISTINCT tag, id FROM assets, unnest(tags) AS tag;
      DROP INDEX assets_by_tag;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE INDEX assets_by_tag ON assets USING gin (tags);
      DROP TRIGGER assets_tagged ON assets;
      DROP TRIGGER assets_retagged ON assets;
      DROP FUNCTION keep_tags;
      DROP TABLE asset_tags;
    `);
  }
}
