import { factories, next } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { detailPaths } from './detail-paths.js';
import { Outbox } from './outbox.js';

const NOBODY = '0192f0c1-2b7a-7cc1-8a39-4d3a5f1e9b10';

describe('POST /v1/principals', () => {
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

  const post = (body: object) => gateway.http.post('/v1/principals').send(body);

  it('answers 201 with every member of the principal, its address and its version', async () => {
    const manager = await make.principal();
    const sent = {
      type: 'user',
      displayName: 'Finance analyst 7',
      email: 'fa7@example.com',
      externalId: '7e0c-7',
      source: 'entra',
      department: 'Finance',
      managerId: manager.id,
      ownerId: null,
      attributes: { costCentre: '42' },
    };
    const response = await post(sent);
    expect(response.status).toBe(201);
    expect(response.body).toEqual({
      ...sent,
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      status: 'active',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updatedAt: response.body.createdAt,
      version: 1,
    });
    expect(response.headers).toMatchObject({ location: `/v1/principals/${response.body.id}`, etag: '"1"' });
    expect((await gateway.http.get(response.headers['location'] as string)).body).toEqual(response.body);
  });

  it('fills in what is left out', async () => {
    const { body } = await post({ type: 'service_account', displayName: 'Nightly job' });
    expect(body).toMatchObject({ source: 'manual', status: 'active', email: null, externalId: null, department: null, attributes: {} });
  });

  it('gives the address of the new principal in one spelling, however the list was addressed', async () => {
    const response = await gateway.http.post('/V1/Principals/').send({ type: 'user', displayName: 'Ann' });
    expect(response.headers['location']).toBe(`/v1/principals/${response.body.id}`);
  });

  it('names every member that is missing, unknown or not of its form, and creates nothing', async () => {
    const name = `Refused ${next()}`;
    const response = await post({
      displayName: name,
      type: 'moon',
      email: 'nobody',
      managerId: 'me',
      attributes: { level: 7 },
      status: 'active',
      shoeSize: 43,
    });
    expect(response.status).toBe(400);
    expect(response.body.error.code).toBe('validation_failed');
    expect(detailPaths(response)).toEqual(['attributes', 'email', 'managerId', 'shoeSize', 'status', 'type']);
    expect((await post({})).body.error.details).toEqual(
      expect.arrayContaining([
        { path: 'displayName', message: 'is required' },
        { path: 'type', message: 'is required' },
      ]),
    );
    expect((await gateway.http.get('/v1/principals').query({ q: name })).body.items).toEqual([]);
  });

  it.each([
    ['an empty name', { displayName: '' }],
    ['a name of 257 characters', { displayName: 'a'.repeat(257) }],
    ['a name with a line break', { displayName: 'a\nb' }],
    ['a name that is null', { displayName: null }],
    ['a name that is a number', { displayName: 7 }],
    ['an address of 255 characters', { email: `${'a'.repeat(243)}@example.com` }],
    ['an external id of 513 characters', { externalId: 'e'.repeat(513) }],
    ['65 attributes', { attributes: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`a${index}`, ''])) }],
    ['attributes in a list', { attributes: ['a'] }],
    ['attributes that are null', { attributes: null }],
  ])('refuses %s', async (_what, fields) => {
    const response = await post({ type: 'user', displayName: 'Ann', ...fields });
    expect([response.status, response.body.error?.code]).toEqual([400, 'validation_failed']);
  });

  it('takes the longest values that it promises to take, in the widest characters', async () => {
    const wide = (count: number): string => Array.from({ length: count }, () => String.fromCodePoint(0x20000 + next() * 7)).join('');
    const fields = {
      displayName: wide(256),
      externalId: wide(512),
      source: wide(64),
      department: wide(128),
      attributes: { [wide(128)]: wide(1024) },
    };
    const response = await post({ type: 'user', ...fields });
    expect(response.status).toBe(201);
    expect(response.body).toMatchObject(fields);
  });

  it('names a manager and an owner that do not exist by their paths', async () => {
    const manager = await post({ type: 'user', displayName: 'Ann', managerId: NOBODY });
    expect(manager.status).toBe(400);
    expect(manager.body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'managerId' }] });
    const owner = await post({ type: 'group', displayName: 'Team', ownerId: NOBODY });
    expect(owner.body.error).toMatchObject({ code: 'business_rule', details: [{ path: 'ownerId' }] });
  });

  it('answers 409 for an external id that its source has already, also of one who has ended, and takes it in another source', async () => {
    const first = await make.principal({ source: 'hr', externalId: 'e-1' });
    await gateway.http.delete(`/v1/principals/${first.id}`);
    const response = await post({ type: 'group', displayName: 'Other', source: 'hr', externalId: 'e-1' });
    expect(response.status).toBe(409);
    expect(response.body.error).toMatchObject({ code: 'duplicate', details: [{ path: 'externalId' }] });
    expect((await post({ type: 'user', displayName: 'Ann', source: 'other', externalId: 'e-1' })).status).toBe(201);
  });

  it('answers 409 for the address of another active user of the source, in whatever case', async () => {
    await make.principal({ email: 'Ann.Smith@example.com' });
    const response = await post({ type: 'user', displayName: 'Ann', email: 'ann.smith@EXAMPLE.com' });
    expect(response.status).toBe(409);
    expect(response.body.error).toMatchObject({ code: 'duplicate', details: [{ path: 'email' }] });
  });

  it('lets an address be had once more by whom it does not stand for a person: another source, a group, somebody who is not active', async () => {
    const email = `shared-${next()}@example.com`;
    const first = await make.principal({ email });
    expect((await post({ type: 'user', displayName: 'Ann', email, source: 'other' })).status).toBe(201);
    expect((await post({ type: 'group', displayName: 'Team', email })).status).toBe(201);
    await gateway.http.patch(`/v1/principals/${first.id}`).send({ status: 'suspended' });
    expect((await post({ type: 'user', displayName: 'Ann', email })).status).toBe(201);
  });

  it('creates one principal when 20 ask for the same external id at once', async () => {
    const body = { type: 'user', displayName: 'Ann', source: 'race', externalId: 'r-1' };
    const statuses = (await Promise.all(Array.from({ length: 20 }, () => post(body)))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(19);
  });

  it('tells of the new principal in one event, with digests in the place of what is personal', async () => {
    const { body } = await post({
      type: 'user',
      displayName: 'Petra Personal',
      email: 'petra@example.com',
      externalId: 'oid-petra',
      department: 'Finance',
      attributes: { phone: '555-0100' },
    });
    const [event, ...others] = await outbox.of(body.id as string);
    expect(others).toEqual([]);
    const digest = expect.stringMatching(/^hmac-sha256:[0-9a-f]{64}$/);
    expect(event).toMatchObject({
      action: 'principal.created',
      outcome: 'success',
      resource: { type: 'principal', id: body.id },
      before: null,
    });
    expect(event?.after).toEqual({
      type: 'user',
      source: 'manual',
      status: 'active',
      department: 'Finance',
      displayName: digest,
      email: digest,
      externalId: digest,
      attributes: digest,
    });
    expect(JSON.stringify(event)).not.toMatch(/petra|555-0100/i);
  });
});
