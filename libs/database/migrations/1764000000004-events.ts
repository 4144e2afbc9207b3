import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The outbox of events, the answers kept for repeated requests, and the secret of this installation. */
export class Events1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- One row an event, written in the transaction of its change. The relay fills in the last four columns, once, in sequence.
      CREATE TABLE events (
        id        uuid PRIMARY KEY,
        time      timestamptz(3) NOT NULL,
        payload   jsonb NOT NULL,
        sequence  bigint CONSTRAINT events_sequence_unique UNIQUE,
        prev_hash text,
        hash      text,
        canonical text
      );
      CREATE INDEX events_waiting ON events (id) WHERE sequence IS NULL;

      CREATE TABLE idempotency_keys (
        caller     text NOT NULL,
        method     text NOT NULL,
        path       text NOT NULL,
        key        text NOT NULL,
        body_hash  bytea NOT NULL,
        response   text NOT NULL,
        created_at timestamptz(3) NOT NULL,
        CONSTRAINT idempotency_keys_unique PRIMARY KEY (caller, method, path, key)
      );
      CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

      -- One row: what every replica of this installation must share.
      CREATE TABLE installation (
        singleton     boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        cursor_secret bytea NOT NULL
      );
      INSERT INTO installation (cursor_secret)
        VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE installation, idempotency_keys, events');
  }
}
