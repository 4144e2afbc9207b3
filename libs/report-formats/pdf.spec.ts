import fc from 'fast-check';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type OutsideTool, poppler } from '../../test/contract/outside-tools.js';
import { scaled } from '../../test/support/scale.js';
import { writePdf } from './pdf.js';
import type { ReportDocument, ReportMetadata, ReportTable } from './report-document.js';

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;
const AT = '2026-01-31T09:00:00.000Z';
type Row = readonly (string | null)[];

const METADATA: ReportMetadata = {
  reportId: '0192ab33-cbeb-76e6-8964-af2e265a4bd8',
  kind: 'dormant_access',
  title: 'Dormant access',
  format: 'pdf',
  asOf: AT,
  period: null,
  recordedAt: AT,
  timeZone: 'UTC',
  parameters: { asOf: AT, departments: ['R&D <x>', 'عربي'] },
  source: { product: 'access-governance-gateway', version: '0.1.0' },
  modelVersion: '1',
  requestedBy: { id: 'dev', type: 'user', principalId: null },
  requestedAt: AT,
  generatedBy: 'worker',
  generatedAt: AT,
  rows: 0,
  tables: [],
  counted: 'grants',
  reconciliation: { population: 91_234, included: 90_000, excluded: [{ reason: 'insufficient_data', count: 1_234 }] },
  bands: [
    { band: 'active', count: 71 },
    { band: 'insufficient_data', count: 13 },
  ],
};

function table(name: string, columns: string[], rows: readonly Row[], make: () => AsyncIterable<Row> = () => from(rows)): ReportTable {
  return {
    name,
    title: `The ${name}`,
    columns: columns.map((title) => ({ name: title, title, weight: 1 })),
    rowCount: rows.length,
    rows: make(),
  };
}

async function* from(rows: readonly Row[]): AsyncGenerator<Row> {
  for (const row of rows) yield await Promise.resolve(row);
}

const report = (...tables: ReportTable[]): ReportDocument => ({ metadata: METADATA, tables });

