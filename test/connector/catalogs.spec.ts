import pg from 'pg';
import { readTarget, TargetError } from '#apps/connector-postgres/src/catalogs.js';
import { type WantedState, wantedState } from '#apps/connector-postgres/src/wanted-state.js';
import { PostgresServer } from '../support/postgres-server.js';
import { differences, reach, subjects, truth } from './oracle.js';
import { carryOut, RoleGraph, TABLE_PRIVILEGES } from './role-graph.js';

const NAMING = { serverId: 'server', serverName: 'target:5432', serviceAccounts: /^svc_/ };
const TABLE_RIGHTS: ReadonlySet<string> = new Set(TABLE_PRIVILEGES);

let server: PostgresServer;
let client: pg.Client;

beforeAll(async () => {
  server = await PostgresServer.start({ binaries: process.env['TEST_TARGET_POSTGRES_BIN'] });
  client = new pg.Client({ connectionString: server.url() });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await server.remove();
});

/** What the gateway would answer, were the wanted state in it: grants of a principal and of every group that it is in, directly or not. */
function reached(wanted: WantedState, roles: readonly string[]): Set<string> {
  const groupsOf = new Map<string, string[]>();
  for (const { group, member } of wanted.memberships) groupsOf.set(member, [...(groupsOf.get(member) ?? []), group]);
  const answer = new Set<string>();
  for (const { externalId, displayName } of wanted.principals.values()) {
    if (!roles.includes(displayName)) continue;
    const holders = new Set([externalId]);
    // A set that grows is walked to its end.
    for (const id of holders) for (const group of groupsOf.get(id) ?? []) holders.add(group);
    for (const { principal, asset, permission } of wanted.grants) {
      const { type, name } = wanted.assets.get(asset)!;
      if (holders.has(principal) && type === 'table' && TABLE_RIGHTS.has(permission)) answer.add(reach(displayName, name, permission));
    }
  }
  return answer;
}

async function read(url = server.url()): Promise<WantedState> {
  return wantedState(await readTarget(url), NAMING);
}

/** The privilege came with version 17. */
async function knowsMaintain(): Promise<boolean> {
  const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
  return Number(rows[0]!.server_version_num) >= 170_000;
}

const principalOf = (wanted: WantedState, name: string) => [...wanted.principals.values()].find(({ displayName }) => displayName === name)!;
const assetOf = (wanted: WantedState, name: string) => [...wanted.assets.values()].find((asset) => asset.name === name)!;

function membersOf(wanted: WantedState, name: string): string[] {
  const { externalId } = principalOf(wanted, name);
  return wanted.memberships.filter(({ group }) => group === externalId).map(({ member }) => wanted.principals.get(member)!.displayName);
}

function grantsOf(wanted: WantedState, name: string): string[] {
  const { externalId } = principalOf(wanted, name);
  const own = wanted.grants.filter(({ principal }) => principal === externalId);
  return own.map(({ asset, permission, privilege }) => `${wanted.assets.get(asset)!.name} ${permission} ${privilege}`).sort();
}

/** Runs statements that all have to work, and what undoes them when the test is over. */
async function prepared(statements: readonly string[], undo: readonly string[], work: () => Promise<void>): Promise<void> {
  for (const statement of statements) await client.query(statement);
  try {
    await work();
  } finally {
    for (const statement of undo) await client.query(statement);
  }
}

