import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '#libs/events/chain-canonical.js';
import { eventHash } from '#libs/events/chain.js';
import { generateSigningKey, parseSigningKey, type PublicJwk } from '#libs/events/chain-keys.js';
import { chain, type AuditItem, type TestChain } from './chain-factory.js';

const VERIFIER = fileURLToPath(new URL('../../dist/libs/audit-verifier/audit-verifier.js', import.meta.url));
const TWIN = fileURLToPath(new URL('./verify.py', import.meta.url));

const genuine = chain(30);
const retired = parseSigningKey(generateSigningKey()).jwk;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-verifier-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  code: number;
  output: string;
}

function run(command: string, args: string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(command, args, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, output: `${stdout}${stderr}` });
    });
  });
}

let files = 0;
async function file(content: string | Buffer): Promise<string> {
  const path = join(folder, `${++files}.json`);
  await writeFile(path, content);
  return path;
}

interface Log {
  lines: (object | string)[];
  keys?: PublicJwk[];
  apart?: unknown;
  options?: string[];
}

async function check({ lines, keys = [retired, genuine.key.jwk], apart, options = [] }: Log): Promise<Answer> {
  const log = await file(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n') + '\n');
  const set = await file(JSON.stringify({ keys }));
  const more = apart === undefined ? [] : [await file(JSON.stringify(apart))];
  return run(process.execPath, [VERIFIER, log, set, ...more, ...options]);
}

/** The log as an auditor may have it: events, and the checkpoints at the end. */
function whole({ items, checkpoints }: TestChain): object[] {
  return [...items, ...checkpoints];
}

function item(sequence: number): AuditItem {
  const found = genuine.items[sequence - 1];
  if (!found) throw new Error(`There is no event ${sequence}.`);
  return found;
}

function replaced(sequence: number, by: object | string | null): (object | string)[] {
  return whole(genuine).flatMap((line) => (line === item(sequence) ? (by === null ? [] : [by]) : [line]));
}

describe('the offline verifier', () => {
  it('depends on nothing but Node', async () => {
    const source = await readFile(VERIFIER, 'utf8');
    const imports = [...source.matchAll(/\bfrom\s*['"]([^'"]+)['"]|\bimport\(/g)].map((match) => match[1] ?? 'import()');
    expect(imports.filter((name) => !name.startsWith('node:'))).toEqual([]);
  });

  it('says that a genuine log is intact, how far, and what its head is', async () => {
    const answer = await check({ lines: whole(genuine) });
    expect(answer).toEqual({ code: 0, output: `INTACT from 1 to 30: 3 checkpoints verified, head ${item(30).hash}\n` });
  });

  it('takes a log that begins with the newest event, as the API lists it', async () => {
    expect(await check({ lines: whole(genuine).reverse() })).toMatchObject({ code: 0 });
  });

  it('leaves aside the display names, other lines and empty ones', async () => {
    const lines = [
      { kind: 'audit_extract', rows: 30 },
      '',
      ...whole(genuine).map((line) => ({ ...line, display: { actorName: 'Somebody else' } })),
    ];
    expect(await check({ lines })).toMatchObject({ code: 0 });
  });

  it('takes the checkpoints from a file of their own, and says how many are newer than the log', async () => {
    const answer = await check({ lines: genuine.items.slice(0, 25), apart: { items: genuine.checkpoints, nextCursor: null } });
    expect(answer.code).toBe(0);
    expect(answer.output).toContain('2 checkpoints verified');
    expect(answer.output).toContain('Signatures cover the events up to 20');
    expect(answer.output).toContain('1 checkpoints lie beyond the end of this log');
  });

  it('checks a part of the chain by itself', async () => {
    const answer = await check({ lines: whole(genuine).slice(10) });
    expect(answer).toMatchObject({ code: 0, output: expect.stringContaining('INTACT from 11 to 30: 3 checkpoints verified') as string });
  });

  it('warns where no signature covers the log', async () => {
    expect((await check({ lines: genuine.items })).output).toContain('No signature covers this log');
  });
});

const forgedHash = (() => {
  const { prevHash, hash: _hash, display: _display, ...event } = { ...item(12), reason: 'Lost' };
  return { ...event, prevHash, hash: eventHash(prevHash, canonicalJson(event)) };
})();

const point = genuine.checkpoints[1]!;
const tampered: [string, (object | string)[], string][] = [
  ['a value changed', replaced(12, { ...item(12), reason: 'Left the tean' }), '12: altered'],
  ['a member added', replaced(12, { ...item(12), note: '' }), '12: altered'],
  ['a member given twice', replaced(12, JSON.stringify(item(12)).replace('{', '{"action":"grant.created",')), '12: altered'],
  [
    'a value nested without end',
    replaced(12, JSON.stringify(item(12)).replace('{', `{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)},`)),
    '12: altered',
  ],
  ['a hash changed', replaced(12, { ...item(12), hash: item(11).hash }), '12: altered'],
  ['a hash recomputed', replaced(12, forgedHash), '12: altered'],
  ['a line that is no JSON any more', replaced(12, JSON.stringify(item(12)).slice(1)), '12: altered'],
  ['a sequence changed', replaced(12, { ...item(12), sequence: 13 }), '12: altered'],
  ['an event deleted', replaced(12, null), '12: missing'],
  ['an event repeated', [...genuine.items.slice(0, 20), item(12), ...genuine.items.slice(20)], '12: reordered'],
  [
    'an altered copy beside the event',
    [...genuine.items.slice(0, 12), { ...item(12), reason: '' }, ...genuine.items.slice(12)],
    '12: altered',
  ],
  ['the tail cut', [...genuine.items.slice(0, 25), ...genuine.checkpoints], '26: missing'],
  ['the tail cut before a head', [...genuine.items.slice(0, 25), { head: { sequence: 30, hash: item(30).hash } }], '26: missing'],
  ['another head', [...genuine.items, { head: { sequence: 30, hash: item(29).hash } }], '30: altered'],
  [
    'two events swapped',
    whole(genuine).map((line) => (line === item(12) ? item(17) : line === item(17) ? item(12) : line)),
    '12: reordered',
  ],
  ['a checkpoint replaced', [...genuine.items, { ...point, hash: item(21).hash }], '20: checkpoint_mismatch'],
  [
    'a checkpoint signed for another event',
    [...genuine.items, { ...point, signature: genuine.checkpoints[0]?.signature }],
    '20: checkpoint_mismatch',
  ],
  ['a checkpoint moved beyond the end', [...genuine.items, { ...point, sequence: 90 }], '90: checkpoint_mismatch'],
];

describe('a log that was tampered with', () => {
  it.each(tampered)('is broken, and where is said: %s', async (_, lines, where) => {
    expect(await check({ lines })).toEqual({ code: 1, output: `BROKEN at ${where}\n` });
  });

  it.each(tampered.filter(([name]) => !name.includes('head')))(
    'is broken also with the newest event first: %s',
    async (_, lines, where) => {
      expect(await check({ lines: [...lines].reverse() })).toEqual({ code: 1, output: `BROKEN at ${where}\n` });
    },
  );

  it('is broken where it does not begin or end where it must', async () => {
    expect(await check({ lines: genuine.items.slice(3), options: ['--from', '1'] })).toMatchObject({
      code: 1,
      output: 'BROKEN at 1: missing\n',
    });
    expect(await check({ lines: genuine.items, options: ['--to', '31'] })).toMatchObject({ code: 1, output: 'BROKEN at 31: missing\n' });
  });

  it('is broken where a byte is no UTF-8', async () => {
    const bytes = Buffer.from(genuine.items.map((line) => JSON.stringify(line)).join('\n'));
    bytes[bytes.lastIndexOf('dev')] = 0xff;
    const answer = await run(process.execPath, [VERIFIER, await file(bytes), await file('{"keys":[]}')]);
    expect(answer).toEqual({ code: 1, output: 'BROKEN at 30: altered\n' });
  });
});

describe('the exit code 2', () => {
  it('says that nothing can be said of no log, an empty one, or one without keys', async () => {
    const log = await file(JSON.stringify(item(1)));
    const keys = await file('{"keys":[]}');
    const answers = [[], [log], [join(folder, 'none'), keys], [await file(''), keys], [log, log], [log, keys, '--from', 'x']].map((args) =>
      run(process.execPath, [VERIFIER, ...args]),
    );
    expect((await Promise.all(answers)).map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2]);
  });
});

describe('the twin in Python', () => {
  async function twin(lines: (object | string)[]): Promise<Answer> {
    const log = await file(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    return run('python3', [TWIN, log, await file(JSON.stringify({ keys: [genuine.key.jwk] }))]);
  }

  it('agrees that a genuine log is intact, and on its head', async () => {
    expect(await twin(whole(genuine))).toEqual({ code: 0, output: `INTACT to 30, head ${item(30).hash}\n` });
  });

  it('agrees with RFC 8785 on numbers', async () => {
    const numbers = [
      1e21, 1e20, 123456789012345680000, 1.5e300, 1e-6, 1e-7, 1.25e-5, -0, -1e-7, 5e-324, 0.1, 333333333.3333333, 9007199254740993,
    ];
    const event = { sequence: 1, numbers };
    const prevHash = '0'.repeat(64);
    const hash = eventHash(prevHash, canonicalJson(event));
    expect(await twin([{ ...event, prevHash, hash }])).toMatchObject({ code: 0 });
  });

  it('agrees where an event was changed, deleted or moved, and where a checkpoint was', async () => {
    const lines = [replaced(12, { ...item(12), reason: '' }), replaced(12, null), [...genuine.items, { ...point, hash: item(21).hash }]];
    const answers = await Promise.all(lines.map(twin));
    expect(answers.map(({ output }) => output)).toEqual(['BROKEN at 12\n', 'BROKEN at 12\n', 'BROKEN at 20\n']);
  });
});
