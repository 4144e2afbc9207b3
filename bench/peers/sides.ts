import type { Contestant } from '../load/contest.js';
import { type Answer, HttpConnection, requestBytes } from '../load/http-connection.js';
import type { PeersGround } from './ground.js';
import { assertSamePage, sameBytes } from './pages.js';

const PAGE = '/v1/scores?sort=-priority&limit=50';

export async function ask(url: string, request: Buffer): Promise<Answer> {
  const connection = await HttpConnection.open(url);
  try {
    return await connection.send(request);
  } finally {
    connection.close();
  }
}

const bearer = ({ issuer }: PeersGround, role: string): Record<string, string> => ({
  Authorization: `Bearer ${issuer.tokenFor({ roles: [role] })}`,
});

const hasStatus =
  (status: number) =>
  (answer: Answer): string | null =>
    answer.status === status ? null : `Not ${status}`;

/**
 * The same page from every side.
 *
 * @throws Error where one of them answers other rows than the gateway
 */
export async function pageSides(ground: PeersGround): Promise<Contestant[]> {
  const { gateway, peers } = ground;
  const sides = [
    { name: 'gateway', url: gateway.url, request: requestBytes(gateway.url, 'GET', PAGE, bearer(ground, 'governance.reader')) },
    ...[...peers].map(([name, { url }]) => ({ name, url, request: requestBytes(url, 'GET', '/scores?limit=50') })),
  ];
  const bodies = await Promise.all(sides.map(({ url, request }) => ask(url, request)));
  return sides.map(({ name, url, request }, index) => {
    assertSamePage(name, bodies[index]!.body, bodies[0]!.body);
    return { name, url, next: () => request, wrong: sameBytes(bodies[index]!.body) };
  });
}

/** A body that is always the same through the whole pipeline, and through bare Express. */
export function staticSides({ gateway, peers }: PeersGround): Contestant[] {
  const side = (name: string, url: string, path: string): Contestant => {
    const request = requestBytes(url, 'GET', path);
    return { name, url, next: () => request, wrong: hasStatus(200) };
  };
  return [side('gateway', gateway.url, '/v1/health/live'), side('express', peers.get('express')!.url, '/static')];
}

/** What should cost less than a page: that nothing has changed, and that there is no such thing. */
export async function shortAnswerSides(ground: PeersGround): Promise<Contestant[]> {
  const { url } = ground.gateway;
  const reader = bearer(ground, 'governance.reader');
  const { body } = await ask(url, requestBytes(url, 'GET', '/v1/principals?limit=1', reader));
  const { id } = (JSON.parse(body.toString()) as { items: { id: string }[] }).items[0]!;
  const side = (name: string, path: string, status: number, headers: Record<string, string> = {}): Contestant => {
    const request = requestBytes(url, 'GET', path, { ...reader, ...headers });
    return { name, url, next: () => request, wrong: hasStatus(status) };
  };
  return [
    side('page', PAGE, 200),
    side('304', `/v1/principals/${id}`, 304, { 'If-None-Match': '"1"' }),
    side('404', '/v1/principals/00000000-0000-7000-8000-000000000000', 404),
  ];
}

/** A new principal: with its event, a key against repeats and a version here, as one bare INSERT there. */
export function writeSides(ground: PeersGround): Contestant[] {
  const { gateway, peers } = ground;
  let written = 0;
  const run = Date.now();
  const admin = bearer(ground, 'governance.admin');
  const side = (name: string, url: string, path: string, headers: () => Record<string, string>): Contestant => ({
    ...{ name, url, wrong: hasStatus(201) },
    next: () => requestBytes(url, 'POST', path, headers(), { type: 'user', displayName: `Somebody ${++written}` }),
  });
  return [
    side('gateway', gateway.url, '/v1/principals', () => ({ ...admin, 'Idempotency-Key': `${run}-${written}` })),
    side('express', peers.get('express')!.url, '/principals', () => ({})),
  ];
}
