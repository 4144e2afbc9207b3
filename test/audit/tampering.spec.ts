import { createHash, randomInt } from 'node:crypto';
import { canonicalJson, type JsonValue } from '#libs/events/chain-canonical.js';
import { generateSigningKey, parseSigningKey } from '#libs/events/chain-keys.js';
import type { BreakKind } from '#libs/events/chain-verification.js';
import { scaled } from '../support/scale.js';
import { System } from '../support/system.js';
import { getJson, type Item, verify, walk } from './export.js';
import { writeEvents } from './outbox-events.js';

/** More than two checkpoints that are due by number. */
const EVENTS = 2_345;
/** Positions of each kind of tampering, the first and the last event besides. */
const POSITIONS = scaled(200);

interface LoggedRow {
  sequence: string;
  prev_hash: string;
  hash: string;
  canonical: string;
}

let system: System;
let last: number;

beforeAll(async () => {
  system = await System.start();
  await writeEvents(system, EVENTS);
  last = await system.settled();
  await system.clickhouseCommand('CREATE TABLE genuine AS audit_events');
  await system.clickhouseCommand('INSERT INTO genuine SELECT * FROM audit_events');
}, 120_000);
afterAll(() => system?.close(), 60_000);

/** The log as `rows` makes it of the genuine one. */
async function logAs(rows: string): Promise<void> {
  await system.clickhouseCommand('TRUNCATE TABLE audit_events');
  await system.clickhouseCommand(`INSERT INTO audit_events ${rows}`);
}

async function expectBreak(sequence: number, kind: BreakKind, range = ''): Promise<void> {
  const { intact, firstBreak } = await verify(system.url, range || `?to=${last}`);
  expect({ intact, firstBreak }).toEqual({ intact: false, firstBreak: { sequence, kind } });
}

async function expectIntact(): Promise<void> {
  expect(await verify(system.url, `?to=${last}`)).toMatchObject({ intact: true, firstBreak: null, events: last });
}

const anywhere = (): number => randomInt(1, last + 1);
const positions = (): number[] => [1, last, 1_000, ...Array.from({ length: POSITIONS }, anywhere)];

