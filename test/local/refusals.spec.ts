import { jest } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import path from 'node:path';
import type { LocalProcess } from './local-process.js';
import { LocalFolder } from './local-process.js';

jest.setTimeout(60_000);

/** What a refused start says: one line on stderr, nothing on stdout, exit code 1. */
async function refusal(app: LocalProcess): Promise<string> {
  expect(await app.exited()).toBe(1);
  const lines = app.stderr.trim().split('\n');
  expect({ lines: lines.length, stdout: app.stdout }).toEqual({ lines: 1, stdout: '' });
  return lines[0] ?? '';
}

describe('a start that cannot be', () => {
  let folder: LocalFolder;
  beforeEach(async () => {
    folder = await LocalFolder.create();
  });
  afterEach(() => folder.remove());

  it('names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const line = await refusal(folder.start({ API_PORT: String(port) }));
    other.close();
    expect(line).toBe(`Port ${port} on 127.0.0.1 is in use; set API_PORT to another one.`);
  });

  it('names the data folder that another process has, and leaves that process alone', async () => {
    const first = folder.start();
    const origin = await first.ready();
    const postmaster = await folder.postmasterId();
    expect(await refusal(folder.start())).toContain(`The data folder ${folder.path} is in use by another process`);
    expect(await folder.postmasterId()).toBe(postmaster);
    expect((await fetch(`${origin}/v1/health`)).status).toBe(200);
  });

  it('lets one of two that start at once have the folder', async () => {
    const [one, two] = [folder.start(), folder.start()];
    const outcomes = await Promise.allSettled([one.ready(), two.ready()]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = outcomes[0]?.status === 'rejected' ? one : two;
    expect(await refusal(refused)).toContain('is in use by another process');
  });

  it('says that a newer version wrote the folder', async () => {
    await writeFile(path.join(folder.path, 'format'), '99\n');
    const line = await refusal(folder.start());
    expect(line).toContain(`The data folder ${folder.path} was written by a newer version (format 99`);
  });

  it('does not put its data among other files', async () => {
    await writeFile(path.join(folder.path, 'thesis.txt'), 'mine');
    expect(await refusal(folder.start())).toContain('holds something else');
  });

  it('says that the folder cannot be written', async () => {
    const file = path.join(folder.path, 'file');
    await writeFile(file, '');
    const line = await refusal(folder.start({ LOCAL_DATA_DIR: path.join(file, 'below') }));
    expect(line).toContain('cannot be written (ENOTDIR)');
  });

  it('says which file a damaged folder lacks', async () => {
    await writeFile(path.join(folder.path, 'format'), '1\n');
    await mkdir(path.join(folder.path, 'postgres'));
    expect(await refusal(folder.start())).toContain('postgres-password is missing');
  });

  it('takes LOCAL_DEMO as on or off only', async () => {
    expect(await refusal(folder.start({ LOCAL_DEMO: 'maybe' }))).toBe('LOCAL_DEMO must be on or off.');
  });

  it('lists every problem of the configuration, without a value and without a stack trace', async () => {
    const app = folder.start({ API_PORT: 'secret-port', API_LOG_LEVEL: 'secret-level', API_AUTH_MODE: 'dev', NODE_ENV: 'production' });
    expect(await app.exited()).toBe(1);
    const [title, ...problems] = app.stderr.trim().split('\n');
    expect(title).toBe('The configuration is not valid:');
    expect(problems.map((line) => line.trim().split(' ')[1]).sort()).toEqual(['API_AUTH_MODE', 'API_LOG_LEVEL', 'API_PORT']);
    expect(app.stderr).not.toContain('secret');
  });

  it('says that a database of the user’s own cannot be reached, without its password', async () => {
    const line = await refusal(folder.start({ API_DATABASE_URL: 'postgresql://someone:pass-word@127.0.0.1:1/none' }));
    expect(line).toBe('The database cannot be used: ECONNREFUSED');
  });
});
