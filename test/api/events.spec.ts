import { randomBytes, randomUUID } from 'node:crypto';
import { factories, next } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { Outbox, type OutboxEvent } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

type Method = 'post' | 'put' | 'patch' | 'delete' | 'get';

describe('the events of a change', () => {
  let gateway: TestGateway;
  let make: ReturnType<typeof factories>;
  let outbox: Outbox;
  const oid = randomUUID();
  let token: string;

  beforeAll(async () => {
    gateway = await startTestGateway({ auth: 'azure_ad' });
    token = gateway.issuer.tokenFor({ roles: ['governance.admin'], oid });
    make = factories(gateway.http, token);
    outbox = await Outbox.open(gateway.database.url);
  });

  afterAll(async () => {
    await outbox.close();
    await gateway.close();
  });

  /** Makes a request that nothing else has the ids of, and finds the events that it caused. */
  async function caused(method: Method, path: string, body?: object): Promise<{ status: number; events: OutboxEvent[]; traceId: string }> {
    const [requestId, traceId] = [`request-${next()}`, randomBytes(16).toString('hex')];
    const response = await gateway.http[method](path)
      .set({
        Authorization: `Bearer ${token}`,
        'X-Request-Id': requestId,
        traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      })
      .send(body);
    expect(response.headers['x-request-id']).toBe(requestId);
    const { rows } = await outbox.client.query<{ payload: OutboxEvent }>(`SELECT payload FROM events WHERE payload->>'requestId' = $1`, [
      requestId,
    ]);
    return { status: response.status, events: rows.map(({ payload }) => payload), traceId };
  }

  it('are one for each change, naming who made it, in which request and which trace', async () => {
    const [group, user, asset, grant] = [await make.group(), await make.principal(), await make.asset(), await make.grant()];
    const member = `/v1/principals/${group.id}/members/${user.id}`;
    const changes: [Method, string, object | undefined, string][] = [
      ['post', '/v1/principals', { type: 'user', displayName: 'Ann' }, 'principal.created'],
      ['patch', `/v1/principals/${user.id}`, { department: 'Legal' }, 'principal.updated'],
      ['put', member, undefined, 'membership.added'],
      ['delete', member, undefined, 'membership.removed'],
      ['post', '/v1/assets', { type: 'table', name: 't' }, 'asset.created'],
      ['patch', `/v1/assets/${asset.id}`, { sensitivity: 'public' }, 'asset.updated'],
      ['post', '/v1/grants', { principalId: user.id, assetId: asset.id, permission: 'SELECT', privilege: 'read' }, 'grant.created'],
      ['patch', `/v1/grants/${grant.id}`, { justification: 'Why' }, 'grant.updated'],
      ['post', `/v1/grants/${grant.id}/revoke`, { reason: 'Left' }, 'grant.revoked'],
      ['delete', `/v1/grants/${(await make.grant()).id}`, undefined, 'grant.revoked'],
      ['delete', `/v1/assets/${asset.id}`, undefined, 'asset.retired'],
      ['post', `/v1/principals/${user.id}/erase`, undefined, 'principal.erased'],
      ['delete', `/v1/principals/${user.id}`, undefined, 'principal.deactivated'],
    ];
    for (const [method, path, body, action] of changes) {
      const { status, events, traceId } = await caused(method, path, body);
      expect([action, status < 300, events.length]).toEqual([action, true, 1]);
      expect(events[0]).toMatchObject({
        action,
        outcome: 'success',
        actor: { id: oid, type: 'user', principalId: null },
        traceId,
        clientIp: '127.0.0.1',
      });
      expect(events[0]?.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    }
  });

  it('are none for a request that changes nothing or is refused for what it asks', async () => {
    const [user, asset, grant] = [await make.principal({ externalId: `x${next()}` }), await make.asset(), await make.grant()];
    await gateway.http.delete(`/v1/grants/${grant.id}`).set('Authorization', `Bearer ${token}`);
    const requests: [Method, string, object | undefined, number][] = [
      ['get', `/v1/principals/${user.id}`, undefined, 200],
      ['get', '/v1/grants', undefined, 200],
      ['patch', `/v1/principals/${user.id}`, { displayName: user['displayName'] }, 200],
      ['patch', `/v1/assets/${asset.id}`, {}, 200],
      ['delete', `/v1/grants/${grant.id}`, undefined, 204],
      ['post', `/v1/grants/${grant.id}/revoke`, { reason: 'Again' }, 200],
      ['post', '/v1/principals', { type: 'moon' }, 400],
      ['post', '/v1/grants', { principalId: user.id, assetId: NOBODY, permission: 'SELECT', privilege: 'read' }, 400],
      ['patch', `/v1/grants/${grant.id}`, { justification: 'Late' }, 400],
      ['patch', `/v1/assets/${NOBODY}`, { name: 'x' }, 404],
      ['post', '/v1/principals', { type: 'user', displayName: 'Twin', externalId: user['externalId'] }, 409],
    ];
    for (const [method, path, body, wanted] of requests) {
      const { status, events } = await caused(method, path, body);
      expect([method, path, status, events]).toEqual([method, path, wanted, []]);
    }
  });

  it('have the time of the change that they tell of', async () => {
    const user = await make.principal();
    const changed = await gateway.http
      .patch(`/v1/principals/${user.id}`)
      .set('Authorization', `Bearer ${token}`)
      .send({ department: 'Legal' });
    const [created, updated] = await outbox.of(user.id);
    expect([created?.time, updated?.time]).toEqual([user['createdAt'], changed.body.updatedAt]);
  });

  it('take a new trace where the one that is sent is none', async () => {
    for (const traceparent of [
      '',
      'x',
      `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`,
      `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
      `00-${'A'.repeat(32)}-${'1'.repeat(16)}-01`,
    ]) {
      const response = await gateway.http
        .post('/v1/assets')
        .set({ Authorization: `Bearer ${token}`, traceparent })
        .send({ type: 'table', name: 't' });
      const [event] = await outbox.of(response.body.id as string);
      expect(event?.traceId).toMatch(/^(?!0{32}|1{32})[0-9a-f]{32}$/);
    }
  });

  it('hold nothing that a person may ask to have erased', async () => {
    const word = 'Qwertz';
    const personal = { displayName: `${word} A`, email: `${word}@example.com`, externalId: word, attributes: { [word]: word } };
    const user = await make.principal(personal);
    await caused('patch', `/v1/principals/${user.id}`, {
      displayName: `${word} B`,
      email: `${word}2@example.com`,
      attributes: { [word]: null, [`${word}2`]: 'x' },
    });
    await make.grant({ principalId: user.id, assetId: (await make.asset({ ownerId: user.id, name: `${word}'s laptop` })).id });
    await caused('delete', `/v1/principals/${user.id}`);
    await caused('post', `/v1/principals/${user.id}/erase`);
    const events = (await outbox.dump()).get('public.events') ?? '';
    expect(events).toContain(user.id);
    expect(events.toLowerCase()).not.toContain(word.toLowerCase());
  });
});
