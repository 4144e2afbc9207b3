import type pg from 'pg';
import { TargetError, withReader } from '../catalogs.js';
import type { Counter, Observation } from './counters.js';
import type { CatalogRelation } from './relation-names.js';
import {
  SELECT_CATALOG_RELATIONS,
  SELECT_DATABASE_NAMES,
  SELECT_SEARCH_PATHS,
  SELECT_STATISTICS_FACTS,
  selectCounters,
  selectInfo,
  selectTexts,
} from './usage.queries.js';

interface StatisticsFacts {
  schema: string | null;
  serverVersion: number;
  track: string | null;
  trackUtility: string | null;
  mayRead: boolean;
  searchPath: string;
  columns: string[];
  hasInfo: boolean;
}

export interface SearchPathSetting {
  /** 0 is every database. */
  database: number;
  /** 0 is every role. */
  role: number;
  path: string;
}

/** What a server's statistics say, and what is needed to understand their statements. */
export interface Statistics {
  observation: Observation;
  serverVersion: number;
  /** `top` leaves out what functions run. */
  track: string;
  searchPath: string;
  searchPaths: SearchPathSetting[];
  /** Names of databases by oid. */
  databases: ReadonlyMap<number, string>;
}

/** Why use cannot be seen at a target; a sentence that says what to do about it. */
export interface NotTracked {
  reason: string;
}

/**
 * Reads the counters of every statement, through the database of the URL.
 *
 * @throws TargetError when the server does not answer
 */
export async function readStatistics(targetUrl: string): Promise<Statistics | NotTracked> {
  return withReader(targetUrl, async (client) => {
    const [facts] = await rows<StatisticsFacts>(client, SELECT_STATISTICS_FACTS);
    if (!facts?.schema)
      return { reason: 'pg_stat_statements is not there: CREATE EXTENSION in the database that CONNECTOR_TARGET_URL names.' };
    const { schema, columns, track, serverVersion, searchPath, hasInfo } = facts;
    const reason = whyNot(facts);
    if (reason !== null) return { reason };
    const [clock] = await rows<{ at: number }>(client, 'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::float8 AS at');
    const counters = await rows<Counter>(client, selectCounters(schema, columns));
    const [info] = hasInfo ? await rows<{ resetAt: number; evicted: number }>(client, selectInfo(schema)) : [];
    const observation = { takenAt: clock?.at ?? 0, resetAt: info?.resetAt ?? null, evicted: info?.evicted ?? null, counters };
    const names = await rows<{ oid: number; name: string }>(client, SELECT_DATABASE_NAMES);
    const searchPaths = await rows<SearchPathSetting>(client, SELECT_SEARCH_PATHS);
    const databases = new Map(names.map(({ oid, name }) => [oid, name]));
    return { observation, serverVersion, track: track ?? '', searchPath, searchPaths, databases };
  });
}

/** What a text belongs to: the same queryid may be another statement in another database. */
export const textKey = ({ database, statement }: { database: number; statement: string }): string => `${database}/${statement}`;

/**
 * The texts of statements by {@link textKey}, as PostgreSQL keeps them: with placeholders in the place of constants. One that was evicted in
 * the meantime is not among them.
 *
 * @throws TargetError
 */
export async function readTexts(targetUrl: string, statements: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return withReader(targetUrl, async (client) => {
    const [facts] = await rows<StatisticsFacts>(client, SELECT_STATISTICS_FACTS);
    if (!facts?.schema) return new Map();
    const found = await client.query<{ database: number; statement: string; text: string | null }>(selectTexts(facts.schema), [statements]);
    return new Map(found.rows.flatMap((row) => (row.text === null ? [] : [[textKey(row), row.text]])));
  });
}

/** What the names in the statements of a database can stand for; null where the database lets this role in no more. @throws TargetError */
export async function readRelations(targetUrl: string, database: string): Promise<CatalogRelation[] | null> {
  const url = new URL(targetUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  try {
    return await withReader(url.href, (client) => rows<CatalogRelation>(client, SELECT_CATALOG_RELATIONS));
  } catch (error) {
    if (error instanceof TargetError && error.isClosedToUs) return null;
    throw error;
  }
}

function whyNot({ track, trackUtility, mayRead }: StatisticsFacts): string | null {
  if (track === null) return 'pg_stat_statements is not loaded: shared_preload_libraries has to name it.';
  if (track === 'none') return 'pg_stat_statements.track is none.';
  // COPY, TRUNCATE and upkeep are utility statements: whoever uses nothing else would seem to use nothing.
  if (trackUtility !== 'on') return 'pg_stat_statements.track_utility is off, which hides COPY and TRUNCATE.';
  return mayRead ? null : 'The connector may not read the statements of others: GRANT pg_read_all_stats TO its role.';
}

const rows = async <T extends object>(client: pg.Client, statement: string): Promise<T[]> => (await client.query<T>(statement)).rows;
