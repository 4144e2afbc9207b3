import pg from 'pg';
import { type CatalogRelation, RelationNames, searchPathOf } from '#apps/connector-postgres/src/usage/relation-names.js';
import { loadParser, Statements, UnreadableStatementError, type Use } from '#apps/connector-postgres/src/usage/statement-uses.js';
import { SELECT_CATALOG_RELATIONS } from '#apps/connector-postgres/src/usage/usage.queries.js';
import { PostgresServer } from '../support/postgres-server.js';
import { SCHEMA, STATEMENTS } from './usage-statements.js';

const PATH = ['app', 'public'];
const GRANT_ALL = 'GRANT ALL ON ALL TABLES IN SCHEMA app, public, aside, "Odd Place" TO subject, keeper';
const NOT_ALLOWED = '42501';
/** What a server before 18 answers to what only came later: a syntax, a function or a type that it does not know, an option. */
const NOT_YET = ['42601', '42883', '42704', '0A000', '22023', '42809', '42P01'];

let server: PostgresServer;
let client: pg.Client;
let statements: Statements;
/** The same, for the version of the server that is asked. */
let asked: Statements;
let version: number;
/** By name, the table that a partition or an heir belongs to. */
let parents: Map<string, string>;

beforeAll(async () => {
  server = await PostgresServer.start({ binaries: process.env['TEST_TARGET_POSTGRES_BIN'] });
  client = new pg.Client({ connectionString: server.url() });
  await client.connect();
  await client.query(SCHEMA);
  await client.query('CREATE EXTENSION pg_stat_statements SCHEMA public');
  await loadParser();
  await client.query(`SET search_path TO ''`);
  const { rows } = await client.query<CatalogRelation>(SELECT_CATALOG_RELATIONS);
  await client.query('SET search_path TO app, public');
  version = Number((await client.query<{ server_version_num: string }>('SHOW server_version_num')).rows[0]!.server_version_num);
  statements = new Statements(new RelationNames(rows), 180_000);
  asked = new Statements(new RelationNames(rows), version);
  const heirs = await client.query<{ child: string; parent: string }>(
    `SELECT c.relnamespace::regnamespace || '.' || c.relname AS child, p.relnamespace::regnamespace || '.' || p.relname AS parent
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent`,
  );
  parents = new Map(heirs.rows.map(({ child, parent }) => [child, parent]));
}, 60_000);

afterAll(async () => {
  await client.end();
  await server.remove();
});

const nameOf = ({ relation }: Use): string => `${relation.schema}.${relation.name}`;
const grantee = ({ as }: Use): string => (as === null ? 'subject' : 'keeper');
const privilege = (use: Use): string =>
  `${use.permission} ON ${pg.escapeIdentifier(use.relation.schema)}.${pg.escapeIdentifier(use.relation.name)}`;
const described = (use: Use): string => `${grantee(use)}: ${use.permission} on ${nameOf(use)}`;

/** Runs the work in a transaction that leaves nothing behind. */
async function undone<T>(work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK');
  }
}

/** Runs a statement as the role `subject`; answers the SQLSTATE that refused it, or null. */
async function refusal(statement: string): Promise<string | null> {
  await client.query('SAVEPOINT attempt; SET LOCAL ROLE subject');
  try {
    await client.query(statement);
    return null;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    return error.code ?? error.message;
  } finally {
    await client.query('ROLLBACK TO attempt; RESET ROLE');
  }
}

/** The text that pg_stat_statements keeps of a statement, run by a role that may do all; null for one that the server is too old for. */
async function normalised(statement: string): Promise<string | null> {
  let refused: string | null = null;
  await client.query('SELECT public.pg_stat_statements_reset()');
  await undone(async () => {
    await client.query(GRANT_ALL);
    refused = await refusal(statement);
  });
  if (refused !== null && version < 180_000 && NOT_YET.includes(refused)) return null;
  if (refused !== null) throw new Error(`${statement} is refused even to a role that may do all: ${String(refused)}`);
  // What surrounds the statement is partly run as the role too.
  const { rows } = await client.query<{ query: string }>(
    `SELECT query FROM public.pg_stat_statements
     WHERE userid = 'subject'::regrole AND toplevel AND query !~ '^(SET|RESET|SAVEPOINT|ROLLBACK)'`,
  );
  expect(rows).toHaveLength(1);
  return rows[0]!.query;
}

