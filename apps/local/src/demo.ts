import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ApiClient } from './api-client.js';
import { demoCompany } from './demo-data.js';
import { loadDemo } from './demo-load.js';

/** Kept beside the data, so that a load that was cut off is finished by the next start. */
interface DemoMark {
  /** Which database it is about: the folder may be used with another one tomorrow. */
  database: string;
  state: 'loading' | 'loaded';
  /** The instant that the demo company is told from; also names the load. */
  asOf: string;
}

/** What became of the demo data: `kept` when the database was not empty and holds no unfinished load. */
export type DemoOutcome = 'loaded' | 'completed' | 'kept';

/**
 * Loads the demo data through the API where the database is empty, and finishes a load that was cut off.
 *
 * @param databaseUrl null for the embedded database, whose port changes
 */
export async function ensureDemo(folder: string, databaseUrl: string | null, origin: string, signal: AbortSignal): Promise<DemoOutcome> {
  const api = new ApiClient(origin, signal);
  try {
    return await ensureThrough(api, folder, databaseUrl);
  } finally {
    api.close();
  }
}

async function ensureThrough(api: ApiClient, folder: string, databaseUrl: string | null): Promise<DemoOutcome> {
  const file = path.join(folder, 'demo.json');
  const database = databaseUrl === null ? 'embedded' : identity(databaseUrl);
  const mark = await readMark(file);
  const unfinished = mark?.database === database && mark.state === 'loading' ? mark : null;
  if (unfinished === null && !(await isEmpty(api))) return 'kept';
  const started: DemoMark = unfinished ?? { database, state: 'loading', asOf: new Date().toISOString() };
  await writeMark(file, started);
  const asOf = new Date(started.asOf);
  await loadDemo(api, demoCompany(asOf), String(asOf.getTime()), unfinished !== null);
  await writeMark(file, { ...started, state: 'loaded' });
  return unfinished === null ? 'loaded' : 'completed';
}

async function isEmpty(api: ApiClient): Promise<boolean> {
  const found = await Promise.all(['/v1/principals', '/v1/assets'].map((list) => api.findFirst(list, {})));
  return found.every((item) => item === null);
}

/** Of an address without its password. */
function identity(databaseUrl: string): string {
  const { host, pathname, searchParams } = new URL(databaseUrl);
  return createHash('sha256')
    .update(`${host}${pathname}?${searchParams.get('host') ?? ''}`)
    .digest('hex')
    .slice(0, 32);
}

async function readMark(file: string): Promise<DemoMark | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return null;
  const mark = JSON.parse(text) as Partial<DemoMark>;
  const isWhole =
    typeof mark.database === 'string' && (mark.state === 'loading' || mark.state === 'loaded') && typeof mark.asOf === 'string';
  return isWhole ? (mark as DemoMark) : null;
}

async function writeMark(file: string, mark: DemoMark): Promise<void> {
  // Renamed into place: a kill leaves the old mark or the new one, never half of one.
  await writeFile(`${file}.new`, JSON.stringify(mark), { mode: 0o600 });
  await rename(`${file}.new`, file);
}
