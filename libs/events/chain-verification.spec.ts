import fc from 'fast-check';
import { chain, type TestChain } from '../../test/audit/chain-factory.js';
import { canonicalJson, type JsonValue } from './chain-canonical.js';
import { eventHash, GENESIS_HASH } from './chain.js';
import { KeySet } from './chain-keys.js';
import { verifyChain, type BreakKind, type ChainRow } from './chain-verification.js';

const LENGTH = 30;
const genuine = chain(LENGTH);
const anEvent = fc.integer({ min: 1, max: LENGTH });

function copy(): TestChain {
  return { ...genuine, rows: genuine.rows.map((row) => ({ ...row })), checkpoints: genuine.checkpoints.map((point) => ({ ...point })) };
}

/** As the store hands them out: by their sequence column. */
function verify({ rows, checkpoints, key }: TestChain, from = 1, to: number | null = LENGTH) {
  const sorted = rows.filter((row) => row.sequence >= from && (to === null || row.sequence <= to)).sort((a, b) => a.sequence - b.sequence);
  return verifyChain(sorted, checkpoints, new KeySet([key.jwk]), { from, to, prevHash: from === 1 ? GENESIS_HASH : undefined });
}

function row(of: TestChain, sequence: number): ChainRow {
  const found = of.rows[sequence - 1];
  if (!found) throw new Error(`There is no event ${sequence}.`);
  return found;
}

async function expectBreak(of: TestChain, sequence: number, kind: BreakKind): Promise<void> {
  const answer = await verify(of);
  expect(answer).toMatchObject({ intact: false, firstBreak: { sequence, kind } });
}

describe('a chain that nobody touched', () => {
  it('is intact, with every checkpoint in its range verified', async () => {
    expect(await verify(copy())).toEqual({
      from: 1,
      to: 30,
      events: 30,
      intact: true,
      firstBreak: null,
      checkpointsVerified: 3,
      head: { sequence: 30, hash: row(genuine, 30).hash },
    });
  });

  it('is intact in every range, the checkpoint just before the range being held against its first event', async () => {
    await fc.assert(
      fc.asyncProperty(anEvent, anEvent, async (one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const inRange = genuine.checkpoints.filter(({ sequence }) => sequence >= from - 1 && sequence <= to).length;
        expect(await verify(copy(), from, to)).toMatchObject({ intact: true, events: to - from + 1, checkpointsVerified: inRange });
      }),
    );
  });

  it('is intact where it has no event yet', async () => {
    expect(await verifyChain([], [], new KeySet([]), { from: 1, to: 0 })).toMatchObject({ intact: true, events: 0, head: null, to: 0 });
  });
});

describe('one byte of one event changed', () => {
  const field = fc.constantFrom('canonical', 'hash', 'prevHash');

  it('is found in its text and in its hashes, wherever the byte is', async () => {
    await fc.assert(
      fc.asyncProperty(anEvent, field, fc.nat(), fc.constantFrom('0', '1', 'x', '"', '}', ' '), async (sequence, name, at, character) => {
        const of = copy();
        const target = row(of, sequence) as unknown as Record<'canonical' | 'hash' | 'prevHash', string>;
        const text = target[name as 'canonical'];
        const place = at % text.length;
        fc.pre(text[place] !== character);
        target[name as 'canonical'] = text.slice(0, place) + character + text.slice(place + 1);
        await expectBreak(of, sequence, 'altered');
      }),
      { numRuns: 500 },
    );
  });

  it('is found in a column that only serves to filter', async () => {
    const of = copy();
    row(of, 7).columns = { ...row(of, 7).columns, 'actor.id': 'dex' };
    await expectBreak(of, 7, 'altered');
  });

  it('is found in its sequence column, whether the number was raised or lowered, taken already or not', async () => {
    await fc.assert(
      fc.asyncProperty(anEvent, fc.integer({ min: 1, max: LENGTH }), async (sequence, claimed) => {
        fc.pre(sequence !== claimed);
        const of = copy();
        row(of, sequence).sequence = claimed;
        await expectBreak(of, sequence, 'altered');
      }),
    );
  });

  it('is found where its hash was recomputed, and named as the event that was changed', async () => {
    const of = copy();
    const target = row(of, 12);
    target.canonical = target.canonical.replace('Left', 'Lost');
    target.hash = eventHash(target.prevHash, target.canonical);
    await expectBreak(of, 12, 'altered');
  });
});

it('an event deleted is missing, and so are several', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(anEvent, { minLength: 1, maxLength: 5 }), async (deleted) => {
      const of = copy();
      of.rows = of.rows.filter(({ sequence }) => !deleted.includes(sequence));
      await expectBreak(of, Math.min(...deleted), 'missing');
    }),
  );
});

it('an event deleted is missing also where the later ones were numbered anew', async () => {
  const of = copy();
  of.rows = of.rows
    .filter(({ sequence }) => sequence !== 9)
    .map((each) => (each.sequence > 9 ? { ...each, sequence: each.sequence - 1 } : each));
  await expectBreak(of, 9, 'missing');
});

it('a tail cut off is missing from its first event on', async () => {
  const of = copy();
  of.rows = of.rows.slice(0, 25);
  await expectBreak(of, 26, 'missing');
});

