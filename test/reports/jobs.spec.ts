import { createHash } from 'node:crypto';
import { eventually } from '../support/eventually.js';
import { scaled } from '../support/scale.js';
import { type Report, ReportGround } from './report-ground.js';

const REPORTS = 50;
const WAITING = 60;

describe('reports that wait, run and end', () => {
  let ground: ReportGround;

  beforeAll(async () => {
    ground = await ReportGround.start({ workers: 2, environment: { API_REPORTS_WAITING_PER_CALLER: String(WAITING) } });
    for (let count = 0; count < 5; count += 1) await ground.make.grant();
  }, 120_000);

  afterAll(() => ground.close());

  const stopWorkers = (): Promise<unknown> => Promise.all(ground.system.workers.map((worker) => worker.kill()));
  /** Whatever becomes of it, the workers run again afterwards. */
  const withoutWorkers = async <T>(work: () => Promise<T>): Promise<T> => {
    await stopWorkers();
    try {
      return await work();
    } finally {
      await startWorkers();
    }
  };
  const startWorkers = (): Promise<unknown> => Promise.all(ground.system.workers.map((worker) => worker.start()));
  const actions = async (id: string): Promise<string[]> =>
    (
      await ground.system.sql<{ action: string }>(
        `SELECT payload->>'action' AS action FROM events WHERE payload->'resource'->>'id' = $1 ORDER BY position`,
        [id],
      )
    ).map(({ action }) => action);

  it('are cancelled while they wait, and nothing comes of them', async () => {
    const id = await withoutWorkers(async () => {
      const { id: asked } = await ground.ask('access_listing', 'csv');
      expect((await ground.http.delete(`/v1/reports/${asked}`)).status).toBe(204);
      expect((await ground.http.delete(`/v1/reports/${asked}`)).status).toBe(204);
      return asked;
    });
    const { report } = await ground.build('access_listing', 'csv');
    expect((await ground.get(id)).status).toBe('cancelled');
    expect(await actions(id)).toEqual(['report.requested', 'report.cancelled']);
    const late = await ground.http.delete(`/v1/reports/${report.id}`);
    expect([late.status, late.body.error.code]).toEqual([409, 'report_ended']);
  }, 150_000);

  it('are cancelled while they run', async () => {
    await ground.system.sql('ALTER TABLE grants RENAME TO grants_away');
    const { id } = await ground.ask('access_listing', 'csv');
    await eventually(async () => (await ground.system.sql('SELECT FROM reports WHERE id = $1 AND attempts > 0', [id])).length > 0, 60_000);
    expect((await ground.http.delete(`/v1/reports/${id}`)).status).toBe(204);
    await ground.system.sql('ALTER TABLE grants_away RENAME TO grants');
    await ground.build('access_listing', 'csv');
    expect((await ground.get(id)).status).toBe('cancelled');
  }, 150_000);

  it('are no more for one caller than the configuration says, however many ask at once', async () => {
    // A busy machine may have no connection for one of so many at once: who is told to come again does.
    const ask = (): Promise<string | false> =>
      eventually<string | false>(async () => {
        const { status, body } = await ground.http.post('/v1/reports').send({ kind: 'access_listing', format: 'csv', parameters: {} });
        return status === 503 ? false : status === 202 ? 'queued' : `${status} ${body.error.code}`;
      }, 60_000);
    await withoutWorkers(async () => {
      const answers = await Promise.all(Array.from({ length: WAITING + 10 }, ask));
      expect(answers.filter((answer) => answer === 'queued')).toHaveLength(WAITING);
      expect(new Set(answers)).toEqual(new Set(['queued', '429 too_many_reports']));
      await ground.system.sql(`UPDATE reports SET status = 'cancelled' WHERE status = 'queued'`);
    });
  }, 150_000);

  it('fail after some tries, and say nothing of the inside', async () => {
    await ground.system.sql('ALTER TABLE grants RENAME TO grants_away');
    const { id } = await ground.ask('access_listing', 'csv');
    await ground.system.sql('UPDATE reports SET failures = 4 WHERE id = $1', [id]);
    // Whoever had taken it before fails once more, or this is the last try.
    await eventually(async () => {
      await ground.system.sql('UPDATE reports SET run_at = now() WHERE id = $1', [id]);
      return (await ground.get(id)).status === 'failed';
    }, 60_000);
    await ground.system.sql('ALTER TABLE grants_away RENAME TO grants');
    expect((await ground.get(id)).failure).toEqual({ code: 'internal', message: 'Something went wrong on our side.' });
    expect(await actions(id)).toEqual(['report.requested', 'report.failed']);
  }, 150_000);

  it('lose their files when their time is over, and keep their records', async () => {
    const { report } = await ground.build('access_listing', 'csv');
    await ground.system.sql(`UPDATE reports SET expires_at = now() - interval '1 second' WHERE id = $1`, [report.id]);
    expect((await ground.get(report.id)).status).toBe('expired');
    const listed = await ground.http.get('/v1/reports').query({ status: 'expired' });
    expect((listed.body.items as Report[]).map(({ id }) => id)).toEqual([report.id]);
    await eventually(async () => (await actions(report.id)).includes('report.expired'), 60_000);
    await eventually(async () => (await ground.file(report.id).catch(() => null)) === null, 60_000);
    expect(await ground.get(report.id)).toMatchObject({ status: 'expired', rows: report.rows, sha256: report.sha256 });
  }, 150_000);

  it('are all completed, once and whole, with kill -9 of their workers meanwhile', async () => {
    const asked: Report[] = [];
    for (let count = 0; count < scaled(REPORTS); count += 1) {
      asked.push(
        await ground.ask(['access_listing', 'grant_changes'][count % 2]!, ['csv', 'jsonl', 'pdf'][count % 3]!, count % 2 ? period() : {}),
      );
    }
    const open = async (): Promise<number> =>
      Number(
        (await ground.system.sql<{ open: string }>(`SELECT count(*) AS open FROM reports WHERE status IN ('queued', 'running')`))[0]?.open,
      );
    for (let kill = 0; kill < 10 && (await open()) > 0; kill += 1) {
      const worker = ground.system.workers[kill % 2]!;
      const [begun] = await ground.system.sql<{ attempts: string }>('SELECT sum(attempts) AS attempts FROM reports');
      await eventually(async () => {
        const [now] = await ground.system.sql<{ attempts: string }>('SELECT sum(attempts) AS attempts FROM reports');
        return Number(now?.attempts) > Number(begun?.attempts) || (await open()) === 0;
      }, 60_000);
      await worker.kill();
      await worker.start();
    }
    for (const { id } of asked) {
      const report = await ground.ended(id, 240_000);
      expect(report.status).toBe('completed');
      const file = await ground.file(id);
      expect([file.length, createHash('sha256').update(file).digest('hex')]).toEqual([report.bytes, report.sha256]);
      expect(await actions(id)).toEqual(['report.requested', 'report.completed']);
    }
  }, 900_000);

  const period = (): object => ({ from: '2020-01-01T00:00:00Z', to: new Date().toISOString() });
});
