import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { LocalFolder } from '../local/local-process.js';
import { PostgresServer } from '../support/postgres-server.js';

const TOUR = 'docs/tour-postgres.md';
const END_OF_BLOCK = '-- end of block';
const TIMEOUT_MS = 300_000;

interface Block {
  script: string;
  shown: string;
}

/** What the page has its reader paste, each block with the output that it shows below. */
function blocksOf(page: string): Block[] {
  const found = page.matchAll(/^```sh\n(?<script>[\s\S]*?)^```\n(?:\n```text\n(?<shown>[\s\S]*?)^```\n)?/gm);
  return [...found].map(({ groups }) => ({ script: groups?.['script'] ?? '', shown: groups?.['shown'] ?? '' }));
}

describe('docs/tour-postgres.md', () => {
  let folder: LocalFolder;
  let target: PostgresServer;
  beforeAll(async () => {
    [folder, target] = await Promise.all([
      LocalFolder.create(),
      PostgresServer.start({ binaries: process.env['TEST_TARGET_POSTGRES_BIN'] }),
    ]);
  }, 60_000);
  afterAll(() => Promise.all([folder.remove(), target.remove()]));

  it(
    'answers a reader who pastes it with what it shows, block by block, and with no error',
    async () => {
      const blocks = blocksOf(await readFile(TOUR, 'utf8'));
      const API = await folder.start({ API_LOG_LEVEL: 'WARNING' }).ready();
      const script = blocks.map((block) => `${block.script}echo '${END_OF_BLOCK}'\n`).join('');
      const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], LC_ALL: 'C', API, TARGET: target.url() };
      const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script], { env, timeout: TIMEOUT_MS - 30_000 });
      const printed = stdout.split(`${END_OF_BLOCK}\n`).slice(0, -1);
      expect(blocks.map(({ script: pasted }, index) => ({ pasted, printed: printed[index] }))).toEqual(
        blocks.map(({ script: pasted, shown }) => ({ pasted, printed: shown })),
      );
      expect(blocks.filter(({ shown }) => shown !== '').length).toBeGreaterThan(8);
      expect(stderr).toBe('');
    },
    TIMEOUT_MS,
  );
});
