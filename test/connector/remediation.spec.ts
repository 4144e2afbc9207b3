import pg from 'pg';
import { Decisions, type Remediation } from './decisions.js';
import { Landscape, type Listed } from './landscape.js';

const ON = { CONNECTOR_APPLY: 'on' };

let landscape: Landscape;
let decisions: Decisions;
let client: pg.Client;
let source: string;
let sources = 0;

beforeAll(async () => {
  landscape = await Landscape.start();
  decisions = await Decisions.begin(landscape);
  ({ client } = landscape);
}, 60_000);

afterAll(() => landscape.stop());

beforeEach(async () => {
  sources += 1;
  source = `remediated-${sources}`;
  await client.query(
    'CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE staff; CREATE ROLE owner; CREATE TABLE ledger (id int, note text)',
  );
  await client.query('ALTER TABLE ledger OWNER TO owner');
});

afterEach(async () => {
  await client.query('RESET ROLE; DROP TABLE IF EXISTS ledger');
  const { rows } = await client.query<{ name: string }>(`SELECT rolname AS name FROM pg_roles WHERE oid >= 16384`);
  const roles = rows.map(({ name }) => pg.escapeIdentifier(name));
  for (const role of roles) await client.query(`DROP OWNED BY ${role} CASCADE`);
  await client.query(`DROP ROLE ${roles.join(', ')}`);
});

/** The active grant of a role at the gateway: on the ledger, or on the asset of that name. */
async function grant(role: string, permission: string, assetName = 'public.ledger'): Promise<Listed> {
  const principals = await landscape.list(source, `/v1/principals?source=${source}`);
  const assets = await landscape.list(source, `/v1/assets?source=${source}`);
  const ids = principals.filter(({ displayName }) => [role, `${role} (members)`].includes(displayName)).map(({ id }) => id);
  const asset = assets.find(({ name, externalId }) => name === assetName || (assetName === 'server' && !externalId.includes('/')))!;
  const grants = await landscape.list(source, `/v1/grants?assetId=${asset.id}&status=active&permission=${encodeURIComponent(permission)}`);
  return grants.find(({ principalId }) => ids.includes(principalId))!;
}

async function decide(...grants: Listed[]): Promise<Remediation[]> {
  return decisions.revoke(grants.map(({ id }) => id));
}

/** Synchronises, decides on one grant, and applies: answers what became of it. */
async function revoked(role: string, permission: string, assetName?: string): Promise<Remediation> {
  await landscape.synchronise(source);
  const [made] = await decide(await grant(role, permission, assetName));
  await landscape.synchronise(source, ON);
  return (await decisions.remediations([made!.id]))[0]!;
}

async function may(role: string, privilege: string, table = 'ledger'): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>('SELECT has_table_privilege($1, $2, $3) AS may', [role, table, privilege]);
  return rows[0]!.may;
}

