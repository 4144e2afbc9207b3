import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = resolve(import.meta.dirname, '../../.cache');
const INSTALL_TIMEOUT_MS = 300_000;

/** A tool that is not of npm's world: where its programs are, or null where this machine cannot have it. */
export type OutsideTool = { bin: (program: string) => string } | null;

/**
 * A package of PyPI in a virtual environment of its own under `.cache`, made at the first call. One line says so where there is no Python;
 * with CI=true that is an error.
 */
export function pythonTool(requirement: string): Promise<OutsideTool> {
  return available(requirement, async () => {
    const home = join(CACHE, 'python', requirement.replaceAll(/[^A-Za-z0-9.-]+/g, '-'));
    // Left behind by pip's success alone, so that an install that was cut off is made again.
    const finished = join(home, 'installed');
    if (!existsSync(finished)) {
      await rm(home, { recursive: true, force: true });
      await run('python3', ['-m', 'venv', home], { timeout: INSTALL_TIMEOUT_MS });
      await run(join(home, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', requirement], { timeout: INSTALL_TIMEOUT_MS });
      await mkdir(finished);
    }
    return { bin: (program) => join(home, 'bin', program) };
  });
}

/** promtool: the one in the path, else the one in Debian's package, unpacked under `.cache` and not installed. */
export function promtool(): Promise<OutsideTool> {
  return available('promtool', async () => {
    const inPath = await run('promtool', ['--version']).then(
      () => true,
      () => false,
    );
    if (inPath) return { bin: (program) => program };
    const home = join(CACHE, 'prometheus');
    if (!existsSync(home)) {
      const draft = `${home}-draft`;
      await rm(draft, { recursive: true, force: true });
      await mkdir(draft, { recursive: true });
      await run('apt-get', ['download', 'prometheus'], { cwd: draft, timeout: INSTALL_TIMEOUT_MS });
      const packed = (await readdir(draft)).find((name) => name.endsWith('.deb')) ?? '';
      await run('dpkg-deb', ['--extract', packed, '.'], { cwd: draft });
      await rename(draft, home);
    }
    return { bin: (program) => join(home, 'usr/bin', program) };
  });
}

async function available(name: string, install: () => Promise<NonNullable<OutsideTool>>): Promise<OutsideTool> {
  try {
    return await install();
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1) ?? '';
    if (process.env['CI'] === 'true') throw new Error(`${name} is not to be had: ${reason}`, { cause: error });
    process.stderr.write(`${name} is not to be had, so what it checks is not checked: ${reason}\n`);
    return null;
  }
}
