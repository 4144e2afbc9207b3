import { Kafka, logLevel } from 'kafkajs';
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import supertest from 'supertest';
import { EVENTS_TOPIC, TOPICS } from '#libs/kafka/topics.js';
import { eventually } from '../support/eventually.js';
import { factories } from '../support/factories.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { System } from '../support/system.js';
import { exportLog, type Item, offlineOpinions, verify, walk } from './export.js';
import { writeEvents } from './outbox-events.js';

const nameOf = (system: System): string => new URL(system.database.url).pathname.slice(1);

/** A backup, or a restore: a copy of a whole database under another name, with everybody cut off from both. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS "${to}" WITH (FORCE)`);
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [from]);
    await client.query(`CREATE DATABASE "${to}" TEMPLATE "${from}"`);
  } finally {
    await client.end();
  }
}

async function dropDatabase(name: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env['TEST_POSTGRES_URL'] });
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  await client.end();
}

/** Everything that was ever written to our topics, keys and headers included. */
async function everyMessage(bootstrap: string): Promise<string> {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });
  const [admin, consumer] = [kafka.admin(), kafka.consumer({ groupId: randomUUID() })];
  await Promise.all([admin.connect(), consumer.connect()]);
  const topics = TOPICS.map(({ name }) => name);
  const offsets = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  const there = offsets.flat().reduce((sum, { high }) => sum + Number(high), 0);
  const messages: string[] = [];
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message: { key, value, headers } }) => {
      messages.push(`${key?.toString()} ${value?.toString()} ${Object.values(headers ?? {}).join(' ')}`);
      return Promise.resolve();
    },
  });
  await eventually(() => messages.length >= there, 60_000);
  await Promise.all([admin.disconnect(), consumer.disconnect()]);
  return messages.join('\n');
}

/** Which tables of PostgreSQL hold the text, in a column of whatever type. */
async function tablesWith(system: System, text: string): Promise<string[]> {
  const tables = await system.sql<{ name: string }>(`SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`);
  const holding: string[] = [];
  for (const { name } of tables) {
    const [row] = await system.sql<{ rows: string }>(
      `SELECT count(*) AS rows FROM ${name} t WHERE t::text ILIKE '%' || $1 || '%' OR position(encode(convert_to($1, 'UTF8'), 'hex') IN t::text) > 0`,
      [text],
    );
    if (row!.rows !== '0') holding.push(name);
  }
  return holding;
}

async function clickhouseTablesWith(system: System, text: string): Promise<string[]> {
  const tables = await system.clickhouseRows<{ name: string }>('SELECT name FROM system.tables WHERE database = currentDatabase()');
  const holding: string[] = [];
  for (const { name } of tables) {
    const [row] = await system.clickhouseRows<{ rows: string }>(
      `SELECT count() AS rows FROM (SELECT toString(tuple(*)) AS line FROM ${name}) WHERE positionCaseInsensitive(line, '${text}') > 0`,
    );
    if (row!.rows !== '0') holding.push(name);
  }
  return holding;
}

