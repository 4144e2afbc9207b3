import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { walk } from '../audit/export.js';
import { type OutsideTool, poppler } from '../contract/outside-tools.js';
import { scaled } from '../support/scale.js';
import { ReportGround } from './report-ground.js';

const run = promisify(execFile);
const READER = path.join(import.meta.dirname, 'reading.py');
const LONG = 1_000_000;
const WRITERS = 8;

/** What has gone wrong in files of others: formulas, ends of lines and cells, marks that turn text round, characters of every kind. */
const HOSTILE = [
  ...[
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    "'=1",
    "'",
    "''",
    '=HYPERLINK("http://x","y")',
    "=cmd|' /C calc'!A0",
    '-',
    '\n=1',
    ' =1',
  ],
  ...[
    '"',
    '""',
    '","',
    'a"b',
    'a,b;c\td',
    'line\nline',
    'line\r\nline',
    'line\rline',
    '\n\n',
    '\\',
    '\\n',
    '\\"',
    '{"counts":{}}',
    'NULL',
    '\\N',
    '\\.',
  ],
  ...[
    'user\u202egnp.exe',
    'a\u2066b\u2069c',
    '\u200fx',
    'a\u200bb',
    '\ufeffx',
    'x\u0085y',
    'x\u2028y\u2029z',
    '\u001b[31mred',
    '\u0007',
    '\u007f',
  ],
  ...[
    '😀🚀👩‍👩‍👧',
    '漢字かな한국어',
    'العربية والأرقام 123',
    'שלום (עולם)',
    'नमस्ते',
    'e\u0301\u0323\u0308',
    '𝒜𝕭',
    'ﷺ',
    'İıß',
    '\ufffd',
    '\ue000',
  ],
  ...[
    '<script>alert(1)</script>',
    '${x}',
    '%s%n',
    '(a) (b\\',
    ') Tj ET',
    'endstream endobj',
    '%PDF-1.7',
    'x'.repeat(2_000),
    ' '.repeat(50) + 'x',
  ],
];

const CHARACTERS = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...HOSTILE), { minLength: 2, maxLength: 3 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
);

describe('a report that somebody else reads', () => {
  let ground: ReportGround;
  let folder: string;
  let tools: OutsideTool;
  let listed: string;
  let asOf: string;
  let count: number;

  beforeAll(async () => {
    [ground, tools] = await Promise.all([ReportGround.start(), poppler()]);
    folder = await mkdtemp(path.join(tmpdir(), 'reading-'));
    const random = fc.sample(CHARACTERS, { numRuns: scaled(2_000), seed: 11 });
    const values = [...HOSTILE, ...random].map((value) => value.toWellFormed().replaceAll('\0', '').slice(0, 2_000).toWellFormed() || 'x');
    const { id: assetId } = await ground.make.asset({ name: '=asset', sensitivity: 'restricted' });
    const { id: principalId } = await ground.make.principal({ displayName: '@somebody, "else"' });
    const waiting = [...values.entries()];
    const write = async (): Promise<void> => {
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        const [index, justification] = next;
        await ground.make.grant({ principalId, assetId, permission: `p${index}`, justification });
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, write));
    // No route takes as much: a field is filled as an import into the database could have.
    await ground.system.sql(`UPDATE grants SET justification = repeat('0123456789 ', $1 / 11) WHERE permission = 'p0'`, [LONG]);
    asOf = new Date().toISOString();
    const grants = await walk<{ id: string }>(ground.system.url, `/v1/grants?asOf=${asOf}`);
    count = values.length;
    listed = path.join(folder, 'grants.json');
    await writeFile(listed, JSON.stringify(grants));
  }, 600_000);

  afterAll(async () => {
    await ground.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['csv', 'jsonl', 'pdf'])(
    'has in %s every grant that the API lists, and loses nothing of its values',
    async (format) => {
      const { report, file } = await ground.build('access_listing', format, { asOf });
      if (format === 'pdf' && !tools) return;
      const kept = path.join(folder, `report.${format}`);
      await writeFile(kept, file);
      const args = [READER, format, kept, listed, ...(format === 'pdf' ? [tools?.bin('pdftotext') ?? ''] : [])];
      const { stdout } = await run('python3', args, { maxBuffer: 64 * 1024 * 1024 });
      expect(JSON.parse(stdout)).toEqual({ rows: count, sha256: report.sha256 });
    },
    300_000,
  );

  it('can hold no NUL, which the API refuses by the name of the field', async () => {
    const [grant] = await walk<{ id: string }>(ground.system.url, `/v1/grants?asOf=${asOf}`);
    const { status, body } = await ground.http.patch(`/v1/grants/${grant?.id}`).send({ justification: 'a\0b' });
    expect([status, body.error.details[0].path]).toEqual([400, 'justification']);
  });
});
