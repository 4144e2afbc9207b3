import { eventually } from '../support/eventually.js';
import { type Person, ReviewGround } from './review-ground.js';
import { startReviewWorker } from './review-worker.js';

interface Remediation {
  id: string;
  grantId: string;
  status: string;
  grantStatus: string;
  startedAt: string | null;
  leasedUntil: string | null;
}

describe('POST /v1/reviews/remediations/{id}/lease', () => {
  let ground: ReviewGround;
  let owner: Person;
  let connector: Person;
  let worker: { close: () => Promise<void> };

  beforeAll(async () => {
    ground = await ReviewGround.start();
    owner = await ground.person();
    connector = person('governance.connector:warehouse');
    worker = await startReviewWorker(ground.gateway.database.url);
  }, 60_000);
  afterAll(async () => {
    await worker.close();
    await ground.close();
  });

  const person = (role: string): Person => ({ id: '', token: ground.gateway.issuer.tokenFor({ roles: [role], app: true }) });
  const lease = (id: string, who = connector, body: object = {}) => ground.post(`/remediations/${id}/lease`, body, who);
  const report = (id: string, body: object, who = connector) =>
    ground.gateway.http.patch(`/v1/reviews/remediations/${id}`).set('Authorization', `Bearer ${who.token}`).send(body);
  const remediation = async (id: string) => (await ground.get(`/remediations/${id}`)).body as unknown as Remediation;

  /** Remediations of grants of the connector's source, as a closed campaign leaves them. */
  async function queued(count: number): Promise<Remediation[]> {
    const asset = await ground.make.asset({ ownerId: owner.id, source: 'warehouse' });
    for (let index = 0; index < count; index++) await ground.make.grant({ assetId: asset.id });
    const id = await ground.draft([asset.id], { kind: 'assetOwner', fallbackReviewerId: owner.id });
    await ground.launch(id);
    await ground.decideAll(await ground.packetOf(id, owner), 'revoke', owner);
    await ground.post(`/campaigns/${id}/close`);
    await ground.reached(id, 'completed');
    return (await ground.get(`/remediations?campaignId=${id}&limit=100`)).body['items'] as Remediation[];
  }

  it('gives it to one caller for a while, tells since when, and shows what is to be taken away', async () => {
    const [one] = await queued(1);
    expect(one).toMatchObject({ status: 'queued', grantStatus: 'active', startedAt: null, leasedUntil: null });
    const before = Date.now();
    const { status, body } = await lease(one!.id, connector, { seconds: 30 });
    expect(status).toBe(200);
    const { startedAt, leasedUntil } = body as unknown as Remediation;
    expect(Date.parse(leasedUntil!) - Date.parse(startedAt!)).toBe(30_000);
    expect(Date.parse(startedAt!)).toBeGreaterThanOrEqual(before);
    // Its own again, from a run that came after one that was cut off: when it was begun stays.
    expect((await lease(one!.id)).body).toMatchObject({ startedAt });
    expect(await ground.outbox.actions(one!.id)).toEqual(['remediation.queued', 'remediation.leased', 'remediation.leased']);
  });

  it('answers 409 to everybody else while it runs, to reports too, and lets them when it has run out', async () => {
    const [one] = await queued(1);
    const other = person('governance.connector:warehouse');
    await lease(one!.id);
    const taken = await lease(one!.id, other);
    expect([taken.status, taken.body.error.code]).toEqual([409, 'leased']);
    expect((await report(one!.id, { status: 'applied' }, other)).status).toBe(409);
    await ground.outbox.client.query(`UPDATE remediations SET leased_until = now() - interval '1 ms' WHERE id = $1`, [one!.id]);
    expect((await lease(one!.id, other)).status).toBe(200);
    expect((await report(one!.id, { status: 'applied' }, other)).body).toMatchObject({ status: 'applied', leasedUntil: null });
  });

  it('lets only one of many have it who ask at once', async () => {
    const [one] = await queued(1);
    const answers = await Promise.all(Array.from({ length: 8 }, () => lease(one!.id, person('governance.connector:warehouse'))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
  });

  it('is refused of another source with 404, of what is settled or for a time out of bounds with 400, without the role with 403', async () => {
    const [one, two] = await queued(2);
    expect((await lease(one!.id, person('governance.connector:other'))).status).toBe(404);
    expect((await lease(one!.id, person('governance.auditor'))).status).toBe(403);
    for (const seconds of [9, 3601, 'long']) expect((await lease(one!.id, connector, { seconds })).status).toBe(400);
    await report(two!.id, { status: 'not_needed' });
    expect((await lease(two!.id)).body.error.code).toBe('business_rule');
    expect(await ground.outbox.actions(one!.id)).toEqual(['remediation.queued']);
  });

  it('keeps one that failed as it is when its grant ends, since the access goes on by another path', async () => {
    const [failed, gone] = await queued(2);
    await report(failed!.id, { status: 'failed', reason: 'PUBLIC holds it too.' });
    for (const { grantId } of [failed!, gone!]) {
      await ground.gateway.http.delete(`/v1/grants/${grantId}`).set('Authorization', `Bearer ${connector.token}`);
    }
    await eventually(async () => (await remediation(gone!.id)).status === 'applied', 15_000);
    expect(await remediation(failed!.id)).toMatchObject({ status: 'failed', grantStatus: 'revoked' });
    expect((await report(failed!.id, { status: 'applied' })).body).toMatchObject({ status: 'applied' });
  });
});
