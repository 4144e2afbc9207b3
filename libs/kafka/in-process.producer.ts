import type { Pool } from 'pg';
import { LOCKS, lockNumber } from './in-process.topics.js';
import type { MessageProducer, OutboundMessage } from './message.js';
import { EVENTS_TOPIC } from './topics.js';

/** Keeps messages in PostgreSQL, where the sources of the twin find them. */
export class InProcessProducer implements MessageProducer {
  constructor(private readonly pool: Pool) {}

  /** @throws what PostgreSQL throws; nothing of the messages is kept then, unless it was the answer to the commit that was lost */
  async send(topic: string, messages: readonly OutboundMessage[]): Promise<void> {
    // An event with a sequence is read from the outbox, which had it before the relay came to send it.
    if (messages.length === 0 || topic === EVENTS_TOPIC) return;
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('BEGIN');
      // One after the other: a row that becomes visible after one with a higher id would be passed over by every reader.
      await client.query('SELECT pg_advisory_xact_lock($1, $2)', [LOCKS.append, lockNumber(topic)]);
      await client.query(
        `INSERT INTO messages (topic, key, value, headers)
         SELECT $1, sent.key, sent.value, sent.headers::jsonb
         FROM unnest($2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY AS sent (key, value, headers, place) ORDER BY sent.place`,
        [topic, messages.map(({ key }) => key), messages.map(bytes), messages.map(({ headers }) => JSON.stringify(headers ?? {}))],
      );
      await client.query('COMMIT');
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      // A connection that failed is closed rather than handed on, and takes the transaction with it.
      client.release(failure);
    }
  }
}

function bytes({ value }: OutboundMessage): Buffer | null {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}
