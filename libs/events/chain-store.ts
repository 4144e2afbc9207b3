import { Database } from '#libs/database/database.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import type { Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { canonicalJson, type JsonValue } from './chain-canonical.js';
import type { Checkpoint, PublicJwk, SigningKey } from './chain-keys.js';
import { eventHash } from './chain.js';

export interface ChainHead {
  sequence: number;
  hash: string;
}

export interface ChainState extends ChainHead {
  /** The last event that Kafka has. */
  published: number;
  /** The last event that was pruned; sequence 0 where none was. */
  base: ChainHead;
}

export interface SequencedRow {
  sequence: number;
  prevHash: string;
  hash: string;
  canonical: string;
}

interface Waiting {
  id: string;
  payload: Record<string, JsonValue>;
}

const CHECKPOINT = jsonRow({
  sequence: 'c.sequence',
  hash: 'c.hash',
  time: 'instant(c.time)',
  keyId: 'c.key_id',
  signature: 'c.signature',
});

/** A checkpoint is signed at each multiple of this many events, and at least every minute. */
export const CHECKPOINT_EVENTS = 1_000;
export const CHECKPOINT_INTERVAL_MS = 60_000;

/** A relay that is frozen in the middle of a transaction holds up its successor no longer than this, in milliseconds. */
const FROZEN_AFTER_MS = 3_500;

/** Thrown where another relay has moved the head: this one is no longer the one. */
export class HeadMoved extends Error {
  constructor() {
    super('Another relay has moved the head of the chain.');
  }
}

/** The chain of events in PostgreSQL. */
@Injectable()
export class ChainStore {
  constructor(private readonly database: Database) {}

  async state(): Promise<ChainState> {
    const [row] = await this.database.rows<Record<'sequence' | 'hash' | 'published' | 'base_sequence' | 'base_hash', string>>(
      sql`SELECT sequence, hash, published, base_sequence, base_hash FROM chain_head`,
    );
    if (!row) throw new Error('The chain has no head.');
    return {
      sequence: Number(row.sequence),
      hash: row.hash,
      published: Number(row.published),
      base: { sequence: Number(row.base_sequence), hash: row.base_hash },
    };
  }

  /**
   * Gives the next events that have been committed their place in the chain, up to the next checkpoint that is due by number, and signs that
   * one in the same transaction. Answers the new head and how many events there were.
   *
   * Events become visible when they commit, in any order; each gets the next free number whenever that is, so none is ever skipped.
   *
   * @throws HeadMoved where the head is no longer the one this transaction began with: nothing is written then
   */
  async extend(key: SigningKey, now: Date): Promise<{ head: ChainHead; events: number }> {
    return this.database.bookkeeping(async (rows) => {
      await rows(sql`SELECT set_config('idle_in_transaction_session_timeout', ${String(FROZEN_AFTER_MS)}, true)`);
      const [current] = await rows<{ sequence: string; hash: string }>(sql`SELECT sequence, hash FROM chain_head`);
      if (!current) throw new Error('The chain has no head.');
      const from: ChainHead = { sequence: Number(current.sequence), hash: current.hash };
      const room = CHECKPOINT_EVENTS - (from.sequence % CHECKPOINT_EVENTS);
      const waiting = await rows<Waiting>(sql`SELECT id, payload FROM events WHERE sequence IS NULL ORDER BY position LIMIT ${room}`);
      if (waiting.length === 0) return { head: from, events: 0 };
      const linked = link(from, waiting);
      const last = linked.at(-1) as SequencedRow;
      const head: ChainHead = { sequence: last.sequence, hash: last.hash };
      const placed = await rows(
        sql`UPDATE events e SET sequence = n.sequence, prev_hash = n.prev_hash, hash = n.hash, canonical = n.canonical
          FROM unnest(${waiting.map(({ id }) => id)}::uuid[], ${linked.map(({ sequence }) => sequence)}::bigint[],
            ${linked.map(({ prevHash }) => prevHash)}::text[], ${linked.map(({ hash }) => hash)}::text[],
            ${linked.map(({ canonical }) => canonical)}::text[]) AS n (id, sequence, prev_hash, hash, canonical)
          WHERE e.id = n.id AND e.sequence IS NULL RETURNING e.id`,
      );
      const moved = await rows(
        sql`UPDATE chain_head SET sequence = ${head.sequence}, hash = ${head.hash}
          WHERE sequence = ${from.sequence} AND hash = ${from.hash} RETURNING sequence`,
      );
      if (placed.length !== waiting.length || moved.length !== 1) throw new HeadMoved();
      if (head.sequence % CHECKPOINT_EVENTS === 0) await rows(insertCheckpoint(key.sign(head, now)));
      return { head, events: waiting.length };
    });
  }

  /** Signs the head, where it has no checkpoint yet. */
  async checkpoint(key: SigningKey, now: Date): Promise<void> {
    const { sequence, hash } = await this.state();
    if (sequence > 0) await this.database.rows(insertCheckpoint(key.sign({ sequence, hash }, now)));
  }

