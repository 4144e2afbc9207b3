import { ReportGround, rowsOf } from './report-ground.js';

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

describe('a report of two instants', () => {
  let ground: ReportGround;

  beforeAll(async () => {
    ground = await ReportGround.start();
  }, 120_000);

  afterAll(() => ground.close());

  /** Notes uses as the decay engine does: a report reads what that keeps of them. */
  const use = (grantId: string, usedAt: string): Promise<unknown> =>
    ground.system.sql(`INSERT INTO grant_uses VALUES ($1, $2, date_trunc('milliseconds', now()))`, [grantId, usedAt]);

  const KINDS = ['access_listing', 'dormant_access', 'grant_changes'];

  it('has the same rows for ever, whatever is recorded, renamed, revoked, extended or used later', async () => {
    const { make, http } = ground;
    const ann = await make.principal({ displayName: 'Ann', department: 'Finance' });
    const asset = await make.asset({ name: 'ledger', sensitivity: 'restricted', usageTrackedSince: daysAgo(400) });
    const old = { assetId: asset.id, grantedAt: daysAgo(300) };
    const [kept, taken] = [
      await make.grant({ ...old, principalId: ann.id }),
      await make.grant({ ...old, principalId: ann.id, permission: 'UPDATE', expiresAt: new Date(Date.now() + 86_400_000).toISOString() }),
    ];
    await use(kept.id, daysAgo(200));
    const now = new Date().toISOString();
    const parameters = (kind: string): object =>
      kind === 'grant_changes' ? { from: daysAgo(500), to: now, recordedAt: now } : { asOf: now, recordedAt: now };
    const rows = async (): Promise<unknown> =>
      Promise.all(
        KINDS.flatMap((kind) =>
          ['csv', 'jsonl'].map(async (format) => {
            const { report, file } = await ground.build(kind, format, parameters(kind));
            const lines = file.toString().split('\n');
            return { kind, format, reconciliation: report.reconciliation, rows: format === 'csv' ? lines : lines.slice(1) };
          }),
        ),
      );
    const before = await rows();
    const late = await make.grant({ ...old, principalId: (await make.principal()).id });
    await use(kept.id, daysAgo(1));
    await use(taken.id, daysAgo(150));
    await http.patch(`/v1/principals/${ann.id}`).send({ displayName: 'Anna', department: 'Sales' });
    await http.patch(`/v1/assets/${asset.id}`).send({ name: 'books', sensitivity: 'public', usageTrackedSince: null });
    await http.patch(`/v1/grants/${kept.id}`).send({ justification: 'Later' });
    await http.patch(`/v1/grants/${taken.id}`).send({ expiresAt: null });
    await http.post(`/v1/grants/${taken.id}/revoke`).send({ reason: 'Later' });
    expect(await rows()).toEqual(before);
    const { file } = await ground.build('dormant_access', 'jsonl', { asOf: now });
    expect(rowsOf(file).map((row) => row['grantId'])).toEqual([taken.id, late.id]);
  }, 180_000);

  it('tells of a past instant with what is known now, and of the same one with what was known then', async () => {
    const { make } = ground;
    const asset = await make.asset();
    const before = new Date().toISOString();
    const grant = await make.grant({ assetId: asset.id, grantedAt: daysAgo(30) });
    const ids = async (parameters: object): Promise<unknown[]> =>
      rowsOf((await ground.build('access_listing', 'jsonl', { assetIds: [asset.id], asOf: daysAgo(10), ...parameters })).file).map(
        (row) => row['grantId'],
      );
    expect(await ids({})).toEqual([grant.id]);
    expect(await ids({ recordedAt: before })).toEqual([]);
  });

  it('keeps who was erased erased', async () => {
    const { make, http } = ground;
    const [asset, zoe] = [await make.asset(), await make.principal({ displayName: 'Zoe', email: 'zoe@example.com' })];
    await make.grant({ principalId: zoe.id, assetId: asset.id });
    const parameters = { assetIds: [asset.id], asOf: new Date().toISOString() };
    const { report, file } = await ground.build('access_listing', 'jsonl', parameters);
    expect(rowsOf(file)).toMatchObject([{ principalName: 'Zoe', principalEmail: 'zoe@example.com' }]);
    await http.post(`/v1/principals/${zoe.id}/erase`).send({});
    const again = await ground.build('access_listing', 'jsonl', report.parameters);
    expect(again.file.toString()).not.toMatch(/zoe/i);
    expect(rowsOf(again.file)).toHaveLength(1);
  });
});