/** What a statement asks for that the attribution left out (it is refused with all it says), and what it says too much (it is not missed). */
async function misjudged(statement: string, uses: readonly Use[]): Promise<string[]> {
  return undone(async () => {
    for (const use of uses) await client.query(`GRANT ${privilege(use)} TO ${grantee(use)}`);
    const without = await refusal(statement);
    if (without !== null) return [`not enough: ${uses.map(described).join(', ')} (${without})`];
    const needless: string[] = [];
    for (const use of uses) {
      await client.query(`REVOKE ${privilege(use)} FROM ${grantee(use)}`);
      if ((await refusal(statement)) !== NOT_ALLOWED) needless.push(`needless: ${described(use)}`);
      await client.query(`GRANT ${privilege(use)} TO ${grantee(use)}`);
    }
    return needless;
  });
}

interface PlanNode {
  Schema?: string;
  'Relation Name'?: string;
  [part: string]: unknown;
}

/** The tables in a plan: neither the server's own nor the sequence, which is nothing that the gateway knows. */
async function planned(statement: string): Promise<Set<string>> {
  const { rows } = await undone(async () => {
    await client.query(GRANT_ALL);
    return client.query<{ 'QUERY PLAN': unknown }>(`EXPLAIN (VERBOSE, FORMAT JSON) ${statement}`);
  });
  const found = new Set<string>();
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) {
      const { Schema: schema, 'Relation Name': name, ...parts } = value as PlanNode;
      if (schema !== undefined && name !== undefined && schema !== 'pg_catalog' && name !== 'numbers') found.add(`${schema}.${name}`);
      walk(Object.values(parts));
    }
  };
  walk(rows[0]!['QUERY PLAN']);
  return found;
}

/** Those of a plan's tables that the attribution names neither themselves nor by what they belong to. */
const unnamed = (tables: ReadonlySet<string>, uses: readonly Use[]): string[] => {
  const named = new Set(uses.map(nameOf));
  return [...tables].filter((table) => !named.has(table) && !named.has(parents.get(table) ?? ''));
};

function attribution(text: string): { uses: Use[]; unknown: number } | null {
  try {
    return asked.usesOf(text, PATH);
  } catch (error) {
    if (error instanceof UnreadableStatementError) return null;
    throw error;
  }
}

