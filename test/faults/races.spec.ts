import type pg from 'pg';
import { factories, type Resource } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { type Answer, bodyOf, Client, tally } from './client.js';
import { openSession } from '../support/sessions.js';

const AT_ONCE = 100;
const MOST_ATTRIBUTES = 64;

/** `204`, or `409 duplicate` where it is an error. */
function outcome({ status, text }: Answer): string {
  return status < 400 ? String(status) : `${status} ${(JSON.parse(text) as { error: { code: string } }).error.code}`;
}

describe('callers who ask for the same at once', () => {
  let gateway: TestGateway;
  let session: pg.Client;
  let clients: Client[];
  let make: ReturnType<typeof factories>;

  beforeAll(async () => {
    // The pool as it is by default: all but a few of the callers queue for a connection, and each must come to its turn.
    gateway = await startTestGateway({ environment: { API_DATABASE_POOL_SIZE: '16' } });
    session = await openSession(gateway.database.url);
    make = factories(gateway.http);
    clients = Array.from({ length: AT_ONCE }, () => new Client(gateway.url));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await session.end();
    await gateway.close();
  });

  const atOnce = (send: (client: Client, index: number) => Promise<Answer>): Promise<Answer[]> => Promise.all(clients.map(send));

  async function eventsOf(resourceId: string, action: string): Promise<number> {
    const found = await session.query("SELECT FROM events WHERE payload->'resource'->>'id' = $1 AND payload->>'action' = $2", [
      resourceId,
      action,
    ]);
    return found.rowCount ?? 0;
  }

  async function grantBody(fields: object = {}): Promise<object> {
    const [principal, asset] = [await make.principal(), await make.asset()];
    return { principalId: principal.id, assetId: asset.id, permission: 'SELECT', privilege: 'read', ...fields };
  }

  it('have one effect under one Idempotency-Key, and one answer or word that it is being worked out', async () => {
    const sending = { body: { type: 'user', displayName: 'Only once' }, headers: { 'Idempotency-Key': 'only-once' } };
    const create = (client: Client): Promise<Answer> => client.send('POST', '/v1/principals', sending);
    const answers = await atOnce(create);
    expect(new Set(answers.map(outcome))).toEqual(
      new Set(['201', ...answers.map(outcome).filter((it) => it === '409 idempotency_in_flight')]),
    );
    const bodies = new Set(answers.filter(({ status }) => status === 201).map(({ text }) => text));
    expect(bodies.size).toBe(1);
    const [body] = bodies;
    expect(await eventsOf((JSON.parse(body!) as Resource).id, 'principal.created')).toBe(1);
    expect((await session.query("SELECT FROM principals WHERE display_name = 'Only once'")).rowCount).toBe(1);
    const repeats = await atOnce(create);
    expect(tally(repeats.map(outcome))).toEqual({ 201: AT_ONCE });
    expect(new Set(repeats.map(({ text }) => text))).toEqual(bodies);
    expect(new Set(repeats.map(({ headers }) => headers['idempotent-replayed']))).toEqual(new Set(['true']));
  });

  it('are granted the same access once', async () => {
    const body = await grantBody();
    const answers = await atOnce((client) => client.send('POST', '/v1/grants', { body }));
    expect(tally(answers.map(outcome))).toEqual({ 201: 1, '409 duplicate': AT_ONCE - 1 });
    const created = answers.find(({ status }) => status === 201)!;
    expect(await eventsOf(bodyOf<Resource>(created).id, 'grant.created')).toBe(1);
  });

  it('are granted the same access once also where an expired grant has to give way first', async () => {
    const expired = { grantedAt: '2025-01-01T00:00:00.000Z', expiresAt: new Date(Date.now() + 500).toISOString() };
    const grant = await make.grant(expired);
    await session.query('SELECT pg_sleep_until($1::timestamptz)', [expired.expiresAt]);
    const { principalId, assetId } = grant;
    const body = { principalId, assetId, permission: 'SELECT', privilege: 'read' };
    const answers = await atOnce((client) => client.send('POST', '/v1/grants', { body }));
    expect(tally(answers.map(outcome))).toEqual({ 201: 1, '409 duplicate': AT_ONCE - 1 });
  });

  it('change a version once', async () => {
    const grant = await make.grant();
    const answers = await atOnce((client, index) =>
      client.send('PATCH', `/v1/grants/${grant.id}`, { body: { justification: `Reason ${index}` }, headers: { 'If-Match': '"1"' } }),
    );
    expect(tally(answers.map(outcome))).toEqual({ 200: 1, '409 version_conflict': AT_ONCE - 1 });
    const won = bodyOf<Resource>(answers.find(({ status }) => status === 200)!);
    expect(won.version).toBe(2);
    expect(bodyOf(await clients[0]!.send('GET', `/v1/grants/${grant.id}`))).toEqual(won);
    expect(await eventsOf(grant.id, 'grant.updated')).toBe(1);
  });

  it('lose no change where none of them names a version, and pass no limit together that each keeps', async () => {
    const principal = await make.principal();
    const answers = await atOnce((client, index) =>
      client.send('PATCH', `/v1/principals/${principal.id}`, { body: { attributes: { [`from${index}`]: 'set' } } }),
    );
    expect(tally(answers.map(outcome))).toEqual({ 200: MOST_ATTRIBUTES, '400 business_rule': AT_ONCE - MOST_ATTRIBUTES });
    const changed = bodyOf<Resource>(await clients[0]!.send('GET', `/v1/principals/${principal.id}`));
    expect(changed.version).toBe(1 + MOST_ATTRIBUTES);
    expect(Object.keys(changed['attributes'] as object)).toHaveLength(MOST_ATTRIBUTES);
    expect(await eventsOf(principal.id, 'principal.updated')).toBe(MOST_ATTRIBUTES);
  });

  it('revoke once, and are all told the same', async () => {
    const grant = await make.grant();
    const answers = await atOnce((client, index) =>
      index % 2 === 0
        ? client.send('POST', `/v1/grants/${grant.id}/revoke`, { body: { reason: `Reason ${index}` } })
        : client.send('DELETE', `/v1/grants/${grant.id}`),
    );
    expect(tally(answers.map(outcome))).toEqual({ 200: AT_ONCE / 2, 204: AT_ONCE / 2 });
    expect(new Set(answers.filter(({ status }) => status === 200).map(({ text }) => text)).size).toBe(1);
    expect(await eventsOf(grant.id, 'grant.revoked')).toBe(1);
  });

  it('never close a circle of groups, each adding one part of it', async () => {
    const groups = await Promise.all(Array.from({ length: 10 }, () => make.group()));
    const ring = groups.map((group, index) => [group.id, groups[(index + 1) % groups.length]!.id] as const);
    const answers = await Promise.all(
      ring.map(([group, member], index) => clients[index]!.send('PUT', `/v1/principals/${group}/members/${member}`)),
    );
    expect(tally(answers.map(outcome))).toEqual({ 204: ring.length - 1, '400 membership_cycle': 1 });
  });

  it('add and remove a member as often as the log says', async () => {
    const [group, member] = [await make.group(), await make.principal()];
    const path = `/v1/principals/${group.id}/members/${member.id}`;
    const answers = await atOnce((client, index) => client.send(index % 2 === 0 ? 'PUT' : 'DELETE', path));
    expect(tally(answers.map(outcome))).toEqual({ 204: AT_ONCE });
    const added = await eventsOf(group.id, 'membership.added');
    const removed = await eventsOf(group.id, 'membership.removed');
    const kept = await session.query<{ all: number; current: number }>(
      'SELECT count(*)::int AS all, count(*) FILTER (WHERE removed_at IS NULL)::int AS current FROM memberships WHERE group_id = $1',
      [group.id],
    );
    expect(kept.rows).toEqual([{ all: added, current: added - removed }]);
  });
});
