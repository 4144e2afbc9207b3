import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

/**
 * `npm run bench -- <name> [what it takes]`: one benchmark by the name of its file; without a name all of them, one after another. At full size
 * where TEST_SCALE does not say otherwise.
 */
process.env['TEST_SCALE'] ??= '1';
const folder = new URL('.', import.meta.url);
const names = readdirSync(folder)
  .map((file) => /^([a-z]+)\.js$/.exec(file)?.[1] ?? 'main')
  .filter((name) => name !== 'main');

const [wanted] = process.argv.splice(2, 1);
if (wanted !== undefined) {
  if (!names.includes(wanted)) throw new Error(`Which benchmark? npm run bench -- ${names.join(', ')}; or none of them for all.`);
  await import(new URL(`${wanted}.js`, folder).href);
} else {
  // Each in a process of its own: what one leaves in memory is not the next one's burden.
  const failed = names.filter((name) => {
    process.stdout.write(`\n## ${name}\n\n`);
    return spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, name], { stdio: 'inherit' }).status !== 0;
  });
  process.stdout.write(failed.length === 0 ? '\nAll hold.\n' : `\nNot all hold: ${failed.join(', ')}.\n`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
