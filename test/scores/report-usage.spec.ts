import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

const USED_AT = '2026-02-03T10:00:00.000Z';
const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('POST /v1/grants/usage', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    make = factories(gateway.http, gateway.issuer.tokenFor({ roles: ['governance.admin'] }));
  });
  afterAll(() => gateway.close());

  function report(body: object, ...roles: string[]) {
    return gateway.http
      .post('/v1/grants/usage')
      .set('Authorization', `Bearer ${gateway.issuer.tokenFor({ roles })}`)
      .send(body);
  }

  it('answers 202 with an outcome for each event, whatever is wrong with the others', async () => {
    const grant = await make.grant();
    const events = [
      { eventId: 'a1', grantId: grant.id, usedAt: USED_AT, count: 3 },
      { eventId: 'a2', principalId: grant['principalId'], assetId: grant['assetId'], usedAt: USED_AT },
      { eventId: 'a3', grantId: NOBODY, usedAt: USED_AT },
      { eventId: 'a4', grantId: grant.id, usedAt: new Date(Date.now() + 6 * 60_000).toISOString() },
      { eventId: 'a5', principalSource: 'entra', principalExternalId: 'nobody', assetId: grant['assetId'], usedAt: USED_AT },
      7,
    ];
    const response = await report({ events }, 'governance.admin');
    expect(response.status).toBe(202);
    expect(response.body).toEqual({
      accepted: 2,
      rejected: 4,
      outcomes: [
        { index: 0, eventId: 'a1', outcome: 'accepted', credits: 'grant' },
        { index: 1, eventId: 'a2', outcome: 'accepted', credits: 'every_matching_grant' },
        { index: 2, eventId: 'a3', outcome: 'rejected', code: 'not_found', message: 'names a grant that does not exist' },
        {
          index: 3,
          eventId: 'a4',
          outcome: 'rejected',
          code: 'validation_failed',
          message: 'usedAt lies more than 5 minutes in the future',
        },
        { index: 4, eventId: 'a5', outcome: 'rejected', code: 'not_found', message: 'names a principal that does not exist' },
        { index: 5, eventId: null, outcome: 'rejected', code: 'validation_failed', message: 'must be an object' },
      ],
    });
  });

  it('answers the same event again as accepted', async () => {
    const grant = await make.grant();
    const body = { events: [{ eventId: 'again', grantId: grant.id, usedAt: USED_AT }] };
    for (let time = 0; time < 2; time++) expect((await report(body, 'governance.admin')).body).toMatchObject({ accepted: 1, rejected: 0 });
  });

  it('takes from a connector what is of its own source alone, whoever used it', async () => {
    const mine = await make.asset({ source: 'warehouse', externalId: 'w/1' });
    const person = await make.principal({ source: 'entra', externalId: 'person-1' });
    const grant = await make.grant({ assetId: mine.id, principalId: person.id });
    const other = await make.grant();
    const named = { principalSource: 'entra', principalExternalId: 'person-1', assetSource: 'warehouse', assetExternalId: 'w/1' };
    const events = [{ grantId: grant.id }, named, { grantId: other.id }, { principalId: person.id, assetId: other['assetId'] }];
    const response = await report(
      { events: events.map((event, index) => ({ eventId: `c${index}`, usedAt: USED_AT, ...event })) },
      'governance.connector:warehouse',
    );
    const { outcomes } = response.body as { outcomes: { outcome: string; code?: string }[] };
    expect(outcomes.map(({ outcome, code }) => code ?? outcome)).toEqual(['accepted', 'accepted', 'forbidden', 'forbidden']);
  });

  it('takes 1,000 events in a call and refuses 1,001, none and what is no list', async () => {
    const grant = await make.grant();
    const events = Array.from({ length: 1_001 }, (_, index) => ({ eventId: `n${index}`, grantId: grant.id, usedAt: USED_AT }));
    expect((await report({ events: events.slice(1) }, 'governance.admin')).body).toMatchObject({ accepted: 1_000 });
    for (const refused of [{ events }, { events: [] }, { events: 'all' }, {}]) {
      const response = await report(refused, 'governance.admin');
      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({ error: { code: 'validation_failed', details: [{ path: 'events' }] } });
    }
  });

  it('answers 403 to who only reads and 401 to nobody', async () => {
    expect((await report({ events: [] }, 'governance.reader', 'governance.auditor')).status).toBe(403);
    expect((await gateway.http.post('/v1/grants/usage').send({ events: [] })).status).toBe(401);
  });
});
