import { spawnSync } from 'node:child_process';

/** Runs a test that measures what it checks: it prints its figures with their targets, and fails where one is missed. */
export function runMeasuringTest(path: string): void {
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', path];
  process.exitCode = spawnSync(process.execPath, jest, { stdio: 'inherit' }).status ?? 1;
}
