import { parseSigningKey } from '#libs/events/chain-keys.js';
import { eventually } from '../support/eventually.js';
import { System } from '../support/system.js';
import { exportLog, offlineOpinions, verify } from './export.js';
import { writeEvents } from './outbox-events.js';

const DAY_MS = 86_400_000;

let system: System;
beforeAll(async () => {
  system = await System.start({ environment: { API_EVENT_RETENTION_DAYS: '30' } });
}, 120_000);
afterAll(() => system?.close(), 60_000);

/** Lets the checkpoint of an event be one that was signed some days ago. */
async function backdateCheckpoint(sequence: number, days: number): Promise<void> {
  const [event] = await system.sql<{ hash: string }>('SELECT hash FROM events WHERE sequence = $1', [sequence]);
  const { hash, time, keyId, signature } = parseSigningKey(system.signingKey).sign(
    { sequence, hash: event!.hash },
    new Date(Date.now() - days * DAY_MS),
  );
  await system.sql('DELETE FROM checkpoints WHERE sequence = $1', [sequence]);
  await system.sql('INSERT INTO checkpoints VALUES ($1, $2, $3, $4, $5)', [sequence, hash, time, keyId, signature]);
}

interface Remains {
  oldest: string;
  base: string;
  checkpoint: string;
}

async function remains(): Promise<Remains> {
  const [row] = await system.sql<Remains>(
    `SELECT (SELECT min(sequence) FROM events) AS oldest, base_sequence AS base, (SELECT min(sequence) FROM checkpoints) AS checkpoint FROM chain_head`,
  );
  return row!;
}

describe('Events past their retention', () => {
  it('are pruned up to a checkpoint, in PostgreSQL and ClickHouse alike, and the chain verifies from that base on', async () => {
    await writeEvents(system, 2_500, { daysAgo: 40 });
    await writeEvents(system, 700);
    await system.settled();
    const worker = system.workers[0]!;
    await worker.stop();
    for (const [sequence, days] of [
      [1_000, 35],
      [2_000, 32],
      [3_000, 0],
    ] as const)
      await backdateCheckpoint(sequence, days);
    await worker.start();

    await eventually(async () => (await remains()).oldest === '2001', 30_000);
    expect(await remains()).toEqual({ oldest: '2001', base: '2000', checkpoint: '2000' });
    await eventually(async () => {
      const [row] = await system.clickhouseRows<{ oldest: string }>('SELECT min(sequence) AS oldest FROM audit_events');
      return row!.oldest === '2001';
    }, 30_000);

    const last = await system.settled();
    const verified = await verify(system.url, `?from=1&to=${last}`);
    expect(verified).toMatchObject({ from: 2_001, to: last, events: last - 2_000, intact: true });
    expect(verified.checkpointsVerified).toBeGreaterThanOrEqual(2);
    const log = await exportLog(system.url);
    expect(log.items[0]?.sequence).toBe(2_001);
    expect(await offlineOpinions(log)).toMatchObject({ verifier: { intact: true }, twin: { intact: true } });
  }, 120_000);

  it('are not missed by a rebuild, which begins at the base', async () => {
    await system.clickhouseCommand('TRUNCATE TABLE audit_events');
    const { code, output } = await system.audit('rebuild');
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('"intact":true') });
    expect(await verify(system.url)).toMatchObject({ from: 2_001, intact: true });
  }, 60_000);

  it('leave a base that cannot be moved unseen', async () => {
    await system.sql(`UPDATE chain_head SET base_hash = repeat('a', 64)`);
    expect((await verify(system.url)).intact).toBe(false);
    await system.sql(`UPDATE chain_head SET base_hash = (SELECT prev_hash FROM events WHERE sequence = base_sequence + 1)`);
    expect((await verify(system.url)).intact).toBe(true);
  });
});

describe('Answers kept for repeated requests', () => {
  it('are forgotten after a day, and not before', async () => {
    const keep = async (key: string, hours: number): Promise<unknown> =>
      system.sql(`INSERT INTO idempotency_keys VALUES ('dev', 'POST', '/v1/principals', $1, 'x', '{}', now() - $2 * interval '1 hour')`, [
        key,
        hours,
      ]);
    await keep('of yesterday', 25);
    await keep('of today', 23);
    await system.workers[0]!.restart();
    const keys = async (): Promise<string[]> =>
      (await system.sql<{ key: string }>('SELECT key FROM idempotency_keys')).map(({ key }) => key);
    await eventually(async () => !(await keys()).includes('of yesterday'), 30_000);
    expect(await keys()).toContain('of today');
  }, 60_000);
});
