import { v7 as uuidv7 } from 'uuid';
import { eventually } from '../support/eventually.js';
import { scaled } from '../support/scale.js';
import { System } from '../support/system.js';

interface Schedule {
  id: string;
  version: number;
  nextRunAt: string | null;
  lastDueAt: string | null;
  lastReportId: string | null;
  lastFailure: string | null;
  [member: string]: unknown;
}

const HOUR_MS = 3_600_000;
const DAILY = { name: 'Every morning', kind: 'access_listing', format: 'csv', cron: '0 6 * * *', timeZone: 'Europe/Berlin' };

describe('schedules of reports', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start({ workers: 2 });
  }, 120_000);

  afterAll(() => system.close());

  async function call<Body>(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
    const response = await fetch(`${system.url}/v1/reports/schedules${path}`, {
      method,
      headers: { ...headers, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Body };
  }

  const create = async (input: object = {}): Promise<Schedule> => (await call<Schedule>('POST', '', { ...DAILY, ...input })).body;
  const get = async (id: string): Promise<Schedule> => (await call<Schedule>('GET', `/${id}`)).body;

  /** As if nothing had run since then. */
  const makeDue = (ids: string[], since: Date): Promise<unknown[]> =>
    system.sql('UPDATE report_schedules SET next_run_at = $2, covered_to = $2 WHERE id = ANY ($1)', [ids, since]);

  const reportsOf = (ids: string[]): Promise<{ schedule: string; report: string; due: string }[]> =>
    system.sql(
      `SELECT payload->'resource'->>'id' AS schedule, payload->'after'->>'reportId' AS report, payload->'after'->>'dueAt' AS due
        FROM events WHERE payload->>'action' = 'report_schedule.run' AND payload->'resource'->>'id' = ANY ($1)`,
      [ids],
    );

  it('say when they are due next, in their time zone', async () => {
    const { status, body } = await call<Schedule>('POST', '', DAILY);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      ...DAILY,
      parameters: {},
      enabled: true,
      status: 'active',
      lastDueAt: null,
      lastReportId: null,
      version: 1,
    });
    const next = new Date(body.nextRunAt ?? '');
    expect(next.getTime() - Date.now()).toBeLessThan(25 * HOUR_MS);
    expect(next.toLocaleTimeString('en-GB', { timeZone: 'Europe/Berlin' })).toBe('06:00:00');
    expect((await call<{ items: Schedule[] }>('GET', '?limit=100')).body.items).toContainEqual(body);
  });

  it.each([
    [{ cron: 'every day' }, 'cron'],
    [{ cron: '0 0 30 2 *' }, 'cron'],
    [{ cron: '* * * * * *' }, 'cron'],
    [{ timeZone: 'Mars/Olympus' }, 'timeZone'],
    [{ kind: 'moon' }, 'kind'],
    [{ name: '' }, 'name'],
    [{ parameters: { asOf: '2026-01-01T00:00:00Z' } }, 'parameters.asOf'],
    [{ parameters: { campaignId: uuidv7() } }, 'parameters.campaignId'],
    [{ parameters: { assetIds: [uuidv7()] } }, 'parameters.assetIds.0'],
    [{ parameters: { principalIds: [uuidv7()] } }, 'parameters.principalIds.0'],
    [{ kind: 'grant_changes', parameters: { departments: ['Finance'] } }, 'parameters.departments'],
    [{ kind: 'campaign_evidence' }, 'parameters.campaignId'],
    [{ kind: 'campaign_evidence', parameters: { campaignId: uuidv7() } }, 'parameters.campaignId'],
    [{ every: 'day' }, 'every'],
  ])('are refused with %j, and the path says why', async (wrong, path) => {
    const { status, body } = await call<{ error: { details: { path: string }[] } }>('POST', '', { ...DAILY, ...wrong });
    expect([status, body.error.details.map((detail) => detail.path)]).toEqual([400, [path]]);
  });

  it('change, rest and end, each with an event, and never under another version', async () => {
    const { id } = await create();
    const changed = await call<Schedule>('PATCH', `/${id}`, { cron: '30 7 * * 1', enabled: false }, { 'If-Match': '"1"' });
    expect(changed).toMatchObject({ status: 200, body: { cron: '30 7 * * 1', enabled: false, nextRunAt: null, version: 2 } });
    expect(await call('PATCH', `/${id}`, { enabled: true }, { 'If-Match': '"1"' })).toMatchObject({ status: 409 });
    expect((await call<Schedule>('PATCH', `/${id}`, { enabled: true })).body.nextRunAt).not.toBeNull();
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    expect((await call('DELETE', `/${id}`)).status).toBe(204);
    expect(await get(id)).toMatchObject({ status: 'retired', nextRunAt: null });
    expect(await call('PATCH', `/${id}`, { enabled: true })).toMatchObject({
      status: 409,
      body: { error: { code: 'report_schedule_retired' } },
    });
    const told = await system.sql<{ action: string; text: string }>(
      `SELECT payload->>'action' AS action, payload::text AS text FROM events WHERE payload->'resource'->>'id' = $1 ORDER BY id`,
      [id],
    );
    expect(told.map(({ action }) => action.replace('report_schedule.', ''))).toEqual(['created', 'updated', 'updated', 'retired']);
    expect(told.some(({ text }) => text.includes(DAILY.name))).toBe(false);
  });

  it('ask for one report at a due time, with two workers up, and of times that were missed for one alone', async () => {
    const ids = await Promise.all(Array.from({ length: scaled(400) }, async () => (await create()).id));
    const missedSince = new Date(Date.now() - 100 * 24 * HOUR_MS);
    await makeDue(ids, missedSince);
    await eventually(async () => (await reportsOf(ids)).length >= ids.length, 60_000);
    const runs = await reportsOf(ids);
    expect(runs.map(({ schedule }) => schedule).sort()).toEqual([...ids].sort());
    expect(new Set(runs.map(({ report }) => report)).size).toBe(ids.length);
    for (const { due } of runs) expect(Date.now() - Date.parse(due)).toBeLessThan(25 * HOUR_MS);
    const after = await get(ids[0] as string);
    expect(Date.parse(after.nextRunAt ?? '')).toBeGreaterThan(Date.now());
    expect(after.lastDueAt).toBe(runs.find(({ schedule }) => schedule === after.id)?.due);
    expect(after.version).toBe(1);
  }, 90_000);

  it('ask for the state at the due time, or for all that happened since the last report', async () => {
    const [point, period] = [await create({ parameters: { sensitivities: ['restricted'] } }), await create({ kind: 'grant_changes' })];
    const since = new Date(Date.now() - 72 * HOUR_MS);
    await makeDue([point.id, period.id], since);
    await eventually(async () => (await reportsOf([point.id, period.id])).length === 2);
    const parameters = async (id: string): Promise<object> => {
      const [report] = await system.sql<{ parameters: object }>(
        'SELECT r.parameters FROM reports r JOIN report_schedules s ON s.last_report_id = r.id WHERE s.id = $1',
        [id],
      );
      return report?.parameters ?? {};
    };
    const { lastDueAt } = await get(point.id);
    expect(await parameters(point.id)).toMatchObject({ asOf: lastDueAt, sensitivities: ['restricted'] });
    expect(await parameters(period.id)).toMatchObject({ from: since.toISOString(), to: lastDueAt });
  });

  it('that rest or have ended ask for nothing', async () => {
    const [resting, ended, running] = [await create({ enabled: false }), await create(), await create()];
    await call('DELETE', `/${ended.id}`);
    await makeDue([running.id], new Date(Date.now() - 48 * HOUR_MS));
    await eventually(async () => (await reportsOf([running.id])).length === 1);
    expect(await reportsOf([resting.id, ended.id])).toEqual([]);
  });

  it('are not to be had under another id', async () => {
    expect((await call('GET', `/${uuidv7()}`)).status).toBe(404);
    expect((await call('PATCH', `/${uuidv7()}`, { enabled: true })).status).toBe(404);
    expect((await call('DELETE', `/${uuidv7()}`)).status).toBe(404);
  });
});
