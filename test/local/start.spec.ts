import { LocalFolder, listAll } from './local-process.js';

const READY_WITHIN_MS = 15_000;

describe('npm start', () => {
  let folder: LocalFolder;
  beforeEach(async () => {
    folder = await LocalFolder.create();
  });
  afterEach(() => folder.remove());

  it('is ready in under 15 s on an empty folder, demo data included, and says where API, docs and health check are', async () => {
    const startedAt = performance.now();
    const app = folder.start({ LOCAL_DEMO: 'on' });
    const origin = await app.ready();
    expect(performance.now() - startedAt).toBeLessThan(READY_WITHIN_MS);
    expect(app.stdout.split('\n')).toEqual(
      expect.arrayContaining([`API     ${origin}/v1`, `Docs    ${origin}/v1/docs`, `Health  ${origin}/v1/health`]),
    );
    expect(app.stderr).toBe('');
    expect((await fetch(`${origin}/v1/health`)).status).toBe(200);
    expect(new URL(origin).hostname).toBe('127.0.0.1');
  });

  it('shows a company: people, service accounts and groups, assets of every type and sensitivity, grants in every status', async () => {
    const origin = await folder.start({ LOCAL_DEMO: 'on' }).ready();
    const [principals, assets, grants] = await Promise.all(
      ['/v1/principals', '/v1/assets', '/v1/grants'].map((list) => listAll(origin, list)),
    );
    const count = (items: Record<string, unknown>[] | undefined, field: string, value: string): number =>
      items?.filter((item) => item[field] === value).length ?? 0;
    expect([count(principals, 'type', 'user'), count(principals, 'type', 'service_account'), count(principals, 'type', 'group')]).toEqual([
      60, 12, 15,
    ]);
    expect(new Set(principals?.map((item) => item['status']))).toEqual(new Set(['active', 'suspended', 'deactivated']));
    expect(assets).toHaveLength(80);
    expect(new Set(assets?.map((item) => item['type'])).size).toBe(10);
    expect(new Set(assets?.map((item) => item['sensitivity'])).size).toBe(4);
    expect(grants).toHaveLength(400);
    for (const status of ['active', 'revoked', 'expired']) expect(count(grants, 'status', status)).toBeGreaterThan(5);
  });

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

  it('stops with exit code 0 when it is told to in the middle of a first start, and the next one is ready', async () => {
    const cutOff = folder.start({ LOCAL_DEMO: 'on' });
    await cutOff.said(/./);
    expect(await cutOff.signal('SIGINT')).toBe(0);
    expect(await folder.postmasterId()).toBeNull();
    await folder.start({ LOCAL_DEMO: 'on' }).ready();
  });
});
