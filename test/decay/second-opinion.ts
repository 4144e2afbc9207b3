import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./recompute.py', import.meta.url));
const python = process.env['PYTHON'] ?? 'python3';
const hasPython = spawnSync(python, ['--version']).status === 0;

/** Whether recompute.py can be run. Without Python that is one clear line, and in CI a failure. */
export function secondOpinionIsThere(): boolean {
  if (hasPython) return true;
  const line = `${python} is not there: decay scores were not recomputed independently.`;
  if (process.env['CI'] === 'true') throw new Error(line);
  process.stderr.write(`${line}\n`);
  return false;
}

/** Runs recompute.py to its end; its own docstring says what it takes and gives. */
export function runRecompute(parameters: readonly string[], input = ''): SpawnSyncReturns<string> {
  return spawnSync(python, [PROGRAM, ...parameters], { input, encoding: 'utf8', maxBuffer: 1_000_000_000 });
}
