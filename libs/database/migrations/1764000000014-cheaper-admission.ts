import type { MigrationInterface, QueryRunner } from 'typeorm';

const ARGUMENTS = `its_caller text, its_principal uuid, its_instant timestamptz, lock_space integer, lock_id integer,
        its_method text, its_path text, its_key text`;

/**
 * Admission looks up its rows by an index whatever the statistics say: of a table that was empty when last analyzed PostgreSQL thinks that to read all
 * of it is cheapest, and a session keeps that plan until the table is analyzed anew, so that each write read every answer kept since. It looks for an
 * answer in a statement behind the one that takes the lock, whose snapshot has what was committed until then.
 *
 * The key of a principal's digests is written in one statement with the principal: to check that it is there took as long as to write the key.
 */
export class CheaperAdmission1764000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION admit_request(${ARGUMENTS}) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
      BEGIN
        IF NOT pg_try_advisory_xact_lock(lock_space, lock_id) THEN RAISE EXCEPTION 'In flight.' USING ERRCODE = 'GW001'; END IF;
        IF EXISTS (SELECT FROM idempotency_keys k WHERE k.caller = its_caller AND k.method = its_method AND k.path = its_path AND k.key = its_key)
          OR its_caller <> 'dev' AND its_principal IS DISTINCT FROM
            (SELECT p.id FROM principals p WHERE p.source = 'entra' AND p.external_id = its_caller)
          OR its_instant < transaction_timestamp() - interval '1 second'
        THEN RAISE EXCEPTION 'Answered before, another principal, or too late.' USING ERRCODE = 'GW001'; END IF;
      END $$;
      ALTER TABLE principal_secrets DROP CONSTRAINT principal_secrets_principal_id_fkey;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE principal_secrets ADD CONSTRAINT principal_secrets_principal_id_fkey FOREIGN KEY (principal_id) REFERENCES principals (id);
      CREATE OR REPLACE FUNCTION admit_request(${ARGUMENTS}) RETURNS void LANGUAGE plpgsql AS $$
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
}