describeWithKafka(
  'On Kafka',
  () => {
    let system: System;
    beforeAll(async () => {
      system = await System.start({ kafka: true });
    }, 180_000);
    afterAll(() => system?.close(), 60_000);

    it('an erased principal leaves no name, address or attribute in PostgreSQL, ClickHouse or Kafka, and the chain is intact', async () => {
      const http = supertest(system.url);
      const { grant, group, member } = factories(http);
      const marked = ['Zwetana Quillfeather', 'zwetana.q@example.com', 'entra-71c2f0aa', 'Cost centre of Zwetana', 'Zwetana Newname'];
      const [displayName, email, externalId, costCentre, newName] = marked as [string, string, string, string, string];
      const created = await http
        .post('/v1/principals')
        .set('Idempotency-Key', randomUUID())
        .send({ type: 'user', displayName, email, externalId, attributes: { costCentre } });
      const { id } = created.body as { id: string };
      await member((await group()).id, id);
      await grant({ principalId: id });
      expect((await http.patch(`/v1/principals/${id}`).send({ displayName: newName })).status).toBe(200);
      await system.settled();
      expect(await tablesWith(system, displayName)).not.toEqual([]);
      expect((await http.post(`/v1/principals/${id}/erase`)).status).toBe(200);
      const last = await system.settled();
      const messages = await everyMessage(system.kafka!.bootstrap);
      expect(messages).toContain(id);
      for (const text of marked) {
        expect({ text, tables: await tablesWith(system, text) }).toEqual({ text, tables: [] });
        expect({ text, tables: await clickhouseTablesWith(system, text) }).toEqual({ text, tables: [] });
        expect(messages.toLowerCase()).not.toContain(text.toLowerCase());
      }
      expect(await verify(system.url, `?to=${last}`)).toMatchObject({ intact: true, events: last });
      const events = (await walk<Item>(system.url, `/v1/audit?resourceId=${id}`)).map(({ action }) => action);
      expect(events).toEqual(['principal.erased', 'principal.updated', 'principal.created']);
    }, 120_000);

    it('made-up and broken messages go to the dead letters with their reason, and stop nothing', async () => {
      const kafka = new Kafka({ brokers: [system.kafka!.bootstrap], logLevel: logLevel.NOTHING });
      const producer = kafka.producer();
      await producer.connect();
      const last = await system.settled();
      const [genuine] = await system.sql<Record<'sequence' | 'prev_hash' | 'canonical', string>>('SELECT * FROM events WHERE sequence = 1');
      const forged = (value: string, sequence: number): { value: string; headers: Record<string, string> } => ({
        value,
        headers: {
          ce_sequence: String(sequence),
          ce_prevhash: genuine!.prev_hash,
          ce_hash: createHash('sha256').update(genuine!.prev_hash, 'hex').update(value).digest('hex'),
        },
      });
      const item = JSON.parse(genuine!.canonical) as Record<string, unknown>;
      const messages = [
        { value: 'no JSON' },
        { value: '{}' },
        forged('{}', 1),
        forged(JSON.stringify({ ...item, reason: 'made up' }), 1),
        forged(JSON.stringify({ ...item, sequence: last + 1_000, time: 'yesterday' }), last + 1_000),
        forged(JSON.stringify({ ...item, sequence: last + 1_000, id: 'nobody' }), last + 1_000),
      ];
      await producer.send({ topic: EVENTS_TOPIC, messages });
      await producer.disconnect();
      await writeEvents(system, 20);
      const after = await system.settled();
      expect(await verify(system.url, `?to=${after}`)).toMatchObject({ intact: true, events: after });
      const [worker] = system.workers;
      await eventually(async () => {
        const metrics = await (await fetch(`http://127.0.0.1:${worker!.environment['API_METRICS_PORT']}/v1/metrics`)).text();
        return metrics.includes(`dead_letters_total{topic="${EVENTS_TOPIC}"} ${messages.length}`);
      }, 30_000);
    }, 120_000);

    it('thousands of long events of one resource, which all go to one partition, pass as well', async () => {
      await writeEvents(system, 3_000, { resourceId: randomUUID(), verbosity: 200 });
      const last = await system.settled(60_000);
      expect(await verify(system.url, `?to=${last}`)).toMatchObject({ intact: true, events: last });
    }, 90_000);

    it('a PostgreSQL that was restored from an older backup: the relay refuses and says why, and goes on once the log was adopted', async () => {
      const [own, backup] = [nameOf(system), `${nameOf(system)}_backup`];
      try {
        await system.settled();
        await system.stopApps();
        const { sequence: kept } = await system.progress();
        await copyDatabase(own, backup);
        await system.startApps();
        await writeEvents(system, 1_500);
        const given = await system.settled();
        await system.stopApps();
        await copyDatabase(backup, own);
        await system.startApps();

        const [worker] = system.workers;
        const reasons = (): string[] =>
          worker!.log.filter(({ msg }) => msg === 'the relay refuses to go on').map((line) => String(line['reason']));
        await eventually(() => reasons().length > 0, 30_000);
        expect(reasons()[0]).toContain(`The chain ends at event ${kept}, but the audit log in ClickHouse holds event ${given}.`);
        expect(reasons()[0]).toContain('audit:adopt');
        expect(await worker!.metric('outbox_relay_refusing')).toBe(1);
        const { principal } = factories(supertest(system.url));
        await principal();
        expect(await system.progress()).toMatchObject({ waiting: 1, sequence: kept });

        const { code, output } = await system.audit('adopt');
        expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining(`${given - kept} event(s)`) });
        const last = await system.settled(90_000);
        expect(last).toBeGreaterThan(given);
        expect(await worker!.metric('outbox_relay_refusing')).toBe(0);
        expect(await verify(system.url, `?to=${last}`)).toMatchObject({ intact: true, events: last });
        expect(await offlineOpinions(await exportLog(system.url))).toMatchObject({ verifier: { intact: true }, twin: { intact: true } });
      } finally {
        await dropDatabase(backup);
      }
    }, 240_000);

    it('a chain that ends before a checkpoint: the relay refuses and says why', async () => {
      const { sequence } = await system.progress();
      await system.workers[0]!.stop();
      await system.sql(`INSERT INTO checkpoints SELECT $1, hash, time, key_id, signature FROM checkpoints LIMIT 1`, [sequence + 500]);
      await system.workers[0]!.start();
      const reason = `a checkpoint has signed event ${sequence + 500}`;
      await eventually(() => system.workers[0]!.log.some((line) => String(line['reason']).includes(reason)), 30_000);
      await system.sql('DELETE FROM checkpoints WHERE sequence = $1', [sequence + 500]);
    }, 60_000);
  },
  { own: true },
);
