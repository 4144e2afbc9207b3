import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { S3Server } from '../../test/support/s3-server.js';
import { openStorage } from './open-storage.js';
import { FileMissingError, type ReportStorage } from './report-storage.js';

/** One engine under test, and what lies in it that a reader can see or that a failure has left. */
interface Engine {
  storage: ReportStorage;
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

const MEGABYTE = 1024 * 1024;

async function* chunks(content: Uint8Array, size = 300_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield await Promise.resolve(content.subarray(at, at + size));
}

async function* breakingOff(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* chunks(content);
  throw new Error('The source broke off.');
}

async function localEngine(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), 'report-storage-'));
  return {
    storage: await openStorage(pathToFileURL(folder).href),
    leftovers: async () => (existsSync(join(folder, '.drafts')) ? readdir(join(folder, '.drafts')) : []),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function s3Engine(): Promise<Engine | null> {
  const server = await S3Server.start();
  if (!server) return null;
  const storage = await openStorage(server.url('kept/here'));
  return {
    storage,
    leftovers: async () => {
      const { keys, unfinished } = await server.contents();
      return [...keys.filter((key) => !key.startsWith('kept/here/')), ...Array<string>(unfinished).fill('an upload')];
    },
    close: async () => {
      storage.close();
      await server.stop();
    },
  };
}

describe.each([
  { name: 'a folder', start: localEngine },
  { name: 'a bucket', start: s3Engine },
])('reports in $name', ({ start }) => {
  let engine: Engine | null;

  beforeAll(async () => {
    engine = await start();
  }, 300_000);

  afterAll(() => engine?.close());

  /** A test that is not there where the engine cannot be had; the line on stderr says so. */
  const guarantees = (name: string, test: (storage: ReportStorage, of: Engine) => Promise<void>): void =>
    it(name, () => (engine ? test(engine.storage, engine) : Promise.resolve()), 60_000);

  const whole = async (storage: ReportStorage, key: string): Promise<Buffer> => buffer(await storage.open(key));

  guarantees('come back as they were, with their size and SHA-256, whatever their length', async (storage) => {
    for (const bytes of [0, 1, MEGABYTE + 1, 20 * MEGABYTE + 7]) {
      const content = randomBytes(bytes);
      const stored = await storage.write(`sizes/${bytes}.csv`, chunks(content));
      expect(stored).toEqual({ bytes, sha256: createHash('sha256').update(content).digest('hex') });
      expect((await whole(storage, `sizes/${bytes}.csv`)).equals(content)).toBe(true);
    }
  });

  guarantees('come in any part that is asked for', async (storage) => {
    const content = randomBytes(3 * MEGABYTE);
    await storage.write('parts.bin', chunks(content));
    for (const [start, end] of [
      [0, 0],
      [0, content.length - 1],
      [content.length - 1, content.length - 1],
      [MEGABYTE - 1, 2 * MEGABYTE],
    ] as const) {
      const part = await buffer(await storage.open('parts.bin', { start, end }));
      expect(part.equals(content.subarray(start, end + 1))).toBe(true);
    }
  });

  guarantees('are not there at all when their source breaks off', async (storage, { leftovers }) => {
    for (const bytes of [1_000, 20 * MEGABYTE]) {
      await expect(storage.write('broken.csv', breakingOff(randomBytes(bytes)))).rejects.toThrow('broke off');
      await expect(storage.open('broken.csv')).rejects.toThrow(FileMissingError);
    }
    expect(await leftovers()).toEqual([]);
  });

  guarantees('are the old ones until the new ones are whole', async (storage) => {
    const [first, second] = [randomBytes(MEGABYTE), randomBytes(20 * MEGABYTE)];
    await storage.write('replaced.csv', chunks(first));
    await expect(storage.write('replaced.csv', breakingOff(second))).rejects.toThrow('broke off');
    expect((await whole(storage, 'replaced.csv')).equals(first)).toBe(true);
    let seen: Buffer | undefined;
    async function* lookingMeanwhile(): AsyncGenerator<Uint8Array> {
      yield* chunks(second);
      seen = await whole(storage, 'replaced.csv');
    }
    await storage.write('replaced.csv', lookingMeanwhile());
    expect(seen?.equals(first)).toBe(true);
    expect((await whole(storage, 'replaced.csv')).equals(second)).toBe(true);
  });

  guarantees('are one of two whole ones where two write the same at once', async (storage, { leftovers }) => {
    const contents = [randomBytes(9 * MEGABYTE), randomBytes(9 * MEGABYTE)];
    await Promise.all(contents.map((content) => storage.write('twice.csv', chunks(content))));
    const kept = await whole(storage, 'twice.csv');
    expect(contents.some((content) => content.equals(kept))).toBe(true);
    expect(await leftovers()).toEqual([]);
  });

  guarantees('can be removed, and removed again', async (storage) => {
    await storage.write('gone.csv', chunks(randomBytes(10)));
    await storage.remove('gone.csv');
    await storage.remove('gone.csv');
    await expect(storage.open('gone.csv')).rejects.toThrow(FileMissingError);
  });

  guarantees('let go of a reader who leaves half-way', async (storage) => {
    const content = randomBytes(20 * MEGABYTE);
    await storage.write('left.csv', chunks(content));
    for (let reader = 0; reader < 100; reader++) {
      const stream = await storage.open('left.csv');
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.once('data', () => stream.destroy());
      await closed;
    }
    expect((await whole(storage, 'left.csv')).equals(content)).toBe(true);
  });

  guarantees('have no key that leads elsewhere', async (storage) => {
    for (const key of [
      '',
      '.',
      '..',
      '../x',
      'a/../../x',
      '/etc/passwd',
      'a//b',
      '.hidden',
      'a/.b',
      'a\\b',
      'a\0b',
      'ä',
      'a?b',
      'a'.repeat(200),
    ]) {
      await expect(storage.write(key, chunks(randomBytes(1)))).rejects.toThrow('A key');
      await expect(storage.open(key)).rejects.toThrow('A key');
      await expect(storage.remove(key)).rejects.toThrow('A key');
    }
  });
});

describe('a folder of reports', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-storage-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('can be read by its owner alone', async () => {
    const storage = await openStorage(pathToFileURL(join(folder, 'made/here')).href);
    await storage.write('2026/report.csv', chunks(randomBytes(10)));
    const modes = await Promise.all(['made/here', 'made/here/2026', 'made/here/2026/report.csv'].map((path) => stat(join(folder, path))));
    expect(modes.map(({ mode }) => mode & 0o077)).toEqual([0, 0, 0]);
  });

  it('is rid of what processes that died have left, and keeps what is being written', async () => {
    const drafts = join(folder, '.drafts');
    await mkdir(drafts);
    await writeFile(join(drafts, 'old'), 'x');
    await writeFile(join(drafts, 'new'), 'x');
    const twoDaysAgo = new Date(Date.now() - 2 * 86_400_000);
    await utimes(join(drafts, 'old'), twoDaysAgo, twoDaysAgo);
    await (await openStorage(pathToFileURL(folder).href)).write('a', chunks(randomBytes(10)));
    expect(await readdir(drafts)).toEqual(['new']);
  });
});
