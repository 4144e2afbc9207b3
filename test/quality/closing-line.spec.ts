import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const PASSES = `test('passes', () => {});`;
const FAILS = `test('fails', () => { throw new Error('as it should'); });`;

interface Outcome {
  lastLine: string;
  exitCode: number | null;
}

/** Runs jest with our reporter, as `npm test` has it, on test files of which each has the text given. */
async function jestOn(files: string[], environment: Record<string, string>): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'closing-line-'));
  try {
    await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }');
    await Promise.all(files.map((text, index) => writeFile(join(folder, `part-${index}.test.js`), text)));
    const config = {
      rootDir: folder,
      transform: {},
      haste: { forceNodeFilesystemAPI: true },
      reporters: ['default', join(ROOT, 'test/support/closing-line-reporter.js')],
    };
    const args = [join(ROOT, 'node_modules/jest/bin/jest.js'), '--config', JSON.stringify(config), '--passWithNoTests', '--runInBand'];
    // Both streams into one file, as a terminal or a log of CI has them.
    const output = await open(join(folder, 'output'), 'w+');
    const stdio = ['ignore', output.fd, output.fd] as const;
    const run = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...environment }, stdio: [...stdio] });
    const [exitCode] = (await once(run, 'close')) as [number | null];
    const lines = (await readFile(join(folder, 'output'), 'utf8')).trimEnd().split('\n');
    await output.close();
    return { lastLine: lines.at(-1) ?? '', exitCode };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('the closing line of a test run', () => {
  it('counts tests of all files, and files that cannot be run as a failure each', async () => {
    const outcome = await jestOn([PASSES + FAILS, PASSES, 'this is no script'], { CI: 'true' });
    expect(outcome).toEqual({ lastLine: '2 passed, 2 failed', exitCode: 1 });
  });

  it('says that nothing failed where nothing did', async () => {
    expect(await jestOn([PASSES], { CI: 'true' })).toEqual({ lastLine: '1 passed, 0 failed', exitCode: 0 });
  });

  it('takes a test that was left out for a failure in CI, and only there', async () => {
    const skipped = PASSES + `test.skip('is not run', () => {});`;
    expect(await jestOn([skipped], { CI: 'true' })).toEqual({ lastLine: '1 passed, 1 failed', exitCode: 1 });
    expect(await jestOn([skipped], { CI: '' })).toEqual({ lastLine: '1 passed, 0 failed', exitCode: 0 });
  });
});