describe('a revocation that a review decided', () => {
  it('is applied: the privilege is gone at the target, the grant has ended at the gateway, and the log tells of it once', async () => {
    await client.query('GRANT SELECT, INSERT ON ledger TO ann');
    const { id, grantId, status, reason } = await revoked('ann', 'SELECT');
    expect([status, reason]).toEqual(['applied', null]);
    expect([await may('ann', 'SELECT'), await may('ann', 'INSERT')]).toEqual([false, true]);
    const [ended] = await landscape.list(source, `/v1/grants?source=${source}&status=revoked`);
    expect(ended!.id).toBe(grantId);
    const told = await outbox(`SELECT payload->>'action' AS action FROM events WHERE payload->'resource'->>'id' = ANY ($1) ORDER BY id`, [
      [id, grantId],
    ]);
    expect(told.map(({ action }) => action)).toEqual([
      'grant.created',
      'remediation.queued',
      'remediation.leased',
      'grant.revoked',
      'remediation.applied',
    ]);
  });

  it('is printed and not applied without CONNECTOR_APPLY, as SQL that works as it stands; then it is found gone, and applied', async () => {
    await client.query('GRANT SELECT ON ledger TO staff WITH GRANT OPTION; SET ROLE staff; GRANT SELECT ON ledger TO bob; RESET ROLE');
    await landscape.synchronise(source);
    const [made] = await decide(await grant('bob', 'SELECT'));
    const { sql, remediations } = await landscape.synchronise(source);
    expect(remediations).toEqual({ applied: 0, notNeeded: 0, failed: 0, open: 1 });
    expect(await may('bob', 'SELECT')).toBe(true);
    expect(sql).toContain(`-- Remediation ${made!.id}: SELECT on public.ledger.`);
    expect(sql).toContain('SET LOCAL ROLE "staff";\nREVOKE SELECT ON TABLE "public"."ledger" FROM "bob";');
    await client.query(sql!);
    expect(await may('bob', 'SELECT')).toBe(false);
    expect(await landscape.synchronise(source)).toMatchObject({ sql: null, remediations: { applied: 1, open: 0 } });
    expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'applied' }]);
  });

  it('is not needed where the privilege was gone before anybody began', async () => {
    await client.query('GRANT SELECT ON ledger TO ann');
    await landscape.synchronise(source);
    const [made] = await decide(await grant('ann', 'SELECT'));
    await client.query('REVOKE SELECT ON ledger FROM ann');
    await landscape.synchronise(source, ON);
    expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'not_needed' }]);
    await landscape.expectTruth(source);
  });

  it.each<{ of: string; begin: string; change?: string; left: string }>([
    { of: 'PUBLIC', begin: 'GRANT SELECT ON ledger TO ann, PUBLIC', change: 'REVOKE SELECT ON ledger FROM PUBLIC', left: 'from PUBLIC' },
    {
      of: 'groups in groups',
      begin: 'GRANT SELECT ON ledger TO ann, staff; CREATE ROLE inner_staff; GRANT staff TO inner_staff; GRANT inner_staff TO ann',
      change: 'REVOKE staff FROM inner_staff',
      left: 'as a member of inner_staff → staff',
    },
    {
      of: 'a predefined role',
      begin: 'GRANT SELECT ON ledger TO ann; GRANT pg_read_all_data TO ann',
      change: 'REVOKE pg_read_all_data FROM ann',
      left: 'as a member of pg_read_all_data',
    },
    {
      of: 'a superuser',
      begin: 'GRANT SELECT ON ledger TO ann; CREATE ROLE chief SUPERUSER; GRANT chief TO ann',
      change: 'REVOKE chief FROM ann',
      left: 'as a member of chief, a superuser',
    },
    {
      of: 'the owner',
      begin: 'GRANT SELECT ON ledger TO ann; GRANT owner TO ann',
      change: 'REVOKE owner FROM ann',
      left: 'as a member of owner',
    },
  ])(
    'fails and names the path where the access goes on by way of $of, and is applied once that has gone',
    async ({ begin, change, left }) => {
      await client.query(begin);
      const failed = await revoked('ann', 'SELECT');
      expect([failed.status, failed.reason]).toEqual(['failed', `SELECT on public.ledger is still reached: ${left}.`]);
      // Its own privilege has gone all the same.
      expect(await grant('ann', 'SELECT')).toBeUndefined();
      await client.query(change!);
      expect((await landscape.synchronise(source, { ...ON, CONNECTOR_FORCE: 'on' })).remediations).toMatchObject({ applied: 1 });
      expect(await may('ann', 'SELECT')).toBe(false);
      await landscape.expectTruth(source);
    },
  );

  it('takes every grant of the privilege, of whichever grantor, and leaves those that the role has passed on', async () => {
    await client.query(
      'GRANT SELECT ON ledger TO staff, ann WITH GRANT OPTION; SET ROLE staff; GRANT SELECT ON ledger TO ann WITH GRANT OPTION',
    );
    await client.query(
      'SET ROLE ann; GRANT SELECT ON ledger TO bob WITH GRANT OPTION; SET ROLE bob; GRANT SELECT ON ledger TO PUBLIC; RESET ROLE',
    );
    await client.query('SET ROLE ann; GRANT SELECT (id) ON ledger TO bob; SET ROLE bob; REVOKE SELECT ON ledger FROM PUBLIC; RESET ROLE');
    expect((await revoked('ann', 'SELECT')).status).toBe('applied');
    const { rows } = await client.query<{ entry: string }>(
      `SELECT unnest(relacl)::text AS entry FROM pg_class WHERE relname = 'ledger' ORDER BY 1`,
    );
    expect(rows.map(({ entry }) => entry).filter((entry) => /^(ann|bob|staff)=/.test(entry))).toEqual(['bob=r*/owner', 'staff=r*/owner']);
    await landscape.expectTruth(source);
  });

  it('takes the right on a table and leaves the same right on its columns, and the other way round', async () => {
    await client.query('GRANT SELECT, SELECT (id), UPDATE, UPDATE (note) ON ledger TO ann');
    expect((await revoked('ann', 'SELECT')).status).toBe('applied');
    expect((await client.query(`SELECT has_column_privilege('ann', 'ledger', 'id', 'SELECT') AS may`)).rows).toEqual([{ may: true }]);
    expect(await revoked('ann', 'UPDATE (columns)')).toMatchObject({
      status: 'failed',
      reason: 'UPDATE (columns) on public.ledger is still reached: by its right on the whole table.',
    });
    expect(await may('ann', 'UPDATE')).toBe(true);
    expect((await client.query(`SELECT attacl FROM pg_attribute WHERE attrelid = 'ledger'::regclass AND attname = 'note'`)).rows).toEqual([
      { attacl: null },
    ]);
  });

  it('fails for ownership, and says what would help', async () => {
    const { status, reason } = await revoked('owner', 'OWNERSHIP');
    expect([status, reason]).toEqual(['failed', 'Ownership cannot be revoked: the object needs another owner (ALTER … OWNER TO).']);
  });

  it("says of an owner's own privilege, and of one that default privileges give, that it can come back", async () => {
    await client.query('GRANT INSERT ON ledger TO ann; ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT INSERT ON TABLES TO ann');
    expect(await revoked('owner', 'SELECT')).toMatchObject({ status: 'applied', reason: expect.stringContaining('owns the object') });
    expect(await revoked('ann', 'INSERT')).toMatchObject({ status: 'applied', reason: expect.stringContaining('default privileges') });
  });

  it('takes a privilege from PUBLIC, on a schema, on a database, and a power from a role', async () => {
    await client.query(
      'CREATE SCHEMA books; GRANT USAGE ON SCHEMA books TO ann; GRANT CREATE ON DATABASE postgres TO ann; ALTER ROLE bob CREATEROLE',
    );
    await client.query('GRANT SELECT ON ledger TO PUBLIC');
    try {
      expect((await revoked('PUBLIC', 'SELECT')).status).toBe('applied');
      expect((await revoked('ann', 'USAGE', 'books')).status).toBe('applied');
      expect((await revoked('ann', 'CREATE', 'postgres')).status).toBe('applied');
      expect((await revoked('bob', 'CREATEROLE', 'server')).status).toBe('applied');
      const { rows } = await client.query(
        `SELECT has_schema_privilege('ann', 'books', 'USAGE') AS usage, has_database_privilege('ann', 'postgres', 'CREATE') AS make, rolcreaterole AS power
         FROM pg_roles WHERE rolname = 'bob'`,
      );
      expect(rows).toEqual([{ usage: false, make: false, power: false }]);
      expect(await may('ann', 'SELECT')).toBe(false);
    } finally {
      await client.query('DROP SCHEMA books CASCADE');
    }
  });

  it('ends memberships of whichever grantor in the place of the grant of a group, and keeps whom the member has let in', async () => {
    await client.query('GRANT SELECT ON ledger TO staff; GRANT staff TO ann WITH ADMIN OPTION; GRANT staff TO bob GRANTED BY ann');
    await landscape.synchronise(source);
    const principals = await landscape.list(source, `/v1/principals?source=${source}`);
    const id = (name: string): string => principals.find(({ displayName }) => displayName === name)!.id;
    const held = await grant('staff', 'SELECT');
    const [made] = await decisions.revoke([held.id], new Map([[held.id, [{ groupId: id('staff'), memberId: id('ann') }]]]));
    await landscape.synchronise(source, ON);
    expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'applied' }]);
    expect([await may('ann', 'SELECT'), await may('bob', 'SELECT'), await may('staff', 'SELECT')]).toEqual([false, true, true]);
    await landscape.expectTruth(source);
    expect((await landscape.synchronise(source, ON)).changes).toBe(0);
  });

  it('is applied where the table is gone, and never touches a newer grant of the same', async () => {
    await client.query('GRANT SELECT ON ledger TO ann; CREATE TABLE other (id int)');
    try {
      await landscape.synchronise(source);
      const [made] = await decide(await grant('ann', 'SELECT'));
      await client.query('GRANT SELECT ON ledger TO PUBLIC');
      await landscape.synchronise(source, ON);
      expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'failed' }]);
      await client.query('GRANT SELECT ON ledger TO ann');
      await landscape.synchronise(source, ON);
      expect(await decisions.remediations([made!.id])).toMatchObject([
        { status: 'failed', reason: 'The privilege was given again after the grant that was reviewed had ended.' },
      ]);
      expect(await grant('ann', 'SELECT')).toBeDefined();
      await client.query('DROP TABLE ledger');
      await landscape.synchronise(source, ON);
      expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'applied' }]);
    } finally {
      await client.query('DROP TABLE other');
    }
  });

  it('is left to the next run while a lock is held on what it needs, and while another connector is at it', async () => {
    await client.query('GRANT SELECT ON ledger TO ann');
    await landscape.synchronise(source);
    const [made] = await decide(await grant('ann', 'SELECT'));
    const other = new pg.Client({ connectionString: landscape.target.url() });
    await other.connect();
    try {
      await other.query('BEGIN; GRANT INSERT ON ledger TO bob');
      expect(await landscape.run(source, ON)).toMatchObject({ remediations: { open: 1 }, changes: 0 });
      await other.query('ROLLBACK');
      await other.query(`SELECT pg_advisory_lock(hashtext('access-governance:remediation'))`);
      expect(await landscape.run(source, ON)).toMatchObject({ remediations: { open: 1 }, changes: 0 });
    } finally {
      await other.end();
    }
    await landscape.synchronise(source, ON);
    expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'applied' }]);
  });

  it('fails with PostgreSQL’s reason where the connector may not act as the grantor, and works with no more than those roles', async () => {
    await client.query(`GRANT SELECT ON ledger TO ann; CREATE ROLE remover LOGIN PASSWORD 'remover'`);
    const url = new URL(landscape.target.url());
    url.username = url.password = 'remover';
    const asRemover = { ...ON, CONNECTOR_TARGET_URL: url.href };
    await landscape.synchronise(source);
    const [made] = await decide(await grant('ann', 'SELECT'));
    await landscape.synchronise(source, asRemover);
    expect(await decisions.remediations([made!.id])).toMatchObject([
      { status: 'failed', reason: 'PostgreSQL refused: permission denied to set role "owner"' },
    ]);
    expect(await may('ann', 'SELECT')).toBe(true);
    await client.query('GRANT owner TO remover');
    await landscape.synchronise(source, asRemover);
    expect(await decisions.remediations([made!.id])).toMatchObject([{ status: 'applied' }]);
    expect(await may('ann', 'SELECT')).toBe(false);
  });
});

async function outbox(query: string, values: unknown[]): Promise<{ action: string }[]> {
  const gateway = new pg.Client({ connectionString: landscape.database.url });
  await gateway.connect();
  return (await gateway.query<{ action: string }>(query, values).finally(() => gateway.end())).rows;
}