describe('two events swapped', () => {
  const parts: [string, (keyof ChainRow)[]][] = [
    ['their sequences', ['sequence']],
    ['all but their sequences', ['prevHash', 'hash', 'canonical', 'columns']],
    ['their texts and hashes', ['hash', 'canonical', 'columns']],
    ['their texts', ['canonical', 'columns']],
  ];
  it.each(parts)('are reordered at the first of the two: %s exchanged', async (_, names) => {
    await fc.assert(
      fc.asyncProperty(anEvent, anEvent, async (one, other) => {
        fc.pre(one !== other);
        const of = copy();
        const [a, b] = [row(of, one), row(of, other)];
        const kept = { ...a };
        for (const name of names) Object.assign(a, { [name]: b[name] });
        for (const name of names) Object.assign(b, { [name]: kept[name] });
        await expectBreak(of, Math.min(one, other), 'reordered');
      }),
    );
  });

  it('are reordered where they come in the wrong order, as in a file', async () => {
    const rows = [...genuine.rows];
    [rows[4], rows[17]] = [row(genuine, 18), row(genuine, 5)];
    const answer = await verifyChain(rows, [], new KeySet([]), { from: 1, to: null });
    expect(answer.firstBreak).toEqual({ sequence: 5, kind: 'reordered' });
  });

  it('an event that comes twice is out of its order', async () => {
    const rows = [...genuine.rows.slice(0, 8), row(genuine, 6), ...genuine.rows.slice(8)];
    const answer = await verifyChain(rows, [], new KeySet([]), { from: 1, to: null });
    expect(answer.firstBreak).toEqual({ sequence: 6, kind: 'reordered' });
  });
});

it('a copy of an event that differs from it is altered, whichever of the two comes first, and wherever the difference is', async () => {
  const copies: Partial<ChainRow>[] = [
    { canonical: row(genuine, 8).canonical.replace('revoked', 'granted') },
    { hash: row(genuine, 9).hash },
    { columns: { ...row(genuine, 8).columns, action: 'grant.created' } },
  ];
  const forged = { canonical: row(genuine, 8).canonical.replace('revoked', 'granted'), hash: '' };
  forged.hash = eventHash(row(genuine, 8).prevHash, forged.canonical);
  for (const change of [...copies, forged]) {
    const altered = { ...row(genuine, 8), ...change };
    for (const pair of [
      [row(genuine, 8), altered],
      [altered, row(genuine, 8)],
    ]) {
      const rows = [...genuine.rows.slice(0, 7), ...pair, ...genuine.rows.slice(8)];
      const answer = await verifyChain(rows, [], new KeySet([]), { from: 1, to: null });
      expect(answer.firstBreak).toEqual({ sequence: 8, kind: 'altered' });
    }
  }
});

describe('a checkpoint', () => {
  it('that must be there and is not is a mismatch at its sequence', async () => {
    const of = copy();
    const range = { from: 5, to: LENGTH, checkpointEvery: 10 };
    const keys = new KeySet([of.key.jwk]);
    expect((await verifyChain(of.rows.slice(4), of.checkpoints, keys, range)).intact).toBe(true);
    of.checkpoints.splice(1, 1);
    expect((await verifyChain(of.rows.slice(4), of.checkpoints, keys, range)).firstBreak).toEqual({
      sequence: 20,
      kind: 'checkpoint_mismatch',
    });
    expect((await verify(of)).intact).toBe(true);
  });

  it.each([
    ['its hash', { hash: 'ab'.repeat(32) }],
    ['its time', { time: '2030-01-01T00:00:00.000Z' }],
    ['its key', { keyId: 'somebody' }],
    ['its signature', { signature: genuine.checkpoints[0]?.signature ?? '' }],
  ])('replaced in %s is a mismatch at its sequence', async (_, change) => {
    const of = copy();
    Object.assign(of.checkpoints[1] ?? {}, change);
    await expectBreak(of, 20, 'checkpoint_mismatch');
  });

  it('signed anew with another key is a mismatch at its sequence', async () => {
    const of = copy();
    const forged = chain(1).key.sign({ sequence: 20, hash: row(of, 20).hash }, new Date());
    of.checkpoints[1] = { ...forged, keyId: of.key.keyId };
    await expectBreak(of, 20, 'checkpoint_mismatch');
  });

  it('gives away a chain that was written anew from an event on, hashes and all', async () => {
    const of = copy();
    let prevHash = row(of, 13).hash;
    for (const each of of.rows.slice(13)) {
      each.canonical = canonicalJson({ ...(JSON.parse(each.canonical) as Record<string, JsonValue>), reason: 'Forged' });
      each.prevHash = prevHash;
      each.hash = prevHash = eventHash(prevHash, each.canonical);
    }
    await expectBreak(of, 20, 'checkpoint_mismatch');
  });

  it('just before the range holds its first event', async () => {
    const of = copy();
    of.checkpoints[0] = of.key.sign({ sequence: 10, hash: 'cd'.repeat(32) }, new Date());
    expect((await verify(of, 11, 20)).firstBreak).toEqual({ sequence: 10, kind: 'checkpoint_mismatch' });
    expect((await verify(of, 12, 20)).intact).toBe(true);
  });
});

it('of a break found before a bad checkpoint the earlier one is named', async () => {
  const of = copy();
  of.rows = of.rows.filter(({ sequence }) => sequence !== 15);
  Object.assign(of.checkpoints[1] ?? {}, { hash: GENESIS_HASH });
  await expectBreak(of, 15, 'missing');
});

it('verification holds one row at a time, and lets go of its sources when it stops early', async () => {
  const closed: string[] = [];
  async function* endless() {
    try {
      for (;;) yield await Promise.resolve({ ...row(genuine, 1), hash: GENESIS_HASH });
    } finally {
      closed.push('rows');
    }
  }
  async function* points() {
    try {
      for (const point of genuine.checkpoints) yield await Promise.resolve(point);
    } finally {
      closed.push('checkpoints');
    }
  }
  const source = points();
  await source.next();
  const answer = await verifyChain(endless(), source, new KeySet([]), { from: 1, to: null });
  expect(answer.firstBreak).toEqual({ sequence: 1, kind: 'altered' });
  expect(closed.sort()).toEqual(['checkpoints', 'rows']);
});
