import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** By the folder that everything is run from, since benchmarks run this file from `dist`. */
const CACHE = resolve('.cache');
const INSTALL_TIMEOUT_MS = 300_000;

/** A tool that is not of npm's world: where its programs are, or null where this machine cannot have it. */
export type OutsideTool = { bin: (program: string) => string } | null;

/**
 * A package of PyPI, or several with blanks between them, in a virtual environment of their own under `.cache`, made at the first call. One line says so where there is no Python;
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
      await run(join(home, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...requirement.split(' ')], {
        timeout: INSTALL_TIMEOUT_MS,
      });
      await mkdir(finished);
    }
    return { bin: (program) => join(home, 'bin', program) };
  });
}

/** promtool: the one in the path, else the one in Debian's package, unpacked under `.cache` and not installed. */
export function promtool(): Promise<OutsideTool> {
  return debianTool('promtool', 'prometheus', async (draft) => {
    await run('apt-get', ['download', 'prometheus'], { cwd: draft, timeout: INSTALL_TIMEOUT_MS });
  });
}

/** Poppler's programs (pdftotext, pdfinfo, pdftoppm): those in the path, else those of Debian's package with whatever else it needs here. */
export function poppler(): Promise<OutsideTool> {
  return debianTool('pdftotext', 'poppler-utils', async (draft) => {
    // Only as far as downloading, and into a folder of ours, which takes neither root nor apt's lock.
    const [asks, into] = [
      ['-y', '--no-install-recommends', '--download-only', '-o', 'Debug::NoLocking=1'],
      ['-o', `Dir::Cache::archives=${draft}`],
    ];
    await mkdir(join(draft, 'partial'));
    await run('apt-get', ['install', ...asks, ...into, 'poppler-utils'], { timeout: INSTALL_TIMEOUT_MS });
  });
}

function debianTool(program: string, name: string, download: (folder: string) => Promise<void>): Promise<OutsideTool> {
  return available(program, async () => {
    const inPath = await run('sh', ['-c', `command -v ${program}`]).then(
      () => true,
      () => false,
    );
    if (inPath) return { bin: (wanted) => wanted };
    const home = join(CACHE, name);
    if (!existsSync(home)) {
      const draft = `${home}-draft`;
      await rm(draft, { recursive: true, force: true });
      await mkdir(draft, { recursive: true });
      await download(draft);
      for (const file of await readdir(draft)) if (file.endsWith('.deb')) await run('dpkg-deb', ['--extract', file, '.'], { cwd: draft });
      await wrapPrograms(draft, home);
      await rename(draft, home);
    }
    return { bin: (wanted) => join(home, 'run', wanted) };
  });
}

/** A script for each program that has it find the libraries which were unpacked with it. */
async function wrapPrograms(draft: string, home: string): Promise<void> {
  await mkdir(join(draft, 'run'));
  for (const program of await readdir(join(draft, 'usr/bin'))) {
    const script = `#!/bin/sh\nLD_LIBRARY_PATH=$(echo '${home}'/usr/lib/*-linux-gnu) exec '${home}/usr/bin/${program}' "$@"\n`;
    await writeFile(join(draft, 'run', program), script, { mode: 0o755 });
  }
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