describe('a report as PDF', () => {
  let folder: string;
  let tools: OutsideTool;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-pdf-'));
    tools = await poppler();
  }, 300_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function write(document: ReportDocument): Promise<string> {
    const path = join(folder, 'report.pdf');
    await writeFile(path, writePdf(document));
    return path;
  }

  /** What another program makes of it. */
  async function read(program: string, ...args: string[]): Promise<string> {
    const { stdout, stderr } = await run(tools?.bin(program) ?? program, args, { maxBuffer: 512 * 1024 * 1024 });
    expect(stderr).toBe('');
    return stdout;
  }

  /** The cells as the structure tells them to a screen reader. */
  async function cells(path: string): Promise<string[]> {
    const told = await read('pdfinfo', '-struct-text', path);
    return told
      .split(/^ *TD(?: \(\w+\))?$/m)
      .slice(1)
      .map((cell) => [...cell.matchAll(/^ *"(.*)"$/gm)].map(([, part]) => part).join(''));
  }

  /** The rows of a table of one column, as pdftotext copies them out; it puts marks of its own round what runs from right to left. */
  async function lines(path: string, order: '-raw' | '-layout'): Promise<string[]> {
    const pages = (await read('pdftotext', order, '-f', '2', path, '-')).split('\f');
    const all = pages.flatMap((page) => page.split('\n')).filter((line) => !/^ *(Dormant access ·.*|The rows|Name)?$/.test(line));
    return all.map((line) => line.replace(/[\u202a-\u202c]/g, '').trim());
  }

  const guarantees = (name: string, test: () => Promise<void>): void => it(name, () => (tools ? test() : Promise.resolve()), TIMEOUT_MS);

  guarantees('opens with what an auditor asks for, and where the tables are', async () => {
    const path = await write(report(table('first', ['A'], [['x']]), table('second', ['A'], [])));
    const cover = await read('pdftotext', '-layout', '-l', '1', path, '-');
    const facts = [
      ['Kind', 'dormant_access'],
      ['Report', METADATA.reportId],
      ['As of', AT],
      ['Time zone', 'UTC'],
      ['Recorded up to', `${AT} .*`],
      ['Parameter departments', '\\["R&D <x>",.*'],
      ['Source', 'access-governance-gateway 0.1.0'],
      ['Decay model', 'version 1'],
      ['Requested by', 'user dev'],
      ['Generated at', AT],
      ['Population', '91234'],
      ['Included', '90000'],
      ['Excluded: insufficient data', '1234'],
      ['Included \\+ excluded', '90000 \\+ 1234 = 91234'],
      ['active', '71 \\(84.5 %\\)'],
      ['insufficient data', '13 \\(15.5 %\\)'],
      ['The first \\(1 row\\)', '2'],
      ['The second \\(0 rows\\)', '3'],
      ['Dormant access · .*', 'page 1 of 3'],
    ];
    for (const [label, value] of facts) expect(cover).toMatch(new RegExp(`^${label} +${value}$`, 'm'));
  });

  guarantees('says of itself what it is, in which language, and has its fonts with it', async () => {
    const path = await write(report(table('rows', ['A'], [['Zürich, Москва, 東京, القاهرة']])));
    expect(await read('pdfinfo', path)).toMatch(/Title: +Dormant access[^]*Tagged: +yes[^]*PDF version: +1.7/);
    const fonts = (await read('pdffonts', path)).split('\n').slice(2, -1);
    expect(fonts.length).toBeGreaterThanOrEqual(3);
    for (const font of fonts) expect(font).toMatch(/ yes yes yes /);
  });

  guarantees('tells its structure: headings, tables with the headings of their columns, rows and cells', async () => {
    const rows = Array.from({ length: 300 }, (_, row): Row => [`${row}`, null, `value ${row}`]);
    const path = await write(report(table('rows', ['Number', 'Nothing', 'Value'], rows)));
    const told = await read('pdfinfo', '-struct-text', path);
    expect(told).toMatch(/H1 \(block\)\s+"Dormant access"/);
    expect(told).toMatch(/H2 \(block\)\s+"The rows"/);
    const afterTheCover = told.slice(told.indexOf('"The rows"'));
    expect(afterTheCover.match(/THead/g)).toHaveLength(1);
    expect(afterTheCover.match(/\/Scope \/Column/g)).toHaveLength(3);
    expect((await cells(path)).slice(-900)).toEqual(rows.flat().map((value) => value ?? ''));
  });

  guarantees('repeats the headings of a table on each page, and counts the pages', async () => {
    const rows = Array.from({ length: 200 }, (_, row): Row => [`${row}`, 'x']);
    const path = await write(report(table('rows', ['Number', 'Sign'], rows)));
    const pages = (await read('pdftotext', '-layout', path, '-')).split('\f').slice(1, -1);
    expect(pages.length).toBeGreaterThan(3);
    pages.forEach((page, index) => {
      expect(page.match(/Number +Sign/g)).toHaveLength(1);
      expect(page).toContain(`page ${index + 2} of ${pages.length + 1}`);
    });
  });

  guarantees('loses nothing of a cell that is longer than a page', async () => {
    const long = Array.from({ length: 1_000_000 / 8 }, (_, at) => String(at).padStart(7, '0')).join(' ');
    const unbroken = 'x'.repeat(10_000);
    const path = await write(
      report(
        table(
          'rows',
          ['A', 'B', 'C'],
          [
            ['before', long, unbroken],
            ['after', 'y', 'z'],
          ],
        ),
      ),
    );
    expect((await cells(path)).slice(-6)).toEqual(['before', long, unbroken, 'after', 'y', 'z']);
  });

  guarantees('shows any character, and what is copied out is what was put in', async () => {
    const character = fc.oneof(
      fc.integer({ min: 0x20, max: 0x58f }),
      fc.integer({ min: 0x900, max: 0xd7ff }),
      fc.integer({ min: 0xf900, max: 0xfaff }),
      fc.integer({ min: 0x1f300, max: 0x1faff }),
    );
    // pdftotext leaves blanks out, and puts compatibility characters in their plain form.
    const kept = character.filter((code) => /[\p{L}\p{N}\p{S}]/u.test(String.fromCodePoint(code)));
    const values = fc.sample(fc.array(kept, { minLength: 1, maxLength: 40 }), { numRuns: scaled(2_000), seed: 7 });
    const rows = values.map((codes): Row => [String.fromCodePoint(...codes)]);
    const path = await write(report(table('rows', ['Name'], rows)));
    expect((await lines(path, '-raw')).map((line) => line.normalize('NFKC'))).toEqual(rows.map(([value]) => value?.normalize('NFKC')));
  });

  guarantees('shows right-to-left text in its order, and obeys no mark that would turn others round', async () => {
    const rows: Row[] = [['שלום עולם'], ['مرحبا بالعالم'], ['user\u202enimda'], ['a\u2066b'], ['plain']];
    const path = await write(report(table('rows', ['Name'], rows)));
    expect(await lines(path, '-layout')).toEqual(['שלום עולם', 'مرحبا بالعالم', 'user\u202enimda', 'a\u2066b', 'plain']);
  });

  guarantees('takes no letter for another that has the same shape, in whichever order they come', async () => {
    const values = ['\u0131', 'i\u0306', '\u0131 i\u0306', 'i\u0306 \u0131', 'j\u030c'];
    const path = await write(
      report(
        table(
          'rows',
          ['Name'],
          values.map((value): Row => [value]),
        ),
      ),
    );
    expect((await lines(path, '-raw')).map((line) => line.normalize('NFC'))).toEqual(values.map((value) => value.normalize('NFC')));
  });

  guarantees('is written within bounded memory and time, whatever the number of rows', async () => {
    const count = scaled(20_000);
    async function* rows(): AsyncGenerator<Row> {
      for (let row = 0; row < count; row++) {
        yield await Promise.resolve([
          METADATA.reportId,
          `analyst ${row}`,
          'user',
          'finance.ledger',
          'restricted',
          'SELECT',
          AT,
          null,
          `${row * 7}`,
        ]);
      }
    }
    const columns = ['Grant', 'Principal', 'Type', 'Asset', 'Sensitivity', 'Permission', 'Granted at', 'Expires at', 'Uses'];
    const document = report({ ...table('rows', columns, [], rows), rowCount: count });
    const started = Date.now();
    let largest = 0;
    let bytes = 0;
    for await (const chunk of writePdf(document)) {
      largest = Math.max(largest, chunk.length);
      bytes += chunk.length;
    }
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(bytes).toBeGreaterThan(count * 200);
    expect(largest).toBeLessThanOrEqual(64 * 1024);
  });
});
