import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The chain that the relay makes of the events, what is known of its copies, and the queue that stands in for Kafka in one process. */
export class Chain1764000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- The order in which events were written. Two events of one resource are written under the same row lock, so this is also their order;
      -- ids are not, since they come from the clocks of several processes.
      ALTER TABLE events ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
      DROP INDEX events_waiting;
      CREATE INDEX events_waiting ON events (position) WHERE sequence IS NULL;

      -- base is the last event that was pruned: the chain begins after it.
      CREATE TABLE chain_head (
        singleton     boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        sequence      bigint NOT NULL,
        hash          text NOT NULL,
        published     bigint NOT NULL,
        base_sequence bigint NOT NULL,
        base_hash     text NOT NULL
      );
      INSERT INTO chain_head (sequence, hash, published, base_sequence, base_hash) VALUES (0, repeat('0', 64), 0, 0, repeat('0', 64));

      CREATE TABLE checkpoints (
        sequence  bigint PRIMARY KEY,
        hash      text NOT NULL,
        time      timestamptz(3) NOT NULL,
        key_id    text NOT NULL,
        signature text NOT NULL
      );

      CREATE TABLE audit_keys (
        key_id     text PRIMARY KEY,
        jwk        jsonb NOT NULL,
        created_at timestamptz(3) NOT NULL,
        retired_at timestamptz(3)
      );

      -- Up to which event the audit log in ClickHouse is complete.
      CREATE TABLE audit_progress (
        singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        complete_to bigint NOT NULL
      );
      INSERT INTO audit_progress (complete_to) VALUES (0);

      CREATE TABLE messages (
        topic   text NOT NULL,
        id      bigint GENERATED ALWAYS AS IDENTITY,
        key     text,
        value   bytea,
        headers jsonb NOT NULL DEFAULT '{}',
        sent_at timestamptz(3) NOT NULL DEFAULT now(),
        PRIMARY KEY (topic, id)
      );

      CREATE TABLE consumer_offsets (
        consumer  text NOT NULL,
        topic     text NOT NULL,
        partition integer NOT NULL,
        position  bigint NOT NULL,
        PRIMARY KEY (consumer, topic, partition)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE consumer_offsets, messages, audit_progress, audit_keys, checkpoints, chain_head;
      DROP INDEX events_waiting;
      ALTER TABLE events DROP COLUMN position;
      CREATE INDEX events_waiting ON events (id) WHERE sequence IS NULL;
    `);
  }
}
