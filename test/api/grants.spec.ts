import { eventually } from '../support/eventually.js';
import { factories, next, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('/v1/grants', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;
  let outbox: Outbox;

  beforeAll(async () => {
    gateway = await startTestGateway();
    make = factories(gateway.http);
    outbox = await Outbox.open(gateway.database.url);
  });

  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  const get = (id: string, headers: Record<string, string> = {}) => gateway.http.get(`/v1/grants/${id}`).set(headers);
  const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
    gateway.http.patch(`/v1/grants/${id}`).set(headers).send(body);
  const revoke = (id: string, body: object = { reason: 'Left the team' }, headers: Record<string, string> = {}) =>
    gateway.http.post(`/v1/grants/${id}/revoke`).set(headers).send(body);
  const remove = (id: string, headers: Record<string, string> = {}) => gateway.http.delete(`/v1/grants/${id}`).set(headers);
  const past = { grantedAt: '2020-01-01T00:00:00.000Z', expiresAt: '2021-01-01T00:00:00.000Z' };

  describe('GET /v1/grants/{id}', () => {
    it('answers the grant with its version, and never 304', async () => {
      const grant = await make.grant();
      for (const tags of ['"1"', 'W/"1"', '*']) {
        const response = await get(grant.id, { 'If-None-Match': tags });
        expect([response.status, response.body, response.headers['etag']]).toEqual([200, grant, '"1"']);
      }
      expect((await get(NOBODY)).status).toBe(404);
    });

    it('shows the names of now', async () => {
      const grant = await make.grant();
      await gateway.http.patch(`/v1/principals/${String(grant['principalId'])}`).send({ displayName: 'New name' });
      await gateway.http.patch(`/v1/assets/${String(grant['assetId'])}`).send({ name: 'new.name' });
      expect((await get(grant.id)).body).toEqual({ ...grant, principalName: 'New name', assetName: 'new.name' });
    });
  });

  describe('GET /v1/grants', () => {
    const found = async (query: object, of: Record<string, Resource>): Promise<string[]> => {
      const response = await gateway.http.get('/v1/grants').query(query);
      if (response.status !== 200) throw new Error(response.text);
      return (response.body.items as Resource[]).map(({ id }) => Object.keys(of).find((name) => of[name]?.id === id) ?? id).sort();
    };

    it('filters by each of its filters, an expired grant by what it is and not by what a column says', async () => {
      const source = `grants-${next()}`;
      const [principal, asset] = [await make.principal(), await make.asset({ source })];
      const on = { assetId: asset.id };
      const grants: Record<string, Resource> = {
        active: await make.grant({ ...on, principalId: principal.id }),
        admin: await make.grant({ ...on, permission: 'ALL', privilege: 'admin', expiresAt: '2090-01-01T00:00:00.000Z' }),
        revoked: await make.grant(on),
        imported: await make.grant({ ...on, ...past }),
        expired: await make.grant({ ...on, expiresAt: new Date(Date.now() + 800).toISOString() }),
      };
      await revoke((grants['revoked'] as Resource).id);
      await eventually(() => Date.now() > Date.parse(grants['expired']?.['expiresAt'] as string));
      expect(await found({ source }, grants)).toEqual(['active', 'admin', 'expired', 'imported', 'revoked']);
      expect(await found({ source, status: 'active' }, grants)).toEqual(['active', 'admin']);
      expect(await found({ source, status: 'expired' }, grants)).toEqual(['expired', 'imported']);
      expect(await found({ source, status: 'revoked' }, grants)).toEqual(['revoked']);
      expect(await found({ assetId: asset.id, permission: 'ALL' }, grants)).toEqual(['admin']);
      expect(await found({ assetId: asset.id, privilege: 'admin' }, grants)).toEqual(['admin']);
      expect(await found({ principalId: principal.id }, grants)).toEqual(['active']);
      expect(await found({ source, expiresBefore: '2021-01-01T00:00:00.000Z' }, grants)).toEqual([]);
      expect(await found({ source, expiresBefore: '2021-01-01T00:00:00.001Z' }, grants)).toEqual(['imported']);
      expect(await found({ source, expiresBefore: '2091-01-01T00:00:00.000Z', status: 'active' }, grants)).toEqual(['admin']);
    });

    it('lists with asOf what was in force at that instant', async () => {
      const asset = await make.asset();
      const on = { assetId: asset.id };
      const grants: Record<string, Resource> = {
        old: await make.grant({ ...on, ...past }),
        revoked: await make.grant({ ...on, grantedAt: '2020-06-01T00:00:00.000Z' }),
        fresh: await make.grant(on),
      };
      const revokedAt = (await revoke((grants['revoked'] as Resource).id)).body.revokedAt as string;
      const at = (asOf: string): Promise<string[]> => found({ ...on, asOf }, grants);
      expect(await at('2019-12-31T23:59:59.999Z')).toEqual([]);
      expect(await at('2020-01-01T00:00:00.000Z')).toEqual(['old']);
      expect(await at('2020-06-01T00:00:00.000Z')).toEqual(['old', 'revoked']);
      expect(await at('2021-01-01T00:00:00.000Z')).toEqual(['revoked']);
      expect(await at(new Date(Date.parse(revokedAt) - 1).toISOString())).toEqual(['fresh', 'revoked']);
      expect(await at(revokedAt)).toEqual(['fresh']);
      expect(await found({ ...on, asOf: '2020-06-01T00:00:00.000Z', status: 'revoked' }, grants)).toEqual(['revoked']);
    });

    it('walks pages of two to every grant once', async () => {
      const asset = await make.asset();
      const made: string[] = [];
      for (let count = 0; count < 5; count++) made.push((await make.grant({ assetId: asset.id })).id);
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const { body } = await gateway.http
          .get('/v1/grants')
          .query({ assetId: asset.id, limit: 2, ...(cursor === null ? {} : { cursor }) });
        seen.push(...(body.items as Resource[]).map(({ id }) => id));
        cursor = body.nextCursor as string | null;
      } while (cursor !== null);
      expect(seen).toEqual(made);
    });
  });

  describe('PATCH', () => {
    it('changes expiry and justification, and clears them', async () => {
      const grant = await make.grant();
      const set = { expiresAt: '2090-01-01T00:00:00.000Z', justification: 'Project' };
      const changed = await patch(grant.id, set);
      expect([changed.status, changed.body, changed.headers['etag']]).toEqual([
        200,
        { ...grant, ...set, version: 2, updatedAt: changed.body.updatedAt },
        '"2"',
      ]);
      expect((await patch(grant.id, { expiresAt: null, justification: null })).body).toMatchObject({
        expiresAt: null,
        justification: null,
        version: 3,
      });
      expect(await outbox.of(grant.id)).toMatchObject([
        { action: 'grant.created' },
        { action: 'grant.updated', before: { expiresAt: null, justification: null }, after: set },
        { action: 'grant.updated', before: set, after: { expiresAt: null, justification: null } },
      ]);
    });

    it.each(['principalId', 'assetId', 'permission', 'privilege', 'source', 'status', 'grantedAt', 'revokedAt', 'lastUsedAt', 'version'])(
      'refuses to change %s, also to what it is',
      async (name) => {
        const grant = await make.grant();
        const response = await patch(grant.id, { [name]: grant[name] });
        expect([response.status, response.body.error.code, response.body.error.details[0].path]).toEqual([400, 'validation_failed', name]);
      },
    );

    it('moves no version and writes no event when nothing changes', async () => {
      const grant = await make.grant({ expiresAt: '2090-01-01T00:00:00.000Z', justification: 'Same' });
      for (const body of [{}, { justification: 'Same' }, { expiresAt: '2090-01-01T01:00:00+01:00' }])
        expect([(await patch(grant.id, body)).body]).toEqual([grant]);
      expect(await outbox.actions(grant.id)).toEqual(['grant.created']);
    });

    it('refuses an end in the past, and to change a grant that has ended', async () => {
      const grant = await make.grant({ grantedAt: '2020-01-01T00:00:00.000Z' });
      const early = await patch(grant.id, { expiresAt: '2021-01-01T00:00:00.000Z' });
      expect([early.status, early.body.error.code, early.body.error.details[0].path]).toEqual([400, 'business_rule', 'expiresAt']);
      await revoke(grant.id);
      for (const { id } of [grant, await make.grant(past)]) {
        const response = await patch(id, { justification: 'Late' });
        expect([response.status, response.body.error.code]).toEqual([400, 'business_rule']);
      }
    });

    it('obeys If-Match, one of 100 that name the same version, and answers 404 for what does not exist', async () => {
      const grant = await make.grant();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => patch(grant.id, { justification: `Number ${index}` }, { 'If-Match': '"1"' })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status, body }) => status === 409 && body.error.code === 'version_conflict')).toHaveLength(99);
      expect((await get(grant.id)).body.version).toBe(2);
      expect((await patch(NOBODY, { justification: 'x' })).status).toBe(404);
    });
  });

  describe('POST /v1/grants/{id}/revoke and DELETE', () => {
    it('revokes with the reason, by whom and when, and again with the same answer that changes nothing', async () => {
      const grant = await make.grant();
      const first = await revoke(grant.id);
      expect(first.status).toBe(200);
      expect(first.body).toEqual({
        ...grant,
        status: 'revoked',
        revokedAt: first.body.updatedAt,
        revokedBy: { id: 'dev', type: 'user', principalId: null },
        revokeReason: 'Left the team',
        updatedAt: expect.stringMatching(/Z$/),
        version: 2,
      });
      const second = await revoke(grant.id, { reason: 'Another reason' });
      expect([second.status, second.body]).toEqual([200, first.body]);
      expect((await remove(grant.id)).status).toBe(204);
      expect((await get(grant.id)).body).toEqual(first.body);
      const [, event, ...others] = await outbox.of(grant.id);
      expect(others).toEqual([]);
      expect(event).toMatchObject({
        action: 'grant.revoked',
        before: { status: 'active' },
        after: { status: 'revoked' },
        reason: 'Left the team',
      });
    });

    it('deletes without a reason: the grant is revoked and stays to be seen', async () => {
      const grant = await make.grant();
      const response = await remove(grant.id);
      expect([response.status, response.text]).toEqual([204, '']);
      expect((await get(grant.id)).body).toMatchObject({ status: 'revoked', revokeReason: null, version: 2 });
      expect((await remove(grant.id)).status).toBe(204);
      expect(await outbox.actions(grant.id)).toEqual(['grant.created', 'grant.revoked']);
    });

    it('leaves a grant that has expired as it is', async () => {
      const grant = await make.grant(past);
      expect((await revoke(grant.id)).body).toEqual(grant);
      expect((await remove(grant.id)).status).toBe(204);
      expect((await get(grant.id)).body).toEqual(grant);
      expect(await outbox.actions(grant.id)).toEqual(['grant.created']);
    });

    it('wants a reason that says something', async () => {
      const grant = await make.grant();
      const blank = await revoke(grant.id, { reason: ' \n' });
      expect([blank.status, blank.body.error.details]).toEqual([400, [{ path: 'reason', message: 'must say why' }]]);
      for (const body of [{}, { reason: '' }, { reason: null }, { reason: 'r'.repeat(2001) }, { reason: 'x', force: true }]) {
        const response = await revoke(grant.id, body);
        expect([response.status, response.body.error.code]).toEqual([400, 'validation_failed']);
      }
      expect((await get(grant.id)).body).toEqual(grant);
    });

    it('revokes once, however many ask at once', async () => {
      const grant = await make.grant();
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => revoke(grant.id, { reason: `Reason ${index}` })));
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(await outbox.actions(grant.id)).toEqual(['grant.created', 'grant.revoked']);
    });

    it('obeys If-Match, and answers 404 for what does not exist', async () => {
      const grant = await make.grant();
      expect((await revoke(grant.id, undefined, { 'If-Match': '"2"' })).body.error.code).toBe('version_conflict');
      expect((await remove(grant.id, { 'If-Match': '"2"' })).status).toBe(409);
      expect((await revoke(grant.id, undefined, { 'If-Match': '"1"' })).status).toBe(200);
      expect((await revoke(NOBODY)).status).toBe(404);
      expect((await remove(NOBODY)).status).toBe(404);
    });
  });
});
