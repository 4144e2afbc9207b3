import { spawnSync } from 'node:child_process';

/** Runs specs in a process of their own, as `npm test` does, with more in its environment; answers the exit code. */
export function runJest(args: readonly string[], environment: Record<string, string> = {}): number {
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...args];
  return spawnSync(process.execPath, jest, { stdio: 'inherit', env: { ...process.env, ...environment } }).status ?? 1;
}