async function rowOf(sequence: number): Promise<LoggedRow> {
  const rows = await system.clickhouseRows<LoggedRow>(
    `SELECT sequence, prev_hash, hash, canonical FROM genuine WHERE sequence = ${sequence}`,
  );
  return rows[0]!;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const hashOf = (prevHash: string, canonical: string): string =>
  createHash('sha256').update(prevHash, 'hex').update(canonical, 'utf8').digest('hex');

describe('Verification', () => {
  it('finds nothing wrong with a log that nobody has touched', async () => {
    await expectIntact();
    expect((await verify(system.url, '?from=1001&to=2000')).checkpointsVerified).toBeGreaterThanOrEqual(2);
  });

  it('names the event of which one byte was changed, wherever it is', async () => {
    for (const sequence of positions()) {
      const { canonical } = await rowOf(sequence);
      const at = randomInt(1, canonical.length - 1);
      const other = canonical[at] === 'x' ? 'y' : 'x';
      const changed = canonical.slice(0, at) + other + canonical.slice(at + 1);
      await logAs(`SELECT * REPLACE (if(sequence = ${sequence}, ${quoted(changed)}, canonical) AS canonical) FROM genuine`);
      await expectBreak(sequence, 'altered');
    }
  }, 300_000);

  it('does not keep the log from being read, nor the damage from being seen, where a text is no event any more', async () => {
    const sequence = last - 1;
    for (const damaged of ['{"action":', '[]', '{}']) {
      await logAs(`SELECT * REPLACE (if(sequence = ${sequence}, ${quoted(damaged)}, canonical) AS canonical) FROM genuine`);
      const items = await walk<Item & { id: string; reason: string | null }>(system.url, '/v1/audit');
      const shown = items.find((item) => item.sequence === sequence);
      expect(shown).toMatchObject({ reason: expect.stringContaining('damaged') });
      expect((await getJson<Item>(`${system.url}/v1/audit/${shown!.id}`)).sequence).toBe(sequence);
      await expectBreak(sequence, 'altered');
    }
  }, 60_000);

  it.each(['hash', 'prev_hash', 'id', 'action', 'outcome', 'actor_id', 'resource_type', 'resource_id', 'request_id'])(
    'names the event of which the column %s was changed',
    async (column) => {
      for (const sequence of [1, last, anywhere()]) {
        const other = { id: 'generateUUIDv4()', hash: `'${'0'.repeat(63)}1'`, prev_hash: `'${'f'.repeat(64)}'` }[column] ?? `'another'`;
        await logAs(`SELECT * REPLACE (if(sequence = ${sequence}, ${other}, ${column}) AS ${column}) FROM genuine`);
        await expectBreak(sequence, 'altered');
      }
    },
    60_000,
  );

  it('names the event whose time was changed, which sorts it elsewhere in the table', async () => {
    for (const sequence of [1, last, anywhere()]) {
      await logAs(`SELECT * REPLACE (if(sequence = ${sequence}, time - 86400, time) AS time) FROM genuine`);
      await expectBreak(sequence, 'altered');
    }
  }, 60_000);

  it('names the event that was changed and given a hash that fits', async () => {
    for (const sequence of positions()) {
      const { canonical, prev_hash } = await rowOf(sequence);
      const changed = canonicalJson({ ...(JSON.parse(canonical) as Record<string, JsonValue>), reason: 'Something else' });
      const hash = hashOf(prev_hash, changed);
      await logAs(
        `SELECT * REPLACE (if(sequence = ${sequence}, ${quoted(changed)}, canonical) AS canonical, if(sequence = ${sequence}, '${hash}', hash) AS hash) FROM genuine`,
      );
      await expectBreak(sequence, 'altered');
    }
  }, 300_000);

  it('names the event from which on the whole tail was written anew with hashes that fit', async () => {
    // Behind the last checkpoint, where no signature stands in the way.
    const [point] = await system.sql<{ sequence: string }>('SELECT max(sequence) AS sequence FROM checkpoints WHERE sequence < $1', [last]);
    const first = randomInt(Number(point!.sequence) + 1, last + 1);
    const rows = await system.clickhouseRows<LoggedRow>(
      `SELECT sequence, prev_hash, hash, canonical FROM genuine WHERE sequence >= ${first} ORDER BY sequence`,
    );
    const forged: string[] = [];
    let prevHash = rows[0]!.prev_hash;
    for (const row of rows) {
      const item = JSON.parse(row.canonical) as Record<string, JsonValue>;
      const canonical = canonicalJson(Number(row.sequence) === first ? { ...item, reason: 'Something else' } : item);
      const hash = hashOf(prevHash, canonical);
      forged.push(`(${row.sequence}, '${prevHash}', '${hash}', ${quoted(canonical)})`);
      prevHash = hash;
    }
    await system.clickhouseCommand(
      'CREATE TABLE forged (sequence UInt64, prev_hash String, hash String, canonical String) ENGINE = Memory',
    );
    await system.clickhouseCommand(`INSERT INTO forged VALUES ${forged.join(',')}`);
    await logAs(
      `SELECT g.* REPLACE (if(f.sequence = 0, g.prev_hash, f.prev_hash) AS prev_hash, if(f.sequence = 0, g.hash, f.hash) AS hash,
         if(f.sequence = 0, g.canonical, f.canonical) AS canonical)
       FROM genuine g LEFT JOIN forged f ON g.sequence = f.sequence`,
    );
    await expectBreak(first, 'altered');
  }, 60_000);

  it('names the event that was deleted, wherever it was', async () => {
    for (const sequence of positions()) {
      await logAs(`SELECT * FROM genuine WHERE sequence != ${sequence}`);
      await expectBreak(sequence, 'missing');
    }
  }, 300_000);

  it('names the event that was deleted by a mutation of the table', async () => {
    const sequence = anywhere();
    await logAs('SELECT * FROM genuine');
    await system.clickhouseCommand(`ALTER TABLE audit_events DELETE WHERE sequence = ${sequence}`);
    await expectBreak(sequence, 'missing');
  });

  it('names the first of two events that were swapped', async () => {
    for (const first of [1, ...Array.from({ length: POSITIONS }, () => randomInt(1, last))]) {
      const second = first === last - 1 ? last : randomInt(first + 1, last + 1);
      await logAs(
        `SELECT * REPLACE (multiIf(sequence = ${first}, ${second}, sequence = ${second}, ${first}, sequence) AS sequence) FROM genuine`,
      );
      const { firstBreak } = await verify(system.url, `?to=${last}`);
      expect(firstBreak).toEqual({ sequence: first, kind: 'reordered' });
    }
  }, 300_000);

  it('names the first event of a tail that was cut', async () => {
    for (const kept of [0, last - 1, ...Array.from({ length: POSITIONS }, () => randomInt(0, last))]) {
      await logAs(`SELECT * FROM genuine WHERE sequence <= ${kept}`);
      await expectBreak(kept + 1, 'missing');
    }
  }, 300_000);

  it('calls every event missing of a table that is gone', async () => {
    await system.clickhouseCommand('RENAME TABLE audit_events TO elsewhere');
    try {
      await expectBreak(1, 'missing');
    } finally {
      await system.clickhouseCommand('RENAME TABLE elsewhere TO audit_events');
    }
  });

  it('finds a changed event also in a range that does not begin with the first one', async () => {
    await logAs(`SELECT * REPLACE (if(sequence = 1500, replaceOne(canonical, 'r-', 'x-'), canonical) AS canonical) FROM genuine`);
    await expectBreak(1_500, 'altered', '?from=1200&to=1800');
    expect(await verify(system.url, '?from=1501&to=1800')).toMatchObject({ intact: true, events: 300 });
  });
});

describe('Verification against the checkpoints of PostgreSQL', () => {
  beforeAll(() => logAs('SELECT * FROM genuine'));

  /** Changes a checkpoint, looks, and puts it back. */
  async function withCheckpoint(sequence: number, change: string, values: unknown[], kind: BreakKind): Promise<void> {
    const [kept] = await system.sql<Record<string, unknown>>('SELECT * FROM checkpoints WHERE sequence = $1', [sequence]);
    await system.sql(change, [sequence, ...values]);
    try {
      await expectBreak(sequence, kind);
    } finally {
      await system.sql('DELETE FROM checkpoints WHERE sequence = $1', [sequence]);
      await system.sql('INSERT INTO checkpoints SELECT * FROM jsonb_populate_record(NULL::checkpoints, $1)', [JSON.stringify(kept)]);
    }
    await expectIntact();
  }

  it('names a checkpoint that was replaced by one of another key', async () => {
    const { hash } = await rowOf(1_000);
    const forger = parseSigningKey(generateSigningKey());
    const { time, keyId, signature } = forger.sign({ sequence: 1_000, hash }, new Date());
    const change = 'UPDATE checkpoints SET time = $2, key_id = $3, signature = $4 WHERE sequence = $1';
    await withCheckpoint(1_000, change, [time, keyId, signature], 'checkpoint_mismatch');
  });

  it.each([
    ['another hash', `UPDATE checkpoints SET hash = repeat('0', 64) WHERE sequence = $1`],
    ['another time', `UPDATE checkpoints SET time = time + interval '1 millisecond' WHERE sequence = $1`],
    ['another signature', `UPDATE checkpoints SET signature = translate(signature, 'abcdefgh', 'hgfedcba') WHERE sequence = $1`],
    ['another key', `UPDATE checkpoints SET key_id = 'nobody' WHERE sequence = $1`],
  ])('names a checkpoint that was given %s', async (_, change) => {
    for (const sequence of [1_000, 2_000]) await withCheckpoint(sequence, change, [], 'checkpoint_mismatch');
  });

  it('names a checkpoint that is due by number and was deleted', async () => {
    await withCheckpoint(2_000, 'DELETE FROM checkpoints WHERE sequence = $1', [], 'checkpoint_mismatch');
  });

  it('names a checkpoint that was made up with the genuine key for a hash that no event has', async () => {
    const key = parseSigningKey(system.signingKey);
    const { sequence, hash, time, keyId, signature } = key.sign({ sequence: 1_234, hash: 'a'.repeat(64) }, new Date());
    await system.sql('INSERT INTO checkpoints VALUES ($1, $2, $3, $4, $5)', [sequence, hash, time, keyId, signature]);
    await expectBreak(1_234, 'checkpoint_mismatch');
    await system.sql('DELETE FROM checkpoints WHERE sequence = $1', [sequence]);
  });
});

describe('Events that are still on their way', () => {
  beforeAll(async () => {
    await system.clickhouseCommand('TRUNCATE TABLE audit_events');
    await system.audit('rebuild');
  }, 60_000);

  it('are never called missing, neither while the sink stands still nor while the log grows', async () => {
    const worker = system.workers[0]!;
    await worker.kill();
    await writeEvents(system, 500);
    const still = await verify(system.url);
    expect(still).toMatchObject({ intact: true, to: (await system.progress()).completeTo });
    expect(await verify(system.url, '?to=1000000')).toMatchObject({ intact: true, to: still.to });
    await worker.start();
    const target = still.to + 500;
    for (let to = 0; to < target;) {
      await writeEvents(system, 200);
      const looked = await verify(system.url);
      expect(looked).toMatchObject({ intact: true, firstBreak: null, events: looked.to });
      to = looked.to;
    }
  }, 120_000);
});
