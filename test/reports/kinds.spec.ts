import { createHash } from 'node:crypto';
import { walk } from '../audit/export.js';
import { eventually } from '../support/eventually.js';
import { ReportGround, linesOf, rowsOf } from './report-ground.js';

const YEAR_AGO = new Date(Date.now() - 365 * 86_400_000).toISOString();
const FORMATS = ['csv', 'jsonl', 'pdf'] as const;

/** The rows of a small CSV whose cells hold no line breaks. */
const NOTHING = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';
const csvRows = (file: Buffer): string[] => file.toString().trimEnd().split('\r\n').slice(1);

describe('a report', () => {
  let ground: ReportGround;
  let campaignId: string;

  beforeAll(async () => {
    ground = await ReportGround.start();
    const { make } = ground;
    const [ann, bob] = [await make.principal({ department: 'Finance' }), await make.principal({ department: 'Sales' })];
    const group = await make.group();
    await make.member(group.id, ann.id);
    const ledger = await make.asset({ sensitivity: 'restricted', usageTrackedSince: YEAR_AGO, ownerId: bob.id });
    const wiki = await make.asset({ sensitivity: 'internal', usageTrackedSince: YEAR_AGO, ownerId: bob.id });
    const old = { grantedAt: YEAR_AGO };
    await make.grant({ principalId: ann.id, assetId: ledger.id, privilege: 'admin', ...old });
    await make.grant({ principalId: group.id, assetId: wiki.id, ...old });
    const revoked = await make.grant({ principalId: bob.id, assetId: wiki.id, permission: 'UPDATE', privilege: 'write', ...old });
    await make.grant({ principalId: bob.id, assetId: ledger.id });
    await ground.http.post(`/v1/grants/${revoked.id}/revoke`).send({ reason: '=left' });
    campaignId = await reviewed(ledger.id, bob.id);
    await ground.system.settled();
  }, 180_000);

  afterAll(() => ground.close());

  /** A campaign about an asset that is launched, decided in part, and closed. */
  async function reviewed(assetId: string, reviewerId: string): Promise<string> {
    const carl = await ground.make.principal();
    const body = {
      ...{ name: 'Restricted data', selector: { assetIds: [assetId] }, dueAt: new Date(Date.now() + 86_400_000).toISOString() },
      reviewers: { kind: 'assetOwner', fallbackReviewerId: carl.id },
    };
    const { id } = (await ground.http.post('/v1/reviews/campaigns').send(body)).body as { id: string };
    await ground.http.post(`/v1/reviews/campaigns/${id}/launch`).send({});
    const campaign = async (): Promise<{ status: string; openedAt: string | null }> =>
      (await ground.http.get(`/v1/reviews/campaigns/${id}`)).body as { status: string; openedAt: string | null };
    await eventually(async () => (await campaign()).openedAt !== null, 30_000);
    const packets = (await ground.http.get('/v1/reviews').query({ campaignId: id })).body.items as { id: string; reviewerId: string }[];
    const packet = packets.find((each) => each.reviewerId === reviewerId);
    const items = (await ground.http.get(`/v1/reviews/${packet?.id}/items`)).body.items as { id: string }[];
    const decisions = items.map((item) => ({ itemId: item.id, decision: 'approve', justification: 'Needed' }));
    await ground.http.post(`/v1/reviews/${packet?.id}/decisions`).send({ decisions });
    await ground.http.post(`/v1/reviews/campaigns/${id}/close`).send({});
    await eventually(async () => (await campaign()).status === 'completed', 30_000);
    return id;
  }

  const parametersOf = (kind: string): object => {
    if (kind === 'campaign_evidence') return { campaignId };
    return ['grant_changes', 'audit_extract'].includes(kind) ? { from: YEAR_AGO, to: new Date().toISOString() } : {};
  };

  const KINDS = ['access_listing', 'privileged_access', 'dormant_access', 'campaign_evidence', 'grant_changes', 'audit_extract'];
  it.each(KINDS.flatMap((kind) => FORMATS.map((format) => ({ kind, format }))))(
    'of the kind $kind is built as $format, with the rows that were counted and the hash of its bytes',
    async ({ kind, format }) => {
      const { report, file } = await ground.build(kind, format, parametersOf(kind));
      expect(report.failure).toBeNull();
      expect([report.bytes, report.sha256]).toEqual([file.length, createHash('sha256').update(file).digest('hex')]);
      expect(report.rows).toBeGreaterThan(0);
      const { population, included, excluded } = report.reconciliation;
      expect(excluded.reduce((sum, { count }) => sum + count, included)).toBe(population);
      if (format === 'csv') expect(csvRows(file)).toHaveLength(report.rows);
      if (format === 'pdf') expect(file.subarray(0, 5).toString()).toBe('%PDF-');
      if (format === 'jsonl') {
        const lines = linesOf(file);
        expect(lines[0]).toMatchObject({ metadata: { reportId: report.id, kind, parameters: report.parameters, rows: report.rows } });
        expect(lines.at(-1)).toMatchObject({ counts: { rows: report.rows, reconciliation: report.reconciliation } });
      }
    },
    120_000,
  );

  it('of access has a line for each grant in force, as the list of grants has', async () => {
    const { report, file } = await ground.build('access_listing', 'jsonl');
    const asOf = encodeURIComponent(String(report.parameters['asOf']));
    const grants = await walk<{ id: string; principalName: string }>(ground.system.url, `/v1/grants?asOf=${asOf}`);
    expect(rowsOf(file).map((row) => [row['grantId'], row['principalName']])).toEqual(
      grants.map(({ id, principalName }) => [id, principalName]),
    );
  });

  it('of some departments and sensitivities says of all others why they are not there', async () => {
    const { report, file } = await ground.build('access_listing', 'jsonl', { sensitivities: ['restricted'], departments: ['Finance'] });
    expect(rowsOf(file)).toHaveLength(1);
    expect(report.reconciliation.excluded.map(({ reason }) => reason)).toEqual(['other_department', 'other_sensitivity']);
  });

  it('of dormant access has the scores that the decay engine has', async () => {
    const { file } = await ground.build('dormant_access', 'jsonl');
    const scores = await walk<{ grantId: string; score: number; band: string }>(ground.system.url, '/v1/scores?band=dormant');
    // No engine runs here: what it would have is computed by the same model, and told apart by the facts alone.
    expect(scores).toEqual([]);
    expect(rowsOf(file).map((row) => [row['privilege'], row['lastUsedAt'], row['band']])).toEqual([
      ['admin', null, 'dormant'],
      ['read', null, 'dormant'],
    ]);
  });

  it('of changes tells who gave and took what, and a spreadsheet runs none of it', async () => {
    const { file } = await ground.build('grant_changes', 'csv', parametersOf('grant_changes'));
    const changes = csvRows(file).map((row) => row.split(',').slice(1, 5).join(' '));
    expect(changes).toHaveLength(5);
    expect(changes.at(-1)).toBe(`revoked dev  "'=left"`);
  });

  it('of a campaign traces every decision, sign-off and remediation into the chain', async () => {
    const { file } = await ground.build('campaign_evidence', 'jsonl', { campaignId });
    const rows = rowsOf(file);
    const traced = rows.filter((row) => 'auditHash' in row && !(row['record'] === 'packet' && row['signedOffAt'] === null));
    expect(traced.filter((row) => row['record'] === 'decision')).not.toEqual([]);
    const [kept] = await Promise.all([
      ground.system.sql<{ sequence: string; hash: string }>('SELECT sequence, hash FROM events WHERE sequence IS NOT NULL'),
    ]);
    const hashes = new Map(kept.map(({ sequence, hash }) => [Number(sequence), hash]));
    for (const row of traced) expect(row['auditHash']).toBe(hashes.get(row['auditSequence'] as number) ?? 'not in the chain');
  });

  it('of what nobody asked for leads nowhere', async () => {
    const asset = await ground.make.asset();
    const bodies: [object, string][] = [
      [{ kind: 'weather', format: 'csv', parameters: {} }, 'kind'],
      [{ kind: 'access_listing', format: 'xls', parameters: {} }, 'format'],
      [{ kind: 'access_listing', format: 'csv' }, 'parameters'],
      [{ kind: 'access_listing', format: 'csv', parameters: { from: YEAR_AGO } }, 'parameters.from'],
      [{ kind: 'access_listing', format: 'csv', parameters: { asOf: '2999-01-01T00:00:00Z' } }, 'parameters.asOf'],
      [{ kind: 'access_listing', format: 'csv', parameters: { recordedAt: '2999-01-01T00:00:00Z' } }, 'parameters.recordedAt'],
      [{ kind: 'grant_changes', format: 'csv', parameters: { from: YEAR_AGO } }, 'parameters.to'],
      [{ kind: 'grant_changes', format: 'csv', parameters: { from: YEAR_AGO, to: YEAR_AGO } }, 'parameters.to'],
      [{ kind: 'campaign_evidence', format: 'csv', parameters: { campaignId: NOTHING } }, 'parameters.campaignId'],
      [{ kind: 'access_listing', format: 'csv', parameters: { assetIds: [asset.id, NOTHING] } }, 'parameters.assetIds.1'],
      [{ kind: 'dormant_access', format: 'csv', parameters: { principalIds: [NOTHING] } }, 'parameters.principalIds.0'],
    ];
    for (const [body, path] of bodies) {
      const { status, body: answer } = await ground.http.post('/v1/reports').send(body);
      expect([path, status, answer.error?.details[0]?.path]).toEqual([path, 400, path]);
    }
  });
});
