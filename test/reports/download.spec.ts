import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { openStorage } from '#libs/report-storage/open-storage.js';
import type { ReportStorage } from '#libs/report-storage/report-storage.js';
import { eventually } from '../support/eventually.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { S3Server } from '../support/s3-server.js';

interface Place {
  url: string;
  close(): Promise<void>;
}

async function folder(): Promise<Place> {
  const path = await mkdtemp(join(tmpdir(), 'reports-'));
  return { url: pathToFileURL(path).href, close: () => rm(path, { recursive: true, force: true }) };
}

async function bucket(): Promise<Place | null> {
  const server = await S3Server.start();
  return server && { url: server.url('reports'), close: () => server.stop() };
}

async function* oneChunk(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(content);
}

const LARGE = 30 * 1024 * 1024;

describe.each([
  { name: 'a folder', start: folder },
  { name: 'a bucket', start: bucket },
])('a report that lies in $name', ({ start }) => {
  let place: Place | null;
  let gateway: TestGateway;
  let storage: ReportStorage;
  let sql: pg.Client;
  const content = randomBytes(LARGE);
  const sha256 = createHash('sha256').update(content).digest('hex');
  let address: string;

  beforeAll(async () => {
    place = await start();
    if (!place) return;
    storage = await openStorage(place.url);
    const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    gateway = await startTestGateway({ environment: { API_REPORT_STORAGE_URL: place.url, ...credentials } });
    sql = new pg.Client({ connectionString: gateway.database.url });
    await sql.connect();
    address = `/v1/reports/${await insertReport('completed', content)}/download`;
  }, 300_000);

  afterAll(async () => {
    if (!place) return;
    await sql.end();
    await gateway.close();
    storage.close();
    await place.close();
  });

  /** A report as the worker leaves it. */
  async function insertReport(status: string, file: Buffer | null): Promise<string> {
    const id = uuidv7();
    const key = file && `${id}.csv`;
    if (file && key) await storage.write(key, oneChunk(file));
    const hash = file && createHash('sha256').update(file).digest('hex');
    await sql.query(
      `INSERT INTO reports (id, kind, format, parameters, status, requested_by, requester_id, completed_at, expires_at, bytes, sha256, file_key,
          created_at, updated_at, version, run_at)
        VALUES ($1, 'access_listing', 'csv', '{}', $2, '{}', 'dev', now(), now() + interval '1 day', $3, $4, $5, '2026-01-31T12:00:00Z', now(), 1, now())`,
      [id, status, file?.length ?? null, hash, key],
    );
    return id;
  }

  const downloads = async (): Promise<number> =>
    (await sql.query(`SELECT FROM events WHERE payload->>'action' = 'report.downloaded'`)).rowCount ?? 0;

  const guarantees = (name: string, test: () => Promise<void>): void => it(name, () => (place ? test() : Promise.resolve()), 60_000);

  const get = (headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(`${gateway.url}${address}`, { method, headers });

  guarantees('comes as it is, with its length, name and SHA-256, and is an event', async () => {
    const before = await downloads();
    const response = await get();
    expect(response.status).toBe(200);
    const digest = Buffer.from(sha256, 'hex').toString('base64');
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-length': String(LARGE),
      'content-disposition': expect.stringMatching(/^attachment; filename="access_listing-2026-01-31-[0-9a-f-]{36}\.csv"$/),
      'accept-ranges': 'bytes',
      etag: `"${sha256}"`,
      digest: `SHA-256=${digest}`,
      'repr-digest': `sha-256=:${digest}:`,
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    expect(await downloads()).toBe(before + 1);
  });

  guarantees('is told of without being opened', async () => {
    const before = await downloads();
    const head = await get({}, 'HEAD');
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(LARGE));
    const known = await get({ 'If-None-Match': `"${sha256}"` });
    expect([known.status, await known.text()]).toEqual([304, '']);
    expect(await downloads()).toBe(before);
  });

  guarantees('comes in parts, which together are the whole', async () => {
    const parts: Buffer[] = [];
    for (const range of ['bytes=0-99', `bytes=100-${LARGE - 51}`, 'bytes=-50']) {
      const response = await get({ Range: range, 'If-Range': `"${sha256}"` });
      expect(response.status).toBe(206);
      const part = Buffer.from(await response.arrayBuffer());
      const from = range === 'bytes=-50' ? LARGE - 50 : Number(/\d+/.exec(range)?.[0]);
      expect(response.headers.get('content-range')).toBe(`bytes ${from}-${from + part.length - 1}/${LARGE}`);
      parts.push(part);
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  guarantees('comes whole where the part is of another file, or of no form', async () => {
    const requests: Record<string, string>[] = [
      { Range: 'bytes=0-9', 'If-Range': '"another"' },
      { Range: 'lines=1-2' },
      { Range: 'bytes=0-1,5-6' },
    ];
    for (const headers of requests) {
      const response = await get(headers);
      expect([response.status, response.headers.get('content-length')]).toEqual([200, String(LARGE)]);
      await response.body?.cancel();
    }
  });

  guarantees('answers 416 to a part that it does not have', async () => {
    const response = await get({ Range: `bytes=${LARGE}-` });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${LARGE}`]);
    expect(await response.json()).toMatchObject({ error: { code: 'range_not_satisfiable' } });
    expect(response.headers.get('content-disposition')).toBeNull();
  });

  guarantees('may be left half-way by many, and is there for the next', async () => {
    for (let client = 0; client < 30; client++) {
      await new Promise<void>((resolve, reject) => {
        const leaving = request(`${gateway.url}${address}`, (response) => {
          response.once('data', () => leaving.destroy());
          response.once('close', resolve);
          response.on('error', () => undefined);
        });
        leaving.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' ? resolve() : reject(error)));
        leaving.end();
      });
    }
    const hash = createHash('sha256').update(Buffer.from(await (await get()).arrayBuffer()));
    expect(hash.digest('hex')).toBe(sha256);
    expect(gateway.process.log.filter(({ msg }) => msg === 'Unhandled failure')).toEqual([]);
  });

  guarantees('is logged as sent where it was, also when the client hangs up at once', async () => {
    const id = await insertReport('completed', content.subarray(0, 1_000_000));
    const requestIds = Array.from({ length: 20 }, () => uuidv7());
    for (const requestId of requestIds) {
      await new Promise<void>((resolve, reject) => {
        let left = 1_000_000;
        const asking = request(
          `${gateway.url}/v1/reports/${id}/download`,
          { agent: false, headers: { 'X-Request-Id': requestId } },
          (response) => {
            response.on('data', (chunk: Buffer) => {
              left -= chunk.length;
              if (left > 0) return;
              response.destroy();
              resolve();
            });
          },
        );
        asking.on('error', reject).end();
      });
    }
    // Lines of requests before these may still come in, since the log is written a little late.
    const logged = (requestId: string) => gateway.process.log.find((line) => line.msg === 'request' && line.requestId === requestId);
    await eventually(() => requestIds.every(logged));
    expect(requestIds.map((requestId) => logged(requestId)?.status)).toEqual(Array<number>(20).fill(200));
  });

  guarantees('waits for a client that reads slowly, and does not gather in memory meanwhile', async () => {
    const resident = async (): Promise<number> => {
      const metrics = await (await fetch(`${gateway.url}/v1/metrics`)).text();
      return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
    };
    const before = await resident();
    const slow = await Promise.all(Array.from({ length: 10 }, () => get()));
    await eventually(async () => (await resident()) > 0);
    expect((await resident()) - before).toBeLessThan(5 * LARGE);
    await Promise.all(slow.map(async (response) => response.body?.cancel()));
  });

  guarantees('is not there before it is complete, after it has expired, or under another id', async () => {
    const code = async (id: string): Promise<unknown[]> => {
      const { status, body } = await gateway.http.get(`/v1/reports/${id}/download`);
      return [status, (body as { error: { code: string } }).error.code];
    };
    expect(await code(await insertReport('queued', null))).toEqual([409, 'report_not_ready']);
    expect(await code(await insertReport('failed', null))).toEqual([409, 'report_not_ready']);
    expect(await code(await insertReport('expired', null))).toEqual([410, 'report_expired']);
    expect(await code(uuidv7())).toEqual([404, 'not_found']);
    expect(await code('1')).toEqual([400, 'validation_failed']);
  });

  guarantees('that the storage has lost is a 503, and no download', async () => {
    const id = await insertReport('completed', Buffer.from('x'));
    await storage.remove(`${id}.csv`);
    const before = await downloads();
    const { status } = await gateway.http.get(`/v1/reports/${id}/download`);
    expect([status, await downloads()]).toEqual([503, before]);
  });

  guarantees('that is shorter than it was breaks off instead of passing for whole', async () => {
    const id = await insertReport('completed', Buffer.alloc(1000));
    await storage.write(`${id}.csv`, oneChunk(Buffer.alloc(999)));
    await expect(fetch(`${gateway.url}/v1/reports/${id}/download`).then((response) => response.arrayBuffer())).rejects.toThrow();
  });
});