  /** The sequence of the last checkpoint; 0 where there is none. */
  async lastCheckpoint(): Promise<number> {
    const [row] = await this.database.rows<{ sequence: string | null }>(sql`SELECT max(sequence) AS sequence FROM checkpoints`);
    return Number(row?.sequence ?? 0);
  }

  /** Checkpoints of a range, by sequence. */
  async checkpoints(from: number, to: number, limit: number): Promise<Checkpoint[]> {
    const rows = await this.database.rows<{ sequence: string; hash: string; time: Date; keyId: string; signature: string }>(
      sql`SELECT sequence, hash, time, key_id AS "keyId", signature FROM checkpoints
        WHERE sequence BETWEEN ${from} AND ${to} ORDER BY sequence LIMIT ${limit}`,
    );
    return rows.map((row) => ({ ...row, sequence: Number(row.sequence), time: row.time.toISOString() }));
  }

  /** A page of all checkpoints, by sequence. */
  checkpointPage(keyset: Keyset, request: PageRequest): Promise<Page> {
    return keyset.page(
      {
        list: 'checkpoints',
        item: CHECKPOINT,
        from: sql`checkpoints c`,
        where: [],
        sort: { columns: [{ expression: 'c.sequence', type: 'int8' }] },
        binding: {},
      },
      request,
    );
  }

  /** Every key that checkpoints were ever signed with, the one in use last. */
  async keys(): Promise<PublicJwk[]> {
    const rows = await this.database.rows<{ jwk: PublicJwk }>(sql`SELECT jwk FROM audit_keys ORDER BY created_at, key_id`);
    return rows.map(({ jwk }) => jwk);
  }

  /** Makes the public half of the key known before anything is signed with it, and notes which keys it retires. */
  async registerKey(key: SigningKey, now: Date): Promise<void> {
    await this.database.rows(
      sql`WITH retired AS (UPDATE audit_keys SET retired_at = ${now} WHERE key_id <> ${key.keyId} AND retired_at IS NULL)
        INSERT INTO audit_keys (key_id, jwk, created_at) VALUES (${key.keyId}, ${JSON.stringify(key.jwk)}, ${now})
        ON CONFLICT (key_id) DO UPDATE SET retired_at = NULL`,
    );
  }

  /** Events in their order, after a sequence. */
  async eventsAfter(sequence: number, limit: number): Promise<SequencedRow[]> {
    const rows = await this.database.rows<{ sequence: string; prevHash: string; hash: string; canonical: string }>(
      sql`SELECT sequence, prev_hash AS "prevHash", hash, canonical FROM events WHERE sequence > ${sequence} ORDER BY sequence LIMIT ${limit}`,
    );
    return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
  }

  /** The hashes of these events, by sequence; of those that PostgreSQL does not have, none. */
  async hashesOf(sequences: readonly number[]): Promise<Map<number, string>> {
    const rows = await this.database.rows<{ sequence: string; hash: string }>(
      sql`SELECT sequence, hash FROM events WHERE sequence = ANY (${sequences}::bigint[])`,
    );
    return new Map(rows.map(({ sequence, hash }) => [Number(sequence), hash]));
  }

  async setPublished(sequence: number): Promise<void> {
    await this.database.rows(sql`UPDATE chain_head SET published = ${sequence} WHERE published < ${sequence}`);
  }

  /** Up to which event the audit log is complete. */
  async completeTo(): Promise<number> {
    const [row] = await this.database.rows<{ sequence: string }>(sql`SELECT complete_to AS sequence FROM audit_progress`);
    return Number(row?.sequence ?? 0);
  }

  async setCompleteTo(sequence: number): Promise<void> {
    await this.database.rows(sql`UPDATE audit_progress SET complete_to = ${sequence} WHERE complete_to < ${sequence}`);
  }

  /** How many events wait for their place, and how long the oldest has, in seconds. */
  async waiting(): Promise<{ events: number; oldestSeconds: number }> {
    const [row] = await this.database.rows<{ events: string; oldest: string | null }>(
      sql`SELECT count(*) AS events, extract(epoch FROM now() - min(time)) AS oldest FROM events WHERE sequence IS NULL`,
    );
    return { events: Number(row?.events ?? 0), oldestSeconds: Math.max(0, Number(row?.oldest ?? 0)) };
  }
}

/** Keeps a checkpoint; one that is there already stays as it is. */
export function insertCheckpoint({ sequence, hash, time, keyId, signature }: Checkpoint): ReturnType<typeof sql> {
  return sql`INSERT INTO checkpoints (sequence, hash, time, key_id, signature) VALUES (${sequence}, ${hash}, ${time}, ${keyId}, ${signature})
    ON CONFLICT (sequence) DO NOTHING`;
}

function link(from: ChainHead, waiting: readonly Waiting[]): SequencedRow[] {
  let { sequence, hash } = from;
  return waiting.map(({ payload }) => {
    const prevHash = hash;
    sequence += 1;
    const canonical = canonicalJson({ ...payload, sequence });
    hash = eventHash(prevHash, canonical);
    return { sequence, prevHash, hash, canonical };
  });
}
