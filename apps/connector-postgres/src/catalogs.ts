import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import {
  BEGIN_READING,
  END_READING,
  SELECT_DATABASES,
  SELECT_MEMBERSHIPS,
  SELECT_RELATIONS,
  SELECT_ROLES,
  SELECT_SCHEMAS,
  SELECT_SYSTEM_IDENTIFIER,
} from './catalog.queries.js';

/** Who holds which privilege on an object: a role's oid, or 0 for PUBLIC; the privilege as PostgreSQL names it, or `OWNERSHIP`. */
export type Acl = readonly (readonly [holder: number, privilege: string])[];

export interface Role {
  oid: number;
  name: string;
  canLogin: boolean;
  isSuperuser: boolean;
  /** CREATEROLE, CREATEDB, REPLICATION, BYPASSRLS: what a role may do at the server without a privilege on any object. */
  powers: readonly string[];
}

export interface Schema {
  name: string;
  acl: Acl | null;
}

export interface Relation {
  schema: string;
  name: string;
  kind: 'r' | 'p' | 'v' | 'm' | 'f';
  acl: Acl | null;
}

export interface Contents {
  schemas: Schema[];
  relations: Relation[];
}

export interface Database {
  name: string;
  owner: number;
  acl: Acl | null;
  /** Null where the database could not be read: then nothing is known about what is in it. */
  contents: Contents | null;
}

/** What one server's catalogs say about access, at the instant of reading (of each database). */
export interface TargetSnapshot {
  /** Made by initdb, kept by replicas and base backups; null where the role may not ask for it. */
  systemIdentifier: string | null;
  roles: Role[];
  memberships: { group: number; member: number }[];
  databases: Database[];
}

/** The target could not be read. The message is one line and holds neither the URL nor the password. */
export class TargetError extends Error {
  /** The server is there and does not let this role in. */
  get isClosedToUs(): boolean {
    return CLOSED_TO_US.has(codeOf(this.cause));
  }
}

type DatabaseRow = Omit<Database, 'contents'> & { allowsConnections: boolean; isCurrent: boolean };

const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 150_000;
const END_TIMEOUT_MS = 5_000;

/** The server is there and will not let this role into this database (or has just lost it). Anything else is a failed reading. */
const CLOSED_TO_US = new Set(['42501', '28000', '28P01', '3D000', '55000']);

/**
 * Reads a server's roles, memberships and, in every database that lets it in, schemas, tables, views and who holds what on them.
 * It only reads, and takes no lock beyond those of a SELECT on the catalogs.
 *
 * @throws TargetError when the server does not answer, refuses the login, or fails in the middle
 */
export async function readTarget(targetUrl: string): Promise<TargetSnapshot> {
  const { found, current, ...server } = await withReader(targetUrl, readServer);
  const databases: Database[] = [];
  for (const { allowsConnections, isCurrent, ...database } of found) {
    const contents = isCurrent ? current : allowsConnections ? await readOther(targetUrl, database.name) : null;
    databases.push({ ...database, contents });
  }
  return { ...server, databases };
}

/** What the whole server shares, and the database of the URL, as they were at one instant. */
async function readServer(client: pg.Client): Promise<Omit<TargetSnapshot, 'databases'> & { found: DatabaseRow[]; current: Contents }> {
  const roles = await rows<Role>(client, SELECT_ROLES);
  const memberships = await rows<{ group: number; member: number }>(client, SELECT_MEMBERSHIPS);
  const found = await rows<DatabaseRow>(client, SELECT_DATABASES);
  const current = await readContents(client);
  return { roles, memberships, found, current, systemIdentifier: await systemIdentifier(client) };
}

async function readContents(client: pg.Client): Promise<Contents> {
  return { schemas: await rows<Schema>(client, SELECT_SCHEMAS), relations: await rows<Relation>(client, SELECT_RELATIONS) };
}

/** The contents of another database of the server, which takes a connection of its own; null where this role is not let in. */
async function readOther(targetUrl: string, database: string): Promise<Contents | null> {
  const url = new URL(targetUrl);
  url.pathname = `/${encodeURIComponent(database)}`;
  try {
    return await withReader(url.href, readContents);
  } catch (error) {
    if (error instanceof TargetError && error.isClosedToUs) return null;
    throw error;
  }
}

/** The last statement of a reading: where it is refused, the transaction is over. */
async function systemIdentifier(client: pg.Client): Promise<string | null> {
  try {
    const [row] = await rows<{ id: string }>(client, SELECT_SYSTEM_IDENTIFIER);
    return row?.id ?? null;
  } catch (error) {
    if (codeOf(error) === '42501') return null;
    throw error;
  }
}

/**
 * Does the reading in a transaction of its own that sees one snapshot and no name but the catalogs'.
 *
 * @throws TargetError
 */
export async function withReader<T>(connectionString: string, read: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString,
    application_name: 'connector-postgres',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  // A connection that breaks also fails the statement that is under way; without a listener it would end the process first.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(BEGIN_READING);
    const answer = await read(client);
    await client.query(END_READING);
    return answer;
  } catch (error) {
    if (error instanceof TargetError) throw error;
    throw new TargetError(`The target could not be read: ${firstLine(error)}`, { cause: error });
  } finally {
    // A server that has gone silent does not say good-bye either.
    await Promise.race([client.end().catch(() => undefined), pause(END_TIMEOUT_MS, undefined, { ref: false })]);
  }
}

async function rows<T extends object>(client: pg.Client, statement: string): Promise<T[]> {
  return (await client.query<T>(statement)).rows;
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** A refused connection is an AggregateError without a message of its own: then its code is what there is to say. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || codeOf(error) : String(error);
  return text.split('\n')[0] ?? '';
}
