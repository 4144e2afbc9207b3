import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a write costs in PostgreSQL besides its row: history and the queue of rescoring by statements that are planned once, where a statement put
 * together for each row is planned for each; and whether a request may go ahead, asked in one call.
 */
export class DirectWrites1764000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER principals_created ON principals;
      DROP TRIGGER principals_changed ON principals;
      DROP TRIGGER principals_queued ON principals;
      DROP TRIGGER assets_created ON assets;
      DROP TRIGGER assets_changed ON assets;
      DROP TRIGGER grants_created ON grants;
      DROP TRIGGER grants_changed ON grants;
      DROP TRIGGER grants_queued ON grants;
      DROP FUNCTION keep_history, queue_new_principals, queue_new_grants;

      -- A row of history for each version that a client could have seen; bookkeeping that leaves the version alone leaves no history.
      CREATE FUNCTION keep_principal() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO principals_history SELECT NEW.*;
        RETURN NULL;
      END $$;
      CREATE TRIGGER principals_created AFTER INSERT ON principals FOR EACH ROW EXECUTE FUNCTION keep_principal();
      CREATE TRIGGER principals_changed AFTER UPDATE ON principals FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_principal();

      CREATE FUNCTION keep_asset() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO assets_history SELECT NEW.*;
        RETURN NULL;
      END $$;
      CREATE TRIGGER assets_created AFTER INSERT ON assets FOR EACH ROW EXECUTE FUNCTION keep_asset();
      CREATE TRIGGER assets_changed AFTER UPDATE ON assets FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_asset();

      CREATE FUNCTION keep_grant() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO grants_history SELECT NEW.*;
        RETURN NULL;
      END $$;
      CREATE FUNCTION keep_new_grant() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO grants_history SELECT NEW.*;
        INSERT INTO rescoring_queue (kind, subject_id) VALUES ('grant', NEW.id);
        RETURN NULL;
      END $$;
      CREATE TRIGGER grants_created AFTER INSERT ON grants FOR EACH ROW EXECUTE FUNCTION keep_new_grant();
      CREATE TRIGGER grants_changed AFTER UPDATE ON grants FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_grant();

      CREATE FUNCTION queue_new_principal() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO rescoring_queue (kind, subject_id, department) VALUES ('principal', NEW.id, NEW.department);
        RETURN NULL;
      END $$;
      CREATE TRIGGER principals_queued AFTER INSERT ON principals FOR EACH ROW
        WHEN (NEW.type = 'user' AND NEW.department IS NOT NULL) EXECUTE FUNCTION queue_new_principal();
    `);
    await runner.query(`
      -- Fails with GW001 unless a request may go ahead at once: nobody else is answering an equal one, none was answered before, its caller is
      -- the principal that it was taken for, and this transaction began no later than a second after the instant that its rows will bear.
      -- The lock is asked for first: a look before it could miss the answer of a request that was just about to commit.
      CREATE FUNCTION admit_request(its_caller text, its_principal uuid, its_instant timestamptz, lock_space integer, lock_id integer,
        its_method text, its_path text, its_key text) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        IF its_key IS NOT NULL THEN
          IF NOT pg_try_advisory_xact_lock(lock_space, lock_id) OR EXISTS (
            SELECT FROM idempotency_keys k WHERE k.caller = its_caller AND k.method = its_method AND k.path = its_path AND k.key = its_key)
          THEN RAISE EXCEPTION 'Asked before.' USING ERRCODE = 'GW001'; END IF;
        END IF;
        IF its_caller <> 'dev' AND its_principal IS DISTINCT FROM (SELECT p.id FROM principals p WHERE p.source = 'entra' AND p.external_id = its_caller)
        THEN RAISE EXCEPTION 'Another principal.' USING ERRCODE = 'GW001'; END IF;
        IF its_instant < transaction_timestamp() - interval '1 second'
        THEN RAISE EXCEPTION 'Too late.' USING ERRCODE = 'GW001'; END IF;
      END $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION admit_request;
      DROP TRIGGER principals_queued ON principals;
      DROP TRIGGER principals_created ON principals;
      DROP TRIGGER principals_changed ON principals;
      DROP TRIGGER assets_created ON assets;
      DROP TRIGGER assets_changed ON assets;
      DROP TRIGGER grants_created ON grants;
      DROP TRIGGER grants_changed ON grants;
      DROP FUNCTION keep_principal, keep_asset, keep_grant, keep_new_grant, queue_new_principal;

      CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        EXECUTE format('INSERT INTO %I SELECT ($1).*', TG_TABLE_NAME || '_history') USING NEW;
        RETURN NULL;
      END $$;
      CREATE TRIGGER principals_created AFTER INSERT ON principals FOR EACH ROW EXECUTE FUNCTION keep_history();
      CREATE TRIGGER principals_changed AFTER UPDATE ON principals FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_history();
      CREATE TRIGGER assets_created AFTER INSERT ON assets FOR EACH ROW EXECUTE FUNCTION keep_history();
      CREATE TRIGGER assets_changed AFTER UPDATE ON assets FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_history();
      CREATE TRIGGER grants_created AFTER INSERT ON grants FOR EACH ROW EXECUTE FUNCTION keep_history();
      CREATE TRIGGER grants_changed AFTER UPDATE ON grants FOR EACH ROW
        WHEN (OLD.version <> NEW.version) EXECUTE FUNCTION keep_history();

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
    `);
  }
}
