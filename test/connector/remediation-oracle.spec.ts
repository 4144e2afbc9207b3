import { scaled } from '../support/scale.js';
import { Decisions, type Remediation } from './decisions.js';
import { Landscape, type Listed } from './landscape.js';
import { differences, subjects, truth } from './oracle.js';
import { membersOf, reachedBy, right, rights } from './rights.js';
import { Random } from './role-graph.js';

const ON = { CONNECTOR_APPLY: 'on', CONNECTOR_FORCE: 'on' };

let landscape: Landscape;
let decisions: Decisions;

beforeAll(async () => {
  landscape = await Landscape.start();
  decisions = await Decisions.begin(landscape);
}, 60_000);

afterAll(() => landscape.stop());

interface Chosen extends Listed {
  /** The role at the target, PUBLIC for everyone. */
  role: string;
  table: string;
}

/** The grants on the graph's tables at the gateway, with the names of both sides at the target. */
async function grantsOnTables(source: string): Promise<Chosen[]> {
  const [grants, principals, assets] = await Promise.all([
    landscape.list(source, `/v1/grants?source=${source}&status=active`),
    landscape.list(source, `/v1/principals?source=${source}`),
    landscape.list<Listed & { type: string }>(source, `/v1/assets?source=${source}`),
  ]);
  return grants.flatMap((grant) => {
    const asset = assets.find(({ id }) => id === grant.assetId)!;
    const principal = principals.find(({ id }) => id === grant.principalId)!;
    if (asset.type !== 'table') return [];
    return [{ ...grant, role: principal.displayName.replace(/ \(members\)$/, ''), table: asset.name }];
  });
}

/** What a decision ends in the list of its table, by the names that PostgreSQL has. */
const ordered = ({ role, table, permission }: Chosen): string => right(role, table, permission);

const chosenOf = (chosen: readonly Chosen[], { grantId }: Remediation): Chosen => chosen.find(({ id }) => id === grantId)!;

describe('revocations that a review decided, carried out at a live PostgreSQL server', () => {
  it.each(Array.from({ length: scaled(200) }, (_, index) => 20_001 + index))(
    'take exactly the access that was meant, and where another path remains it is named: role graph %i',
    async (seed) => {
      const source = `revoked-${seed}`;
      const random = new Random(seed);
      await landscape.withGraph(seed, async () => {
        await landscape.synchronise(source);
        const grants = await grantsOnTables(source);
        const chosen = random.some(grants, Math.min(20, grants.length));
        const before = await rights(landscape.client);
        const made = await decisions.revoke(chosen.map(({ id }) => id));
        expect(new Set(made.map(({ status }) => status))).toEqual(new Set(['queued']));

        const { remediations } = await landscape.synchronise(source, ON);
        const told = await decisions.remediations(made.map(({ id }) => id));
        const groups = await membersOf(landscape.client);
        const after = await rights(landscape.client);

        // What PostgreSQL has no way to take away is all that is left of what was ordered.
        const left = chosen.filter((one) => after.has(ordered(one)));
        for (const one of left) {
          expect(told.find(({ grantId }) => grantId === one.id)).toMatchObject({
            status: 'failed',
            reason: expect.stringMatching(/^Ownership cannot be revoked|a superuser now/),
          });
        }
        const meant = new Set([...before].filter((entry) => !chosen.some((one) => !left.includes(one) && ordered(one) === entry)));
        expect(differences(meant, after)).toEqual({ missing: [], tooMuch: [] });

        // What has_table_privilege says is what that leaves, of every role, table and privilege.
        const roles = await subjects(landscape.client);
        expect(differences(reachedBy(roles, meant, groups), await truth(landscape.client))).toEqual({ missing: [], tooMuch: [] });

        for (const one of told.filter(({ grantId }) => !left.some(({ id }) => id === grantId))) {
          const { role, table, permission } = chosenOf(chosen, one);
          const reached = await stillReached(role, table, permission, after);
          expect([role, table, permission, one.status, one.reason]).toEqual(
            reached
              ? [role, table, permission, 'failed', expect.stringContaining('is still reached')]
              : [role, table, permission, 'applied', one.reason],
          );
          if (one.status === 'failed') await expectPathsToHold(one, role, table, permission, after);
        }
        const applied = told.filter(({ status }) => status === 'applied').length;
        expect(remediations).toEqual({ applied, notNeeded: 0, failed: told.length - applied, open: 0 });

        await landscape.expectTruth(source);
        expect(await landscape.synchronise(source, ON)).toMatchObject({ changes: 0, remediations: { applied: 0, open: 0 } });
        expect(await decisions.remediations(told.map(({ id }) => id))).toEqual(told);
      });
    },
    120_000,
  );

  /** Asked of PostgreSQL in the plainest way. */
  async function stillReached(role: string, table: string, permission: string, after: ReadonlySet<string>): Promise<boolean> {
    if (role === 'PUBLIC') {
      const whole = permission.replace(' (columns)', '');
      return whole !== permission && after.has(right(role, table, whole));
    }
    const check = permission.endsWith(' (columns)') ? 'has_any_column_privilege' : 'has_table_privilege';
    const { rows } = await landscape.client.query<{ reached: boolean }>(
      `SELECT bool_or(${check}(g.oid, c.oid, $3)) AS reached
       FROM pg_roles r JOIN pg_roles g ON pg_has_role(r.oid, g.oid, 'MEMBER'), pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE translate(r.rolname, chr(9), chr(9225)) = $1 AND translate(n.nspname || '.' || c.relname, chr(9), chr(9225)) = $2`,
      [role, table, permission.replace(' (columns)', '')],
    );
    return rows[0]!.reached;
  }

  /** Every path that a reason names is one: its last role, or PUBLIC, holds the right or everything. */
  async function expectPathsToHold(
    { reason }: Remediation,
    role: string,
    table: string,
    permission: string,
    after: ReadonlySet<string>,
  ): Promise<void> {
    const paths = /is still reached: (.*)\.$/.exec(reason!)![1]!.split('; ');
    const whole = permission.replace(' (columns)', '');
    for (const path of paths) {
      if (/^and by \d+ more ways$/.test(path) || path.endsWith(', a superuser') || path === 'as a superuser') continue;
      if (/→ pg_read_all_data$|of pg_read_all_data$/.test(path)) continue;
      const chain =
        path === 'from PUBLIC'
          ? ['PUBLIC']
          : path === 'by its right on the whole table'
            ? [role]
            : path.replace('as a member of ', '').split(' → ');
      const holder = chain.at(-1)!.replaceAll('\uFFFD', '\u2409');
      expect([path, [whole, permission].some((each) => after.has(right(holder, table, each)))]).toEqual([path, true]);
    }
  }
});
