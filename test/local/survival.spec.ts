import { jest } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { createPrincipal, listAll, LocalFolder } from './local-process.js';

// Real engines are started and stopped here, several times in a test.
jest.setTimeout(90_000);

const names = async (origin: string): Promise<unknown[]> => (await listAll(origin, '/v1/principals')).map((item) => item['displayName']);

describe('the data folder', () => {
  let folder: LocalFolder;
  beforeEach(async () => {
    folder = await LocalFolder.create();
  });
  afterEach(() => folder.remove());

  it('keeps its state over a restart', async () => {
    const first = folder.start();
    await createPrincipal(await first.ready(), 'Ada');
    await first.signal('SIGINT');
    expect(await names(await folder.start().ready())).toEqual(['Ada']);
  });

  it('keeps what was answered before a kill -9, and the PostgreSQL left running is found and stopped', async () => {
    const first = folder.start();
    const origin = await first.ready();
    const left = await folder.postmasterId();
    await createPrincipal(origin, 'Ada');
    await first.kill();
    expect(isRunning(left)).toBe(true);
    const second = folder.start();
    expect(await names(await second.ready())).toEqual(['Ada']);
    await eventually(() => !isRunning(left));
    expect(await second.signal('SIGTERM')).toBe(0);
  });

  it('keeps what was answered when PostgreSQL is killed with everything else', async () => {
    const first = folder.start();
    await createPrincipal(await first.ready(), 'Ada');
    const postmaster = await folder.postmasterId();
    await first.kill();
    kill(postmaster, 'SIGKILL');
    expect(await names(await folder.start().ready())).toEqual(['Ada']);
  });

  it('has the demo data whole, and nothing of it twice, after loads that were killed', async () => {
    // How many changes the log shows when the kill comes: among the people, the memberships, the assets and the grants.
    for (const made of [1, 130, 230, 400]) {
      const app = folder.start({ LOCAL_DEMO: 'on' });
      await app.said((output) => output.split('"method":"P').length > made);
      await app.kill();
    }
    const last = folder.start({ LOCAL_DEMO: 'on' });
    const origin = await last.ready();
    expect(last.stderr).toBe('');
    const sizes = await Promise.all(
      ['/v1/principals', '/v1/assets', '/v1/grants'].map(async (list) => (await listAll(origin, list)).length),
    );
    expect(sizes).toEqual([87, 80, 400]);
  });

  it('is not filled with demo data again once it holds something', async () => {
    const first = folder.start();
    await createPrincipal(await first.ready(), 'Ada');
    await first.signal('SIGINT');
    expect(await names(await folder.start({ LOCAL_DEMO: 'on' }).ready())).toEqual(['Ada']);
  });

  it('is given up with one line and exit code 1 when its PostgreSQL ends by itself', async () => {
    const app = folder.start();
    await app.ready();
    kill(await folder.postmasterId(), 'SIGQUIT');
    expect(await app.exited()).toBe(1);
    expect(app.stderr.trim()).toMatch(/^The embedded PostgreSQL has ended; .*postgres\.log says why\.$/);
  });
});

/** Never of nobody: 0 would be this process and all that it started. */
function kill(pid: number | null, signal: NodeJS.Signals | 0): void {
  if (pid === null) throw new Error('There is no PostgreSQL to signal.');
  process.kill(pid, signal);
}

/** A process that has ended and was not waited for yet still has its number, which is all the same here. */
function isRunning(pid: number | null): boolean {
  try {
    kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