describe('what is read from the catalogs', () => {
  it.each(Array.from({ length: 12 }, (_, index) => 9_000 + index))(
    'reaches what has_table_privilege says, for the role graph %i',
    async (seed) => {
      const graph = new RoleGraph(seed);
      expect(await carryOut(client, graph.statements)).toBeGreaterThan(graph.statements.length / 2);
      try {
        for (const changes of [[], graph.evolve(15)]) {
          await carryOut(client, changes);
          const expected = await truth(client);
          const answer = reached(await read(), await subjects(client));
          expect(differences(expected, answer)).toEqual({ missing: [], tooMuch: [] });
        }
      } finally {
        expect(await carryOut(client, graph.cleanUp())).toBe(graph.cleanUp().length);
      }
    },
  );

  it('makes users, service accounts and groups of roles, and a group of everyone of PUBLIC', async () => {
    await prepared(
      ['CREATE ROLE ann LOGIN', 'CREATE ROLE svc_load LOGIN', 'CREATE ROLE staff', 'GRANT staff TO ann'],
      ['DROP ROLE ann, svc_load, staff'],
      async () => {
        const wanted = await read();
        expect(principalOf(wanted, 'ann').type).toBe('user');
        expect(principalOf(wanted, 'svc_load').type).toBe('service_account');
        expect(principalOf(wanted, 'staff').type).toBe('group');
        expect(principalOf(wanted, 'PUBLIC')).toMatchObject({ type: 'group', attributes: { everyone: 'true' } });
        expect(membersOf(wanted, 'staff')).toEqual(['ann']);
        expect(membersOf(wanted, 'PUBLIC')).toEqual(expect.arrayContaining(['ann', 'svc_load', 'staff', 'postgres', 'pg_monitor']));
      },
    );
  });

  it('makes an account and a group of a role that logs in and has members, with its rights at the group', async () => {
    await prepared(
      ['CREATE ROLE ann LOGIN', 'CREATE ROLE bob LOGIN', 'GRANT ann TO bob', 'CREATE TABLE t (id int)', 'GRANT SELECT ON t TO ann'],
      ['DROP TABLE t', 'DROP ROLE ann, bob'],
      async () => {
        const wanted = await read();
        expect(principalOf(wanted, 'ann').type).toBe('user');
        expect(membersOf(wanted, 'ann (members)').sort()).toEqual(['ann', 'bob']);
        expect(grantsOf(wanted, 'ann')).toEqual([]);
        expect(grantsOf(wanted, 'ann (members)')).toEqual(['public.t SELECT read']);
      },
    );
  });

  it('keeps a role that is renamed and tells a role apart from one of its name that was dropped', async () => {
    await prepared(['CREATE ROLE ann LOGIN'], ['DROP ROLE IF EXISTS ann, eve'], async () => {
      const first = principalOf(await read(), 'ann').externalId;
      await client.query('ALTER ROLE ann RENAME TO eve');
      expect(principalOf(await read(), 'eve').externalId).toBe(first);
      await client.query('DROP ROLE eve');
      await client.query('CREATE ROLE ann LOGIN');
      expect(principalOf(await read(), 'ann').externalId).not.toBe(first);
    });
  });

  it('keeps a table that is dropped and made again, and has its place under schema, database and server', async () => {
    await prepared(['CREATE SCHEMA "a/b"', 'CREATE TABLE "a/b".t (id int)'], ['DROP SCHEMA "a/b" CASCADE'], async () => {
      const wanted = await read();
      const table = assetOf(wanted, 'a/b.t');
      expect(table).toEqual({
        externalId: 'server/postgres/a%2Fb/t',
        type: 'table',
        name: 'a/b.t',
        parent: 'server/postgres/a%2Fb',
        tags: [],
      });
      const schema = wanted.assets.get(table.parent!)!;
      expect(schema).toMatchObject({ type: 'dataset', name: 'a/b', parent: 'server/postgres' });
      expect(wanted.assets.get('server/postgres')).toMatchObject({ type: 'database', parent: 'server' });
      expect(wanted.assets.get('server')).toMatchObject({ type: 'host', name: 'target:5432', parent: null });
      await client.query('DROP TABLE "a/b".t; CREATE TABLE "a/b".t (id int)');
      expect(assetOf(await read(), 'a/b.t').externalId).toBe(table.externalId);
    });
  });

  it('gives an owner its ownership and those of its rights that it has not taken from itself', async () => {
    await prepared(
      [
        'CREATE ROLE ann LOGIN',
        'CREATE TABLE t (id int)',
        'ALTER TABLE t OWNER TO ann',
        'REVOKE ALL ON t FROM ann',
        'GRANT INSERT ON t TO ann',
      ],
      ['DROP TABLE t', 'DROP ROLE ann'],
      async () => {
        expect(grantsOf(await read(), 'ann')).toEqual(['public.t INSERT write', 'public.t OWNERSHIP admin']);
      },
    );
  });

  it('maps every privilege on a table to read, write or admin, and rights on columns to a privilege of their own', async () => {
    await prepared(
      [
        'CREATE ROLE ann LOGIN',
        'CREATE TABLE t (id int, note text)',
        'GRANT ALL ON t TO ann',
        'GRANT SELECT (id), UPDATE (id, note) ON t TO PUBLIC',
      ],
      ['DROP TABLE t', 'DROP ROLE ann'],
      async () => {
        const wanted = await read();
        expect(grantsOf(wanted, 'ann').map((grant) => grant.replace('public.t ', ''))).toEqual([
          'DELETE write',
          'INSERT write',
          ...((await knowsMaintain()) ? ['MAINTAIN write'] : []),
          'REFERENCES admin',
          'SELECT read',
          'TRIGGER admin',
          'TRUNCATE write',
          'UPDATE write',
        ]);
        const onTable = grantsOf(wanted, 'PUBLIC').filter((grant) => grant.startsWith('public.t '));
        expect(onTable).toEqual(['public.t SELECT (columns) read', 'public.t UPDATE (columns) write']);
      },
    );
  });

  it('gives superusers and predefined roles their rights at the server, and a superuser no other', async () => {
    const wanted = await read();
    expect(grantsOf(wanted, 'postgres')).toEqual(['target:5432 SUPERUSER admin']);
    expect(grantsOf(wanted, 'pg_read_all_data')).toEqual(['target:5432 pg_read_all_data read']);
    expect(grantsOf(wanted, 'pg_execute_server_program')).toEqual(['target:5432 pg_execute_server_program admin']);
  });

  it('gives what pg_database_owner holds to the owner of that database', async () => {
    await prepared(['CREATE ROLE ann LOGIN', 'CREATE DATABASE hers OWNER ann'], ['DROP DATABASE hers', 'DROP ROLE ann'], async () => {
      expect(grantsOf(await read(), 'ann')).toEqual([
        'hers CONNECT read',
        'hers CREATE admin',
        'hers OWNERSHIP admin',
        'hers TEMPORARY read',
        'public CREATE admin',
        'public OWNERSHIP admin',
        'public USAGE read',
      ]);
    });
  });

  it('reads the tables of every database that lets it in, with no right but CONNECT, and says which did not', async () => {
    await prepared(
      [
        `CREATE ROLE reader LOGIN PASSWORD 'reader'`,
        'CREATE DATABASE open',
        'CREATE DATABASE closed',
        'REVOKE CONNECT ON DATABASE closed FROM PUBLIC',
      ],
      ['DROP DATABASE open', 'DROP DATABASE closed', 'DROP ROLE reader'],
      async () => {
        const other = new pg.Client({ connectionString: server.url('open') });
        await other.connect();
        await other.query('CREATE TABLE elsewhere (id int)').finally(() => other.end());
        const url = new URL(server.url());
        url.username = url.password = 'reader';
        const wanted = await read(url.href);
        expect(assetOf(wanted, 'public.elsewhere').parent).toBe('server/open/public');
        expect(wanted.unreadDatabases).toEqual([{ externalId: 'server/closed', name: 'closed' }]);
        expect((await readTarget(url.href)).systemIdentifier).toMatch(/^\d{10,}$/);
      },
    );
  });

  it('says in one line, without the password, why a target cannot be read', async () => {
    const closed = new URL(server.url());
    closed.port = '1';
    const wrong = new URL(server.url());
    wrong.password = 'not-it';
    for (const url of [closed, wrong, new URL(server.url('absent'))]) {
      const error = await readTarget(url.href).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TargetError);
      const { message } = error as TargetError;
      expect(message).toMatch(/^The target could not be read: .+$/);
      expect(message).not.toContain(url.password);
    }
  });
});
