import { createHash } from 'node:crypto';
import { eventMessage } from './event-message.js';
import type { RawMessage } from './message.js';
import { EVENTS_TOPIC } from './topics.js';

/** How a topic is read from PostgreSQL. Positions are those of `consumer_offsets`: texts, since a bigint is more than a number can hold. */
export interface StoredTopic {
  /** `$1` is the position after which to read, `$2` how many, `$3` the topic. */
  readonly read: string;
  readonly toMessage: (row: Record<string, unknown>) => RawMessage;
  /** How many messages come after the position `$1` of the topic `$2`. */
  readonly lag: string;
}

/** The events are read from the outbox itself. The relay numbers them one transaction after the other, so none turns up behind the position. */
const OUTBOX: StoredTopic = {
  read: `SELECT sequence::text AS position, prev_hash, hash, canonical FROM events
         WHERE sequence > $1 AND $3::text IS NOT NULL ORDER BY sequence LIMIT $2`,
  toMessage: (row) => {
    const { position, prev_hash, hash, canonical } = row as Record<'position' | 'prev_hash' | 'hash' | 'canonical', string>;
    const { key, headers } = eventMessage({ sequence: position, prevHash: prev_hash, hash, canonical });
    return { key, value: canonical, headers, partition: 0, offset: position };
  },
  lag: 'SELECT coalesce(max(sequence), 0) - $1::bigint AS lag FROM events WHERE $2::text IS NOT NULL',
};

const MESSAGES: StoredTopic = {
  read: `SELECT id::text AS position, key, value, headers FROM messages WHERE topic = $3 AND id > $1 ORDER BY id LIMIT $2`,
  toMessage: (row) => {
    const { position, key, value, headers } = row as {
      position: string;
      key: string | null;
      value: Buffer | null;
      headers: Record<string, string>;
    };
    return { key, value, headers, partition: 0, offset: position };
  },
  lag: 'SELECT count(*) AS lag FROM messages WHERE topic = $2 AND id > $1',
};

export function storedTopic(topic: string): StoredTopic {
  return topic === EVENTS_TOPIC ? OUTBOX : MESSAGES;
}

/** The first of an advisory lock's two numbers: what it is for. The second is made from a name. */
export const LOCKS = { append: 7_263_511, consume: 7_263_512 } as const;

export function lockNumber(name: string): number {
  return createHash('sha256').update(name).digest().readInt32BE(0);
}
