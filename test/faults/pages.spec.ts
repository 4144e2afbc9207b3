import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { factories } from '../support/factories.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { scaled } from '../support/scale.js';
import { bodyOf, Client } from './client.js';
import { openSession } from '../support/sessions.js';

const GRANTS = scaled(100_000);
const MUTATIONS = scaled(10_000);
const LIMIT = 100;
const WRITERS = 4;
/** What a page or a write may take on a busy machine, in milliseconds, for the time-outs of whole tests. */
const SLOW_MS = 100;

interface Page {
  items: { id: string }[];
  nextCursor: string | null;
}

/** As many grants as asked for, straight into the table, as if the year before had made one after another. Answers their ids, in their order. */
async function insertGrants(session: pg.Client, principalId: string, assetId: string, count: number): Promise<string[]> {
  const begin = Date.now() - 365 * 24 * 3_600_000;
  const ids = Array.from({ length: count }, (_, index) => uuidv7({ msecs: begin + index * 60_000 }));
  await session.query(
    `INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, created_at, updated_at, version)
      SELECT id, $1, $2, 'permission ' || n, 'read', 'manual', 'active', at, '{"id":"dev","type":"user","principalId":null}', at, at, 1
      FROM unnest($3::uuid[]) WITH ORDINALITY AS made (id, n), to_timestamp($4 / 1000.0 + n * 60) AS at`,
    [principalId, assetId, ids, begin],
  );
  return ids;
}

describe('a walk over all grants', () => {
  let gateway: TestGateway;
  let session: pg.Client;
  let client: Client;
  let there: string[];
  const parties = { principalId: '', assetId: '' };

  beforeAll(async () => {
    gateway = await startTestGateway();
    session = await openSession(gateway.database.url);
    client = new Client(gateway.url);
    const make = factories(gateway.http);
    parties.principalId = (await make.principal()).id;
    parties.assetId = (await make.asset()).id;
    there = await insertGrants(session, parties.principalId, parties.assetId, GRANTS);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await session?.end();
    await gateway?.close();
  });

  /** Grants new access and takes away old, at random, until told to stop; answers how much it did. */
  async function write(state: { walking: boolean }, revoked: Set<string>): Promise<number> {
    const writer = new Client(gateway.url);
    let written = 0;
    for (; state.walking; written++) {
      if (written % 2 === 0) {
        const body = { ...parties, permission: randomUUID(), privilege: 'read' };
        expect((await writer.send('POST', '/v1/grants', { body })).status).toBe(201);
      } else {
        const id = there[Math.floor(Math.random() * there.length)]!;
        revoked.add(id);
        expect((await writer.send('DELETE', `/v1/grants/${id}`)).status).toBe(204);
      }
    }
    writer.close();
    return written;
  }

  async function walk(filters: string): Promise<string[]> {
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = `limit=${LIMIT}${filters}${cursor && `&cursor=${cursor}`}`;
      const answer = await client.send('GET', `/v1/grants?${query}`);
      expect(answer.status).toBe(200);
      const page = bodyOf<Page>(answer);
      for (const item of page.items) seen.push(item.id);
      cursor = page.nextCursor;
    }
    return seen;
  }

  it.each([
    ['of every status', ''],
    ['that are active', '&status=active'],
  ])(
    `meets each of ${GRANTS} grants once that is there throughout, while others are made and revoked: grants %s`,
    async (_name, filter) => {
      const state = { walking: true };
      const revoked = new Set<string>();
      const writing = Promise.all(Array.from({ length: WRITERS }, () => write(state, revoked)));
      const seen = await walk(filter).finally(() => (state.walking = false));
      expect((await writing).every((written) => written > 1)).toBe(true);
      const met = new Set(seen);
      expect(met.size).toBe(seen.length);
      expect(seen).toEqual([...seen].sort());
      // A grant that is revoked stays in a list of every status, and may or may not be met in a list of the active ones.
      const throughout = filter === '' ? there : there.filter((id) => !revoked.has(id));
      expect(throughout.filter((id) => !met.has(id))).toEqual([]);
      there = there.filter((id) => !revoked.has(id));
    },
    30_000 + (GRANTS / LIMIT) * SLOW_MS,
  );

  it(
    `is refused ${MUTATIONS} cursors that are not of this list, filter and sort, byte for byte`,
    async () => {
      const cursorOf = async (path: string): Promise<string> => bodyOf<Page>(await client.send('GET', path)).nextCursor ?? '';
      const own = await cursorOf('/v1/grants?limit=1');
      const foreign = await Promise.all([
        cursorOf('/v1/grants?limit=1&status=active'),
        cursorOf(`/v1/grants?limit=1&principalId=${parties.principalId}`),
        cursorOf(`/v1/grants?limit=1&assetId=${parties.assetId}`),
        cursorOf('/v1/grants?limit=1&privilege=read&status=active'),
        otherList(),
      ]);
      const wrong = [...foreign, ...spellings(own, foreign[4])];
      while (wrong.length < MUTATIONS) wrong.push(mutated(own));
      const answered: string[] = [];
      for (const cursor of wrong) {
        const { status, text } = await client.send('GET', `/v1/grants?limit=1&cursor=${encodeURIComponent(cursor)}`);
        const refused = status === 400 && (JSON.parse(text) as { error: { code: string } }).error.code === 'invalid_cursor';
        if (!refused) answered.push(`${status} to ${JSON.stringify(cursor)}`);
      }
      expect(answered).toEqual([]);
      expect((await client.send('GET', `/v1/grants?limit=1&cursor=${own}`)).status).toBe(200);
    },
    30_000 + MUTATIONS * SLOW_MS,
  );

  async function otherList(): Promise<string> {
    const make = factories(gateway.http);
    await make.principal();
    return bodyOf<Page>(await client.send('GET', '/v1/principals?limit=1')).nextCursor ?? '';
  }
});

