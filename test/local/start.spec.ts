import { jest } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { eventually } from '../support/eventually.js';
import type { LocalProcess } from './local-process.js';
import { listAll, LocalFolder } from './local-process.js';

// Real engines are started and stopped here, several times in a test.
jest.setTimeout(90_000);

const READY_WITHIN_MS = 15_000;

async function timedStart(folder: LocalFolder): Promise<{ app: LocalProcess; origin: string; readyAfterMs: number }> {
  const startedAt = performance.now();
  const app = folder.start({ LOCAL_DEMO: 'on' });
  const origin = await app.ready();
  return { app, origin, readyAfterMs: performance.now() - startedAt };
}

describe('npm start on an empty folder', () => {
  let folder: LocalFolder;
  let app: LocalProcess;
  let origin: string;
  let readyAfterMs: number;
  beforeAll(async () => {
    folder = await LocalFolder.create();
    ({ app, origin, readyAfterMs } = await timedStart(folder));
  });
  afterAll(() => folder.remove());

  it('is ready in under 15 s, demo data included', async () => {
    // Other specs may have the machine's cores at the same moment: the best of three counts.
    let bestMs = readyAfterMs;
    for (let more = 2; more > 0 && bestMs >= READY_WITHIN_MS; more--) {
      const another = await LocalFolder.create();
      bestMs = Math.min(bestMs, (await timedStart(another)).readyAfterMs);
      await another.remove();
    }
    expect(bestMs).toBeLessThan(READY_WITHIN_MS);
    expect(app.stderr).toBe('');
    expect((await fetch(`${origin}/v1/health`)).status).toBe(200);
  });

  it('says on a line each where the API, the docs and the health check are, and that is this machine alone', async () => {
    const lines = [`API     ${origin}/v1`, `Docs    ${origin}/v1/docs`, `Health  ${origin}/v1/health`];
    expect(app.stdout.split('\n')).toEqual(expect.arrayContaining(lines));
    expect(new URL(origin).hostname).toBe('127.0.0.1');
    expect((await fetch(`${origin}/v1/docs`)).status).toBe(200);
  });

  it('shows a company: people, service accounts and groups, assets of every type and sensitivity, grants in every status', async () => {
    const [principals, assets, grants] = await Promise.all(
      ['/v1/principals', '/v1/assets', '/v1/grants'].map((list) => listAll(origin, list)),
    );
    const count = (items: Record<string, unknown>[] | undefined, field: string, value: string): number =>
      items?.filter((item) => item[field] === value).length ?? 0;
    expect(['user', 'service_account', 'group'].map((type) => count(principals, 'type', type))).toEqual([60, 12, 15]);
    expect(new Set(principals?.map((item) => item['status']))).toEqual(new Set(['active', 'suspended', 'deactivated']));
    expect(assets).toHaveLength(80);
    expect(new Set(assets?.map((item) => item['type'])).size).toBe(10);
    expect(new Set(assets?.map((item) => item['sensitivity'])).size).toBe(4);
    expect(grants).toHaveLength(400);
    for (const status of ['active', 'revoked', 'expired']) expect(count(grants, 'status', status)).toBeGreaterThan(5);
  });
});

describe('npm start', () => {
  let folder: LocalFolder;
  beforeEach(async () => {
    folder = await LocalFolder.create();
  });
  afterEach(() => folder.remove());

  it('leaves the database empty with LOCAL_DEMO=off', async () => {
    const origin = await folder.start({ LOCAL_DEMO: 'off' }).ready();
    const lists = await Promise.all(['/v1/principals', '/v1/assets', '/v1/grants'].map((list) => listAll(origin, list)));
    expect(lists).toEqual([[], [], []]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('stops with exit code 0 on %s, and leaves no PostgreSQL behind', async (name) => {
    const app = folder.start();
    await app.ready();
    expect(await folder.postmasterId()).not.toBeNull();
    expect(await app.signal(name)).toBe(0);
    expect(await folder.postmasterId()).toBeNull();
    expect(app.stderr).toBe('');
  });

  it('stops with exit code 0 in the middle of a first start, without a word and without a PostgreSQL left', async () => {
    const app = folder.start({ LOCAL_DEMO: 'on' });
    await app.said((output) => output !== '');
    expect(await app.signal('SIGINT')).toBe(0);
    expect(app.stderr).toBe('');
    expect(await folder.postmasterId()).toBeNull();
  });

  it.each([
    ['told to stop', 'SIGINT', 0],
    ['killed', 'SIGKILL', null],
  ] as const)('is completed by the next one when it was %s while PostgreSQL was being set up', async (_, name, code) => {
    const app = folder.start();
    await eventually(async () => (await readdir(folder.path)).some((entry) => entry.startsWith('postgres.new-')));
    expect(await app.signal(name)).toBe(code);
    await folder.start().ready();
  });
});
