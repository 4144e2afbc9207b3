import { randomUUID } from 'node:crypto';
import { generateSigningKey, type PublicJwk } from '#libs/events/chain-keys.js';
import { eventually } from '../support/eventually.js';
import { System } from '../support/system.js';
import { TestIssuer } from '../support/test-issuer.js';
import { exportLog, getJson, type Item, offlineOpinions, verify, walk } from './export.js';
import { writeEvents } from './outbox-events.js';

let issuer: TestIssuer;
let system: System;
let auditor: Record<string, string>;
let admin: Record<string, string>;
const AUDITOR_ID = randomUUID();
const ADMIN_ID = randomUUID();

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const holding = (role: string): Record<string, string> => bearer(issuer.tokenFor({ roles: [role] }));

beforeAll(async () => {
  issuer = await TestIssuer.start();
  system = await System.start({ environment: issuer.environment });
  auditor = bearer(issuer.tokenFor({ roles: ['governance.auditor'], oid: AUDITOR_ID }));
  admin = bearer(issuer.tokenFor({ roles: ['governance.admin'], oid: ADMIN_ID }));
}, 120_000);
afterAll(async () => {
  await system?.close();
  await issuer?.close();
}, 60_000);

async function createPrincipal(headers: Record<string, string> = {}): Promise<{ id: string; requestId: string }> {
  const requestId = randomUUID();
  const response = await fetch(`${system.url}/v1/principals`, {
    method: 'POST',
    headers: { ...admin, 'content-type': 'application/json', 'x-request-id': requestId, ...headers },
    body: JSON.stringify({ type: 'user', displayName: 'Somebody' }),
  });
  expect(response.status).toBe(201);
  return { id: ((await response.json()) as { id: string }).id, requestId };
}

const list = (query: string): Promise<Item[]> => walk<Item>(system.url, `/v1/audit${query}`, auditor);

async function page(query: string): Promise<Item[]> {
  return (await getJson<{ items: Item[] }>(`${system.url}/v1/audit${query}`, auditor)).items;
}