/** The same bytes in other words of base64, parts of two cursors put together, and what is no cursor at all. */
function spellings(own: string, foreign: string): string[] {
  const [payload, code] = own.split('.') as [string, string];
  const [otherPayload, otherCode] = foreign.split('.') as [string, string];
  const bytes = Buffer.from(payload, 'base64url');
  const forged = Buffer.from(JSON.stringify({ k: [randomUUID()] })).toString('base64url');
  return [
    ...[
      `${payload}=.${code}`,
      `${payload}.${code}=`,
      `${payload}.${code}==`,
      `${payload}==.${code}`,
      `=${own}`,
      ` ${own}`,
      `${own} `,
      `${own}\n`,
    ],
    ...[
      `${bytes.toString('base64')}=.${code}`,
      `${bytes.toString('hex')}.${code}`,
      `${payload}.${Buffer.from(code, 'base64url').toString('hex')}`,
    ],
    // The last letter of a code carries 2 bits of it; decoders ignore the other 4.
    ...['A', 'Q', 'g', 'w', 'B', 'x'].map((letter) => `${payload}.${code.slice(0, -1)}${letter}`).filter((it) => it !== own),
    ...[`${payload}.${otherCode}`, `${otherPayload}.${code}`, `${code}.${payload}`, `${forged}.${code}`, `${forged}.`, forged],
    ...[
      `${own}.`,
      `.${own}`,
      `${own}.${code}`,
      `${own}${own}`,
      payload,
      `${payload}.`,
      code,
      `.${code}`,
      '.',
      '..',
      '0',
      'null',
      '-1',
      own.toUpperCase(),
    ],
    ...[
      randomUUID(),
      'x'.repeat(5_000),
      `${payload}${'A'.repeat(3_000)}.${code}`,
      `${payload}\u00e9.${code}`,
      '%2e',
      '\u{1f511}',
      '[object Object]',
    ],
  ];
}

/** One bit of one byte turned over, cut short anywhere, or letters put in, taken out or exchanged. */
function mutated(cursor: string): string {
  const at = Math.floor(Math.random() * cursor.length);
  const letter = String.fromCharCode(33 + Math.floor(Math.random() * 94));
  const flipped = String.fromCharCode(cursor.charCodeAt(at) ^ (1 << Math.floor(Math.random() * 8)));
  const mutations = [
    () => cursor.slice(0, at) + flipped + cursor.slice(at + 1),
    () => cursor.slice(0, at),
    () => cursor.slice(0, at) + letter + cursor.slice(at),
    () => cursor.slice(0, at) + cursor.slice(at + 1),
    () => cursor + letter.repeat(1 + at),
    () => cursor.slice(0, at) + letter + cursor.slice(at + 1),
  ];
  const made = mutations[Math.floor(Math.random() * mutations.length)]!();
  return made === cursor ? mutated(cursor) : made;
}
