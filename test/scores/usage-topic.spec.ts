import pg from 'pg';
import { InProcessBroker } from '#libs/kafka/in-process.broker.js';
import { deadLetterTopic, USAGE_TOPIC } from '#libs/kafka/topics.js';
import { eventually } from '../support/eventually.js';
import { daysAgo, type ScoresGround, startScoresGround } from './scores-ground.js';

describe('the topic governance.usage', () => {
  let ground: ScoresGround;
  let broker: InProcessBroker;

  beforeAll(async () => {
    ground = await startScoresGround();
    broker = new InProcessBroker(ground.gateway.database.url);
  }, 60_000);
  afterAll(async () => {
    await broker.close();
    await ground.close();
  });

  it('takes from a connector what the API takes from a client, by the ids of its source', async () => {
    const asset = await ground.make.asset({ source: 'manual', externalId: 'topic/1', usageTrackedSince: daysAgo(900) });
    const principal = await ground.make.principal({ source: 'entra', externalId: 'topic-person' });
    const grant = await ground.make.grant({ assetId: asset.id, principalId: principal.id, grantedAt: daysAgo(200) });
    const named = { principalSource: 'entra', principalExternalId: 'topic-person', assetSource: 'manual', assetExternalId: 'topic/1' };
    const event = { sender: 'connector-1', eventId: 't1', ...named, usedAt: daysAgo(0) };
    await broker.producer.send(USAGE_TOPIC, [{ key: 'topic/1', value: JSON.stringify(event) }]);
    await eventually(async () => ((await ground.http.get(`/v1/scores/${grant.id}`)).body as { band?: string }).band === 'active');
  });

  it('puts what is no event, or of nothing that there is, on the dead-letter topic with the reason, and goes on', async () => {
    const { id } = await ground.make.grant({ grantedAt: daysAgo(200) });
    const usedAt = daysAgo(1);
    const events = [
      { sender: 'c', eventId: 'no-time', grantId: id },
      { sender: 'c', eventId: 'nothing', grantId: '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10', usedAt },
      { sender: 'c', eventId: 'good', grantId: id, usedAt },
    ];
    await broker.producer.send(
      USAGE_TOPIC,
      events.map((event) => ({ key: id, value: JSON.stringify(event) })),
    );
    await eventually(async () => ((await ground.http.get(`/v1/grants/${id}`)).body as { lastUsedAt: string | null }).lastUsedAt === usedAt);
    const client = new pg.Client({ connectionString: ground.gateway.database.url });
    await client.connect();
    const { rows } = await client.query<{ reason: string }>(
      `SELECT headers ->> 'dlq-reason' AS reason FROM messages WHERE topic = $1 ORDER BY id`,
      [deadLetterTopic(USAGE_TOPIC)],
    );
    await client.end();
    expect(rows.map(({ reason }) => reason)).toEqual(['usedAt is required', 'names a grant that does not exist']);
  });

  it('counts an event once, also where its repetition says something else', async () => {
    const { id } = await ground.make.grant({ grantedAt: daysAgo(200) });
    const [first, again] = [daysAgo(5), daysAgo(1)];
    const event = { sender: 'c', eventId: 'twice', grantId: id };
    const last = { sender: 'c', eventId: 'after', grantId: id, usedAt: daysAgo(9) };
    for (const sent of [{ ...event, usedAt: first }, { ...event, usedAt: again }, last]) {
      await broker.producer.send(USAGE_TOPIC, [{ key: id, value: JSON.stringify(sent) }]);
    }
    const client = new pg.Client({ connectionString: ground.gateway.database.url });
    await client.connect();
    await eventually(async () => {
      const { rows } = await client.query<{ days: number }>('SELECT cardinality(usage_days) AS days FROM grant_usage WHERE grant_id = $1', [
        id,
      ]);
      return rows[0]?.days === 2;
    });
    await client.end();
    expect((await ground.http.get(`/v1/grants/${id}`)).body).toMatchObject({ lastUsedAt: first });
  });
});