describe('GET /v1/audit', () => {
  it('is for auditors and administrators alone, as is all that is below it', async () => {
    const { id } = await createPrincipal();
    await system.settled();
    const [event] = await page(`?resourceId=${id}`);
    for (const path of ['', `/${event!.id}`, '/verify', '/checkpoints', '/keys']) {
      const ask = async (headers: Record<string, string>): Promise<number> =>
        (await fetch(`${system.url}/v1/audit${path}`, { headers })).status;
      expect(await ask({})).toBe(401);
      for (const role of ['governance.reader', 'governance.reviewer', 'governance.connector:entra'])
        expect(await ask(holding(role))).toBe(403);
      for (const role of ['governance.auditor', 'governance.admin']) expect(await ask(holding(role))).toBe(200);
    }
  });

  it('shows exactly what each filter asks for, newest first', async () => {
    const { id } = await createPrincipal();
    await fetch(`${system.url}/v1/principals/${id}`, { method: 'DELETE', headers: admin });
    await fetch(`${system.url}/v1/principals`, { headers: bearer('nonsense') });
    await writeEvents(system, 30);
    await system.settled();
    const all = await list('');
    const last = Math.max(...all.map(({ sequence }) => sequence));
    const middle = all[Math.floor(all.length / 2)]!;
    const filters: [string, (item: Item) => boolean][] = [
      [`actorId=${ADMIN_ID}`, (item) => item.actor.id === ADMIN_ID],
      ['action=asset.created', (item) => item.action === 'asset.created'],
      ['resourceType=principal', (item) => item.resource.type === 'principal'],
      [`resourceId=${id}`, (item) => item.resource.id === id],
      ['outcome=denied', (item) => item.outcome === 'denied'],
      [`requestId=${middle.requestId}`, (item) => item.requestId === middle.requestId],
      [`from=${middle.time}`, (item) => item.time >= middle.time],
      [`to=${middle.time}`, (item) => item.time < middle.time],
      [`actorId=dev&resourceType=asset&from=${middle.time}`, (item) => item.actor.id === 'dev' && item.time >= middle.time],
    ];
    for (const [query, fits] of filters) {
      const found = (await list(`?${query}`)).filter(({ sequence }) => sequence <= last).map(({ sequence }) => sequence);
      const wanted = all.filter(fits).map(({ sequence }) => sequence);
      expect(`${query}: ${found.join()}`).toBe(`${query}: ${wanted.join()}`);
      expect(wanted.length).toBeGreaterThan(0);
    }
    const order = all.map(({ time, sequence }) => `${time} ${String(sequence).padStart(9, '0')}`);
    expect(order).toEqual([...order].sort().reverse());
  });

  it('repeats and skips nothing on a walk while events come in', async () => {
    await writeEvents(system, 120);
    const before = await system.settled();
    const walked: number[] = [];
    for (let next: string | null = ''; next !== null;) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
      const answer: { items: Item[]; nextCursor: string | null } = await getJson(`${system.url}/v1/audit?limit=17${cursor}`, auditor);
      walked.push(...answer.items.map(({ sequence }) => sequence));
      next = answer.nextCursor;
      await writeEvents(system, 5);
    }
    expect(new Set(walked).size).toBe(walked.length);
    const there = new Set(walked);
    expect(Array.from({ length: before }, (_, index) => index + 1).filter((sequence) => !there.has(sequence))).toEqual([]);
  });

  it('shows each event once also while what was delivered twice has not collapsed yet', async () => {
    await system.settled();
    await system.clickhouseCommand('SYSTEM STOP MERGES audit_events');
    for (let time = 0; time < 3; time++)
      await system.clickhouseCommand('INSERT INTO audit_events SELECT * FROM audit_events WHERE sequence % 5 < 3');
    for (const query of ['?limit=1', '?limit=7&action=asset.created', '?limit=100']) {
      const walked = (await list(query)).map(({ sequence }) => sequence);
      expect(new Set(walked).size).toBe(walked.length);
      if (!query.includes('action')) expect(walked.length).toBeGreaterThanOrEqual(Math.max(...walked));
    }
    await system.clickhouseCommand('SYSTEM START MERGES audit_events');
  }, 60_000);

  it('writes one event for the first page of a query, with its filters, and none for the pages after it', async () => {
    const asker = randomUUID();
    const headers = bearer(issuer.tokenFor({ roles: ['governance.auditor'], oid: asker }));
    await walk<Item>(system.url, '/v1/audit?limit=5&action=asset.created', headers);
    await system.settled();
    const events = await list(`?actorId=${asker}`);
    expect(events.map(({ action, after }) => ({ action, after }))).toEqual([
      { action: 'audit.queried', after: { action: 'asset.created' } },
    ]);
  });

  it('answers 404 for an event that is not there, and 400 for a cursor of another query', async () => {
    expect((await fetch(`${system.url}/v1/audit/${randomUUID()}`, { headers: auditor })).status).toBe(404);
    const { nextCursor } = await getJson<{ nextCursor: string }>(`${system.url}/v1/audit?limit=1`, auditor);
    const response = await fetch(`${system.url}/v1/audit?limit=1&outcome=denied&cursor=${encodeURIComponent(nextCursor)}`, {
      headers: auditor,
    });
    expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([400, 'invalid_cursor']);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('lets nobody %s', async (method) => {
    for (const path of ['', `/${randomUUID()}`, '/verify', '/checkpoints', '/keys']) {
      const { status } = await fetch(`${system.url}/v1/audit${path}`, { method, headers: admin });
      expect([404, 405]).toContain(status);
    }
  });

  it("carries a request's id and its trace from the header to the row", async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { id, requestId } = await createPrincipal({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    await system.settled();
    const [event] = await page(`?resourceId=${id}`);
    expect(event).toMatchObject({ requestId, traceId, actor: { id: ADMIN_ID, type: 'user' }, clientIp: expect.any(String) });
    expect(await getJson(`${system.url}/v1/audit/${event!.id}`, auditor)).toEqual(event);
  });
});

describe('Refused requests', () => {
  it('are counted in full and written in at most two events, however many of a kind there are', async () => {
    const refused = 1_000;
    await writeEvents(system, 1);
    const since = (await system.sql<{ now: Date }>('SELECT now()'))[0]!.now.toISOString();
    const batch = 25;
    for (let sent = 0; sent < refused; sent += batch) {
      const answers = Array.from({ length: batch }, () => fetch(`${system.url}/v1/assets`, { headers: bearer('not.a.token') }));
      for (const { status } of await Promise.all(answers)) expect(status).toBe(401);
    }
    // What has been counted is written when the minute is over, or when the gateway stops.
    await system.gateway.stop();
    await system.startGateway();
    await system.settled();
    const denials = (await list(`?action=auth.denied&from=${since}`)).filter(({ resource }) => resource.id.includes('/v1/assets'));
    const counts = denials.map(({ after }) => after!['count'] as number);
    expect(counts.length).toBeLessThanOrEqual(3);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(refused);
    expect(denials[0]).toMatchObject({ outcome: 'denied', reason: 'unauthenticated', actor: { id: 'anonymous' } });
  }, 120_000);
});

describe('The signing key', () => {
  it('may change: the old public key stays, and the old checkpoints verify beside the new ones', async () => {
    const before = await getJson<{ keys: PublicJwk[] }>(`${system.url}/v1/audit/keys`, auditor);
    await system.settled();
    const worker = system.workers[0]!;
    await worker.stop();
    worker.environment['API_AUDIT_SIGNING_KEY'] = generateSigningKey();
    await writeEvents(system, 1_100);
    await worker.start();
    const last = await system.settled();
    const { keys } = await getJson<{ keys: PublicJwk[] }>(`${system.url}/v1/audit/keys`, auditor);
    expect(keys).toHaveLength(2);
    expect(keys.slice(0, 1)).toEqual(before.keys);
    const log = await exportLog(system.url, auditor);
    expect(new Set(log.checkpoints.map(({ keyId }) => keyId)).size).toBe(2);
    expect(await verify(system.url, `?to=${last}`, auditor)).toMatchObject({ intact: true, events: last });
    expect(await offlineOpinions(log)).toMatchObject({ verifier: { intact: true }, twin: { intact: true } });
    expect(await offlineOpinions({ ...log, keys: keys.slice(1) })).toMatchObject({ verifier: { intact: false } });
  }, 60_000);
});

describe('A rebuild', () => {
  it('restores the whole log after ClickHouse was wiped, and ends with it intact', async () => {
    const before = await exportLog(system.url, auditor);
    const last = before.items.length;
    await system.clickhouseCommand('DROP TABLE audit_events SYNC');
    expect((await verify(system.url, '', auditor)).firstBreak).toEqual({ sequence: 1, kind: 'missing' });
    const { code, output } = await system.audit('rebuild');
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('"intact":true') });
    await system.settled();
    expect((await exportLog(system.url, auditor)).items.slice(0, last)).toEqual(before.items);
    expect(await verify(system.url, '', auditor)).toMatchObject({ intact: true });
  }, 60_000);

  it('puts back what was deleted from a log that is there, also for the second time', async () => {
    const last = await system.settled();
    for (let time = 1; time <= 2; time++) {
      await system.clickhouseCommand(`ALTER TABLE audit_events DELETE WHERE sequence IN (2, ${last})`);
      expect((await verify(system.url, `?to=${last}`, auditor)).firstBreak).toEqual({ sequence: 2, kind: 'missing' });
      expect((await system.audit('rebuild')).code).toBe(0);
      expect(await verify(system.url, `?to=${last}`, auditor)).toMatchObject({ intact: true, events: last });
    }
  }, 60_000);
});

describe('The metrics of the worker', () => {
  it('tell how deep and old the outbox is, and how far relay and sink have come', async () => {
    const worker = system.workers[0]!;
    await eventually(async () => (await worker.metric('outbox_depth')) === 0 && (await worker.metric('audit_sink_lag_events')) === 0);
    const { sequence } = await system.progress();
    for (const name of ['outbox_sequence', 'outbox_published_sequence', 'audit_complete_sequence']) {
      await eventually(async () => (await worker.metric(name))! >= sequence);
    }
    expect(await worker.metric('outbox_relay_active')).toBe(1);
    expect(await worker.metric('outbox_relay_refusing')).toBe(0);
  });
});
