import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { ConnectorProcess } from './connector-process.js';
import { GatewayProxy } from './gateway-proxy.js';
import { Landscape } from './landscape.js';

let landscape: Landscape;
let client: pg.Client;

beforeAll(async () => {
  landscape = await Landscape.start();
  ({ client } = landscape);
}, 60_000);

afterAll(() => landscape.stop());

beforeEach(() => client.query('CREATE ROLE ann LOGIN; CREATE ROLE staff; CREATE TABLE ledger (id int); GRANT SELECT ON ledger TO staff'));

afterEach(async () => {
  await client.query('DROP TABLE IF EXISTS ledger');
  const { rows } = await client.query<{ name: string }>(`SELECT rolname AS name FROM pg_roles WHERE oid >= 16384`);
  const roles = rows.map(({ name }) => pg.escapeIdentifier(name)).join(', ');
  if (roles !== '') await client.query(`DROP OWNED BY ${roles} CASCADE; DROP ROLE ${roles}`);
});

/** One run as a process, to its end. */
const runProcess = (source: string, more: Record<string, string> = {}) => ConnectorProcess.start(landscape.variables(source, more)).end();

const activeGrants = (source: string) => landscape.list(source, `/v1/grants?source=${source}&status=active`);

describe('a run of the connector', () => {
  it('is one process with exit code 0 and one line of JSON that counts what it changed', async () => {
    const first = await runProcess('one');
    expect(first).toMatchObject({ code: 0, stderr: '', summaries: [{ outcome: 'done', source: 'one', reason: null, failures: 0 }] });
    const { changes, changed } = first.summaries[0]!;
    expect(changes).toBe(Object.values(changed).reduce((sum, count) => sum + count, 0));
    expect(await runProcess('one')).toMatchObject({ code: 0, summaries: [{ outcome: 'done', changes: 0, changed: {} }] });
  });

  it('revokes what is gone, with the reason, and touches nothing else', async () => {
    await landscape.synchronise('gone');
    await client.query('REVOKE SELECT ON ledger FROM staff; DROP ROLE ann');
    expect((await landscape.synchronise('gone')).changed).toEqual({ revokeGrant: 1, removeMember: 1, deactivatePrincipal: 1 });
    const revoked = await landscape.list('gone', '/v1/grants?source=gone&status=revoked');
    expect(revoked.map(({ permission, revokeReason }) => [permission, revokeReason])).toEqual([
      ['SELECT', 'The target no longer grants this privilege.'],
    ]);
    const [ann] = await landscape.list('gone', '/v1/principals?source=gone&q=ann');
    expect(ann!.status).toBe('deactivated');
  });

  it('brings back a table that is there again, with its grants', async () => {
    await landscape.synchronise('again');
    const before = await landscape.list('again', '/v1/assets?source=again&q=public.ledger');
    await client.query('CREATE TABLE other (id int); DROP TABLE ledger');
    try {
      await landscape.synchronise('again');
      expect((await landscape.list('again', '/v1/assets?source=again&q=public.ledger'))[0]!.status).toBe('retired');
      await client.query('CREATE TABLE ledger (id int); GRANT SELECT ON ledger TO staff');
      await landscape.synchronise('again');
      const after = await landscape.list('again', '/v1/assets?source=again&q=public.ledger');
      expect(after.map(({ id, status }) => [id, status])).toEqual([[before[0]!.id, 'active']]);
      await landscape.expectTruth('again');
    } finally {
      await client.query('DROP TABLE other');
    }
  });

  it('follows a role through a rename, losing its login and getting members', async () => {
    await client.query('GRANT INSERT ON ledger TO ann');
    await landscape.synchronise('role');
    for (const change of [
      'ALTER ROLE ann RENAME TO anna',
      'CREATE ROLE bob LOGIN',
      'GRANT anna TO bob',
      'ALTER ROLE anna NOLOGIN',
      'REVOKE anna FROM bob',
      'ALTER ROLE anna LOGIN',
    ]) {
      await client.query(change);
      await landscape.synchronise('role');
      await landscape.expectTruth('role');
      expect((await landscape.synchronise('role')).changes).toBe(0);
    }
  });

  it('changes nothing and exits with 2 when the target has no tables any more, unless it is forced', async () => {
    await landscape.synchronise('empty');
    const before = await activeGrants('empty');
    await client.query('DROP TABLE ledger');
    const stopped = await runProcess('empty');
    expect(stopped).toMatchObject({ code: 2, summaries: [{ outcome: 'stopped', changes: 0 }] });
    expect(stopped.stderr).toContain('The target shows no tables at all');
    expect(await activeGrants('empty')).toEqual(before);
    expect(await runProcess('empty', { CONNECTOR_FORCE: 'on' })).toMatchObject({ code: 0, summaries: [{ outcome: 'done' }] });
    expect((await activeGrants('empty')).length).toBeLessThan(before.length);
  });

  it('changes nothing and exits with 2 when it would end more than 100 grants and a fifth of them, unless it is forced', async () => {
    await client.query(
      `DO $$ BEGIN FOR n IN 1..16 LOOP EXECUTE format('CREATE TABLE many%s (id int); GRANT ALL ON many%s TO ann', n, n); END LOOP; END $$`,
    );
    await landscape.synchronise('many');
    await client.query(`DO $$ BEGIN FOR n IN 1..16 LOOP EXECUTE format('DROP TABLE many%s', n); END LOOP; END $$`);
    const before = await activeGrants('many');
    const stopped = await runProcess('many');
    expect(stopped).toMatchObject({ code: 2, summaries: [{ outcome: 'stopped', changes: 0 }] });
    // A table has as many privileges as the version of the server knows.
    const ends = Number(/would end (\d+) of \d+ grants; the limit is 100/.exec(stopped.stderr)?.[1]);
    expect(ends % 16).toBe(0);
    expect(ends).toBeGreaterThan(100);
    expect(await activeGrants('many')).toEqual(before);
    expect(await runProcess('many', { CONNECTOR_FORCE: 'on' })).toMatchObject({
      code: 0,
      summaries: [{ changed: { revokeGrant: ends, retireAsset: 16 } }],
    });
  });

  it('changes nothing and says so when another server answers in the place of its own', async () => {
    await landscape.synchronise('server');
    const { code, stderr } = await runProcess('server', { CONNECTOR_SERVER_ID: 'another' });
    expect(code).toBe(2);
    expect(stderr).toContain('not the server that this source has been read from');
  });

  it.each<{ of: string; more: Record<string, string>; says: string }>([
    {
      of: 'a target that does not answer',
      more: { CONNECTOR_TARGET_URL: 'postgresql://reader:pa55word@127.0.0.1:1/app' },
      says: 'The target could not be read',
    },
    { of: 'a token that is not taken', more: { CONNECTOR_TOKEN: 'pa55word' }, says: 'The gateway does not take this caller' },
  ])('exits with 1 and one line that holds no secret, of $of', async ({ more, says }) => {
    const { code, summaries, stderr } = await runProcess('failing', more);
    expect([code, summaries.map(({ outcome, changes }) => [outcome, changes])]).toEqual([1, [['failed', 0]]]);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain('pa55word');
  });

  it('exits with 1 and one line when something else answers at the address of the gateway', async () => {
    const { code, summaries, stderr } = await runProcess('elsewhere', { CONNECTOR_GATEWAY_URL: landscape.issuer.authority });
    expect([code, summaries.map(({ outcome }) => outcome)]).toEqual([1, ['failed']]);
    expect(stderr).toMatch(/^The gateway did not say what it holds: 404 .*\n$/);
  });

  it('exits with 1 and every problem of its configuration', async () => {
    const { code, summaries, stderr } = await runProcess('wrong', { CONNECTOR_FORCE: 'perhaps', CONNECTOR_INTERVAL_SECONDS: 'soon' });
    expect([code, summaries]).toEqual([1, []]);
    expect(stderr).toContain('CONNECTOR_FORCE');
    expect(stderr).toContain('CONNECTOR_INTERVAL_SECONDS');
  });

  it('touches nothing of another source', async () => {
    await landscape.synchronise('mine');
    const before = await landscape.list('mine', '/v1/grants?source=mine');
    await client.query('REVOKE SELECT ON ledger FROM staff');
    await landscape.synchronise('theirs');
    expect(await landscape.list('mine', '/v1/grants?source=mine')).toEqual(before);
  });

  it('ends cleanly between two operations on SIGTERM, and the next run goes on', async () => {
    const proxy = await GatewayProxy.start(landscape.gateway.url);
    try {
      const connector = ConnectorProcess.start(landscape.variables('term', { CONNECTOR_GATEWAY_URL: proxy.url }));
      proxy.cutAt(10, false, () => connector.kill('SIGTERM'));
      const { code, summaries } = await connector.end();
      expect([code, summaries.map(({ outcome }) => outcome)]).toEqual([0, ['interrupted']]);
      // Whatever was under way was finished and counted.
      expect(summaries[0]!.changes).toBe(proxy.writes);
    } finally {
      await proxy.close();
    }
    expect((await landscape.synchronise('term')).changes).toBeGreaterThan(0);
    await landscape.expectTruth('term');
  });

  it('comes again after its interval, sees what changed, and stops on SIGTERM', async () => {
    const connector = ConnectorProcess.start(landscape.variables('interval', { CONNECTOR_INTERVAL_SECONDS: '1' }));
    await eventually(() => connector.runs >= 1, 20_000);
    await client.query('CREATE ROLE late LOGIN; GRANT SELECT ON ledger TO late');
    await eventually(() => connector.runs >= 3, 20_000);
    connector.kill('SIGTERM');
    const { code, summaries } = await connector.end();
    expect(code).toBe(0);
    expect(summaries.slice(1).reduce((sum, { changes }) => sum + changes, 0)).toBe(3);
  });
});
