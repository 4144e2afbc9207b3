import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Item, walk } from '../audit/export.js';
import { ReportGround, rowsOf } from './report-ground.js';

const EPOCH = '2020-01-01T00:00:00.000Z';

/** The exit code of a program and what it said. */
function run(command: string, args: string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = execFile(command, args, (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, said: stdout + stderr }));
  });
}

describe('an extract of the audit log', () => {
  let ground: ReportGround;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'extract-'));
    ground = await ReportGround.start();
    for (let count = 0; count < 30; count += 1) await ground.make.principal();
    await ground.system.settled();
  }, 120_000);

  afterAll(async () => {
    await ground.close();
    await rm(folder, { recursive: true, force: true });
  });

  const opinions = async (extract: Buffer | string): Promise<number[]> => {
    const [log, keys] = [join(folder, 'extract.jsonl'), join(folder, 'keys.json')];
    await writeFile(log, extract);
    await writeFile(keys, (await ground.http.get('/v1/audit/keys')).text);
    const verifier = (set: string) => run(process.execPath, ['dist/libs/audit-verifier/audit-verifier.js', log, set]);
    const twin = (set: string) => run('python3', ['test/audit/verify.py', log, set]);
    return (await Promise.all([verifier(keys), verifier(log), twin(keys), twin(log)])).map(({ code }) => code);
  };

  it('holds what the log shows of the period, and passes both offline verifiers as it was downloaded, whatever set of keys they have', async () => {
    const { file, report } = await ground.build('audit_extract', 'jsonl', { from: EPOCH, to: new Date().toISOString() });
    expect(await opinions(file)).toEqual([0, 0, 0, 0]);
    const rows = rowsOf(file);
    const events = rows.filter((row) => 'action' in row);
    expect(events).toHaveLength(report.rows);
    const listed = await walk<Item & { display?: unknown }>(ground.system.url, `/v1/audit?to=${String(report.parameters['to'])}`);
    const shown = listed.map(({ display: _display, ...item }) => item).reverse();
    expect(events).toEqual(shown);
    expect(rows.filter((row) => 'signature' in row)).not.toEqual([]);
    expect(rows.filter((row) => 'key' in row)).toHaveLength(1);
  }, 60_000);

  it('passes from the middle of the chain, too', async () => {
    const [row] = await ground.system.sql<{ time: Date }>('SELECT time FROM events WHERE sequence = 11');
    const { file } = await ground.build('audit_extract', 'jsonl', { from: row?.time.toISOString(), to: new Date().toISOString() });
    expect(await opinions(file)).toEqual([0, 0, 0, 0]);
    expect(rowsOf(file)[0]!['sequence']).toBeGreaterThan(9);
  }, 60_000);

  it('is found out when a word of it is changed, or a line is gone', async () => {
    const { file } = await ground.build('audit_extract', 'jsonl', { from: EPOCH, to: new Date().toISOString() });
    const lines = file.toString().split('\n');
    expect(await opinions(lines.with(5, lines[5]!.replace('"dev"', '"eve"')).join('\n'))).toEqual([1, 1, 1, 1]);
    expect(await opinions(lines.toSpliced(5, 1).join('\n'))).toEqual([1, 1, 1, 1]);
  }, 60_000);

  it('in CSV has the text that each hash is of', async () => {
    const { file, report } = await ground.build('audit_extract', 'csv', { from: EPOCH, to: new Date().toISOString() });
    expect(file.toString().trimEnd().split('\r\n')).toHaveLength(report.rows + 1);
  });

  it('fails where the log has lost an event of the period, and says so', async () => {
    const { id } = await ground.ask('audit_extract', 'jsonl', { from: EPOCH, to: new Date().toISOString() });
    await ground.ended(id);
    await ground.system.clickhouseCommand('ALTER TABLE audit_events DELETE WHERE sequence = 7');
    const again = await ground.ask('audit_extract', 'jsonl', { from: EPOCH, to: new Date().toISOString() });
    await ground.system.sql('UPDATE reports SET failures = 4 WHERE id = $1', [again.id]);
    expect((await ground.ended(again.id)).failure).toMatchObject({ code: 'log_incomplete' });
  }, 60_000);
});