describe('what a statement of pg_stat_statements is attributed to', () => {
  it('has 300 statements to be judged by', () => {
    expect(new Set(STATEMENTS).size).toBe(STATEMENTS.length);
    expect(STATEMENTS.length).toBeGreaterThanOrEqual(300);
  });

  // PostgreSQL is asked twice. A plan names tables and not views, and leaves out what it proves to be empty; so the other oracle is the
  // refusal itself: a role with just the attributed privileges may run the statement, and with any one of them less it may not.
  it('is exactly the privileges without which PostgreSQL refuses it, and every table of its plan', async () => {
    const wrong: Record<string, string[]> = {};
    let attributed = 0;
    let tooNew = 0;
    for (const statement of STATEMENTS) {
      const text = await normalised(statement);
      if (text === null) {
        tooNew += 1;
        continue;
      }
      const found = attribution(text);
      if (!found || found.unknown > 0) continue;
      const { uses } = found;
      const problems = await misjudged(statement, uses);
      if (/^(SELECT(?!.* INTO )|TABLE|VALUES|WITH|INSERT|UPDATE|DELETE|MERGE|\()/.test(statement)) {
        problems.push(...unnamed(await planned(statement), uses).map((table) => `in the plan and not named: ${table}`));
      }
      if (problems.length === 0) attributed += 1;
      else wrong[statement] = problems;
    }
    expect(wrong).toEqual({});
    expect(attributed).toBe(STATEMENTS.length - tooNew);
    expect(tooNew).toBeLessThan(STATEMENTS.length / 10);
  }, 300_000);

  it.each([
    ['ALTER TABLE app.orders ADD COLUMN more int', ['OWNERSHIP on app.orders']],
    [
      'ALTER TABLE app.items ADD FOREIGN KEY (product_id) REFERENCES app.products',
      ['OWNERSHIP on app.items', 'REFERENCES on app.products'],
    ],
    ['CREATE TABLE app.later (id int REFERENCES customers)', ['REFERENCES on app.customers']],
    ['CREATE INDEX CONCURRENTLY ON orders (note)', ['OWNERSHIP on app.orders']],
    ['ALTER INDEX app.some_index RENAME TO other', []],
    ['GRANT SELECT ON orders, app.items TO keeper', ['OWNERSHIP on app.items', 'OWNERSHIP on app.orders']],
    ['REVOKE SELECT ON orders FROM keeper', []],
    ['CREATE POLICY p ON orders USING (true)', ['OWNERSHIP on app.orders']],
    ['CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()', ['TRIGGER on app.orders']],
    ['VACUUM (ANALYZE) orders, app.items', ['MAINTAIN on app.items', 'MAINTAIN on app.orders']],
    ['REFRESH MATERIALIZED VIEW app.totals', ['MAINTAIN on app.totals', 'SELECT on app.orders']],
    ['COPY app.orders (id, note) FROM STDIN', ['INSERT on app.orders']],
    ['COPY app.orders FROM STDIN WHERE total > 5', ['INSERT on app.orders', 'SELECT on app.orders']],
    ['COPY orders TO STDOUT', ['SELECT on app.orders']],
    ['COPY (SELECT name FROM customers) TO STDOUT', ['SELECT on app.customers']],
    ['PREPARE p AS DELETE FROM orders', ['DELETE on app.orders']],
    ['FETCH $1 FROM hand', []],
    ['SET search_path TO $1', []],
    ['CREATE VIEW app.fresh AS SELECT id FROM orders', []],
    ['CALL app.work($1)', []],
    ['LOCK TABLE orders IN SHARE MODE', []],
  ])('is, for %s, what no plan tells: %j', (text, expected) => {
    const { uses, unknown } = statements.usesOf(text, PATH);
    expect(uses.map((use) => `${use.permission} on ${nameOf(use)}`).sort()).toEqual(expected);
    expect(unknown).toBe(0);
  });

  it('is the table on the search path, else the only one of its name, and nothing where there are several or none', () => {
    const named = (text: string, path: string[]) => {
      const { uses, unknown } = statements.usesOf(text, path);
      return unknown > 0 ? 'unknown' : uses.map(nameOf).join();
    };
    expect(named('SELECT note FROM orders', ['app'])).toBe('app.orders');
    expect(named('SELECT note FROM orders', ['public', 'app'])).toBe('public.orders');
    expect(named('SELECT note FROM orders', ['aside'])).toBe('unknown');
    expect(named('SELECT id FROM ledger', ['app', 'public'])).toBe('aside.ledger');
    expect(named('SELECT id FROM nowhere', ['app'])).toBe('unknown');
    expect(named('SELECT id FROM pg_temp.orders', ['app'])).toBe('');
    expect(searchPathOf('"$user", Public, "My ""Place"', 'Ann')).toEqual(['Ann', 'public', 'My "Place']);
  });

  it.each([
    'SELECT FROM FROM',
    'nothing of the kind',
    '<insufficient privilege>',
    `SELECT ${'1+'.repeat(100_000)}1`,
    `SELECT ${'('.repeat(50_000)}1`,
  ])('is nothing that is made up, where a statement cannot be read (%#)', (text) => {
    expect(() => statements.usesOf(text, PATH)).toThrow(UnreadableStatementError);
    expect(statements.usesOf('SELECT note FROM orders', PATH).uses).toHaveLength(1);
  });
});
