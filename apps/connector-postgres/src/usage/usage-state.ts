import { open, readFile, rename } from 'node:fs/promises';
import type { KnownCounters } from './counters.js';
import type { components } from '../generated/gateway.schema.js';

export type UsageEvent = components['schemas']['UsageEventDto'];

/** What a connector has to remember from one run to the next, so that no use is lost, doubled or invented. */
export interface UsageState {
  /** Whose counters these are, and for which source of the gateway. */
  server: string;
  source: string;
  known: KnownCounters;
  /** Events that these counters have become and that the gateway may not have: sent again as they are, they count once. */
  pending: UsageEvent[];
}

/** The file of the state cannot be read or written as things stand. One line. */
export class UsageStateError extends Error {}

const VERSION = 1;

/** Keeps the state: in a file, or without one as long as the process lives. */
export class UsageStateStore {
  private kept: UsageState | null = null;

  constructor(readonly path: string | null) {}

  /**
   * Null where there is none yet, and where what is there is no state of this kind.
   *
   * @throws UsageStateError
   */
  async load(): Promise<UsageState | null> {
    if (this.path === null) return this.kept;
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return null;
      throw new UsageStateError(`The state file could not be read (${codeOf(error)}).`, { cause: error });
    }
    return parseState(text);
  }

  /**
   * When it resolves, the state is on disk as a whole; when it fails, the one before is.
   *
   * @throws UsageStateError
   */
  async save(state: UsageState): Promise<void> {
    this.kept = state;
    if (this.path === null) return;
    const temporary = `${this.path}.new`;
    try {
      // Names of roles and tables stand in it.
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify({ version: VERSION, ...state }));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.path);
    } catch (error) {
      throw new UsageStateError(`The state file could not be written (${codeOf(error)}).`, { cause: error });
    }
  }
}

function parseState(text: string): UsageState | null {
  try {
    const { version, ...state } = JSON.parse(text) as UsageState & { version: number };
    return version === VERSION ? state : null;
  } catch {
    return null;
  }
}

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
