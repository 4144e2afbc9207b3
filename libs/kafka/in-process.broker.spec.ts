import { randomUUID } from 'node:crypto';
import { eventually } from '../../test/support/eventually.js';
import { databaseWithTables, onDatabase, Taken } from '../../test/transport/grounds.js';
import { BatchServer } from './batch.server.js';
import { eventMessage } from './event-message.js';
import { InProcessBroker } from './in-process.broker.js';
import { EVENTS_TOPIC } from './topics.js';

describe('the events of the in-process twin', () => {
  it('are those of the outbox that have their place in the chain, as the message that Kafka would carry', async () => {
    const database = await databaseWithTables();
    const broker = new InProcessBroker(database.url, { pollMs: 20 });
    const taken = new Taken();
    const server = new BatchServer(broker, 'sink');
    try {
      server.addHandler(EVENTS_TOPIC, taken.take as never, true);
      server.listen(() => undefined);
      const item = {
        id: randomUUID(),
        time: '2026-01-31T00:00:00.000Z',
        action: 'grant.revoked',
        resource: { type: 'grant', id: randomUUID() },
      };
      const event = { sequence: 1, prevHash: '0'.repeat(64), hash: 'ab'.repeat(32), canonical: JSON.stringify(item) };
      await onDatabase(database.url, async (client) => {
        await client.query(`INSERT INTO events (id, time, payload) VALUES (gen_random_uuid(), now(), '{}')`);
        await client.query(
          'INSERT INTO events (id, time, payload, sequence, prev_hash, hash, canonical) VALUES ($1, $2, $6::text::jsonb, $3, $4, $5, $6::text)',
          [item.id, item.time, event.sequence, event.prevHash, event.hash, event.canonical],
        );
      });
      await broker.producer.send(EVENTS_TOPIC, [eventMessage(event)]);
      await eventually(() => taken.values.length === 1);
      const { key, value, headers } = eventMessage(event);
      expect(taken.batches.flat()[0]).toMatchObject({ key, value, headers, body: item });
      expect(headers).toMatchObject({ ce_specversion: '1.0', ce_id: item.id, ce_type: 'grant.revoked', ce_sequence: '1' });
      expect(await broker.consumerLag('sink', [EVENTS_TOPIC])).toEqual([{ topic: EVENTS_TOPIC, partition: 0, lag: 0 }]);
    } finally {
      await server.close();
      await broker.close();
      await database.drop();
    }
  });
});
