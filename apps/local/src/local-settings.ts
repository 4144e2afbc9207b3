import path from 'node:path';
import type { Environment } from '#libs/config/config.js';
import { StartError } from './start-error.js';

/** What `LOCAL_*` says; everything else comes from `libs/config`. */
export interface LocalSettings {
  /** Absolute path of the data folder. */
  dataDir: string;
  demo: boolean;
}

/**
 * Reads `LOCAL_DATA_DIR` (default `.local`, relative to the working directory) and `LOCAL_DEMO` (`on` or `off`, default `on`). Pure.
 *
 * @throws StartError for another value of `LOCAL_DEMO`
 */
export function localSettings(environment: Environment): { settings: LocalSettings; warnings: string[] } {
  const known = new Set<string>();
  const read = (name: string, fallback: string): string => {
    known.add(name);
    return environment[name]?.trim() || fallback;
  };
  const dataDir = path.resolve(read('LOCAL_DATA_DIR', '.local'));
  const demo = read('LOCAL_DEMO', 'on').toLowerCase();
  if (demo !== 'on' && demo !== 'off') throw new StartError('LOCAL_DEMO must be on or off.');
  const warnings = Object.keys(environment)
    .filter((name) => name.startsWith('LOCAL_') && !known.has(name))
    .map((name) => `${name} is not a variable that this application knows.`);
  return { settings: { dataDir, demo: demo === 'on' }, warnings };
}
