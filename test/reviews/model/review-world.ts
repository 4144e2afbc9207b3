import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { TestIssuer } from '../../support/test-issuer.js';
import type { AssetState, Band, Caller, GrantState, PrincipalState, State } from './review-state.js';

/*
 * The small company that a sequence happens in: four reviewers and two admins, one of whom is somebody with access too; people and service
 * accounts that others own, groups in groups, and assets, one of which is a connector's.
 */

const REVIEWERS = 4;
const USERS = 7;
const ACCOUNTS = 2;
const GROUPS = 4;
const ASSETS = 3;
const FIRST_GROUP = USERS + ACCOUNTS;
const PRINCIPALS = FIRST_GROUP + GROUPS;
const BANDS: readonly (Band | null)[] = ['active', 'aging', 'stale', 'dormant', 'dormant', null];

const someone = fc.nat({ max: PRINCIPALS - 1 });
/** Groups as often as everybody else. */
const oneOfThem = fc.oneof(someone, fc.integer({ min: FIRST_GROUP, max: PRINCIPALS - 1 }));
const maybe = fc.option(someone, { freq: 4 });

/** Indices into what there is: of principals, first the reviewers, the admin and other users, then accounts and groups. */
export interface Recipe {
  accountOwners: number[];
  groupOwners: (number | null)[];
  managers: (number | null)[];
  assetOwners: (number | null)[];
  everyone: boolean;
  foreignGroup: boolean;
  members: [number, number][];
  grants: [number, number, boolean, number][];
  /** So many more people who hold the first asset, for the circuit breaker. */
  crowd: number;
}

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  accountOwners: fc.array(fc.nat({ max: USERS - 1 }), { minLength: ACCOUNTS, maxLength: ACCOUNTS }),
  groupOwners: fc.array(fc.option(fc.nat({ max: USERS - 1 }), { freq: 1 }), { minLength: GROUPS, maxLength: GROUPS }),
  managers: fc.array(maybe, { minLength: USERS, maxLength: USERS }),
  assetOwners: fc.array(maybe, { minLength: ASSETS, maxLength: ASSETS }),
  everyone: fc.boolean(),
  foreignGroup: fc.boolean(),
  members: fc.array(fc.tuple(fc.nat({ max: GROUPS - 1 }), oneOfThem), { minLength: 2, maxLength: 12 }),
  grants: fc.uniqueArray(fc.tuple(oneOfThem, fc.nat({ max: ASSETS - 1 }), fc.boolean(), fc.nat({ max: BANDS.length - 1 })), {
    minLength: 3,
    maxLength: 10,
    selector: ([holder, asset, admin]) => `${holder} ${asset} ${admin}`,
  }),
  crowd: fc.oneof(
    { weight: 15, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constantFrom(26, 30) },
    { weight: 1, arbitrary: fc.constant(90) },
  ),
});

export interface People {
  reviewers: Caller[];
  /** Has a principal, with whatever that holds. */
  admin: Caller;
  /** Has none. */
  secondAdmin: Caller;
}

const SCORES: Record<Band, [number, string]> = {
  active: [10, 'keep'],
  aging: [30, 'keep'],
  stale: [60, 'review'],
  dormant: [90, 'revoke'],
};

/** Makes the company in the database, past the API: there it would take most of the time of a sequence. */
export async function makeWorld(recipe: Recipe, pool: pg.Pool, issuer: TestIssuer): Promise<{ state: State; people: People }> {
  const state: State = {
    ...{ batch: 0, principals: new Map(), assets: new Map(), grants: new Map(), memberships: [], rounds: new Map() },
    ...{ packets: new Map(), items: new Map() },
  };
  const ids = Array.from({ length: PRINCIPALS }, () => uuidv7());
  const oids = ids.map(() => randomUUID());
  addPrincipals(state, recipe, ids);
  addAccess(state, recipe, ids);
  await insert(state, pool, (id) => (ids.indexOf(id) >= 0 && ids.indexOf(id) < USERS ? oids[ids.indexOf(id)]! : null));
  const person = (place: number, admin: boolean): Caller => {
    const oid = oids[place]!;
    const token = issuer.tokenFor({ roles: [admin ? 'governance.admin' : 'governance.reviewer'], oid });
    return { name: admin ? 'admin' : `reviewer ${place}`, token, actorId: oid, principalId: ids[place]!, admin };
  };
  const oid = randomUUID();
  const token = issuer.tokenFor({ roles: ['governance.admin'], oid });
  const secondAdmin = { name: 'second admin', token, actorId: oid, principalId: null, admin: true };
  const reviewers = Array.from({ length: REVIEWERS }, (_, place) => person(place, false));
  return { state, people: { reviewers, admin: person(REVIEWERS, true), secondAdmin } };
}

function addPrincipals(state: State, recipe: Recipe, ids: readonly string[]): void {
  const at = (place: number | null | undefined): string | null => (place === null || place === undefined ? null : ids[place]!);
  ids.forEach((id, place) => {
    const type = place < USERS ? 'user' : place < FIRST_GROUP ? 'service_account' : 'group';
    const group = place - FIRST_GROUP;
    const principal: PrincipalState = {
      ...{ id, type, status: 'active', everyone: recipe.everyone && group === GROUPS - 1, source: place < USERS ? 'entra' : 'manual' },
      ownerId: at(type === 'user' ? null : type === 'group' ? recipe.groupOwners[group] : recipe.accountOwners[place - USERS]),
      managerId: at(type === 'user' && recipe.managers[place] !== place ? recipe.managers[place] : null),
    };
    if (recipe.foreignGroup && group === 1) principal.source = 'warehouse';
    state.principals.set(id, principal);
  });
  const seen = new Set<string>();
  for (const [group, member] of recipe.members) {
    // A group comes only into one before it: no cycle.
    const inner = member >= FIRST_GROUP && member - FIRST_GROUP <= group;
    const key = `${group} ${member}`;
    if (!inner && !seen.has(key)) state.memberships.push({ groupId: ids[FIRST_GROUP + group]!, memberId: ids[member]! });
    seen.add(key);
  }
}

function addAccess(state: State, recipe: Recipe, ids: readonly string[]): void {
  const assets = recipe.assetOwners.map((owner, place): AssetState => ({
    ...{ id: uuidv7(), source: place === ASSETS - 1 ? 'warehouse' : 'manual', ownerId: owner === null ? null : ids[owner]! },
  }));
  for (const asset of assets) state.assets.set(asset.id, asset);
  const grant = (principalId: string, assetId: string, admin: boolean, band: Band | null): void => {
    const known = { id: uuidv7(), principalId, assetId, permission: admin ? 'OWN' : 'SELECT', band, madeIn: 0, restores: null };
    const made: GrantState = { ...known, privilege: admin ? 'admin' : 'read', status: 'active', lapsed: false };
    state.grants.set(made.id, made);
  };
  for (const [holder, asset, admin, band] of recipe.grants) grant(ids[holder]!, assets[asset]!.id, admin, BANDS[band] ?? null);
  for (let place = 0; place < recipe.crowd; place++) {
    const id = uuidv7();
    state.principals.set(id, {
      ...{ id, type: 'user', status: 'active', source: 'entra', ownerId: null, managerId: null, everyone: false },
    });
    grant(id, assets[0]!.id, false, 'dormant');
  }
}

async function insert(state: State, pool: pg.Pool, oidOf: (id: string) => string | null): Promise<void> {
  const principals = [...state.principals.values()].map((principal) => ({ ...principal, oid: oidOf(principal.id) }));
  await pool.query(
    `INSERT INTO principals (id, type, display_name, external_id, source, status, manager_id, owner_id, attributes, created_at, updated_at, version)
     SELECT r.id, r.type, 'Somebody', r.oid, r.source, r.status, r."managerId", r."ownerId",
       CASE WHEN r.everyone THEN '{"everyone": "true"}' ELSE '{}' END::jsonb, now(), now(), 1
     FROM jsonb_to_recordset($1) AS r (id uuid, type text, oid text, source text, status text, "managerId" uuid, "ownerId" uuid, everyone boolean)`,
    [JSON.stringify(principals)],
  );
  const memberships = state.memberships.map((membership) => ({ ...membership, id: uuidv7() }));
  await pool.query(
    `INSERT INTO memberships (id, group_id, member_id, member_is_group, added_at)
     SELECT r.id, r."groupId", r."memberId", p.type = 'group', now()
     FROM jsonb_to_recordset($1) AS r (id uuid, "groupId" uuid, "memberId" uuid) JOIN principals p ON p.id = r."memberId"`,
    [JSON.stringify(memberships)],
  );
  await pool.query(
    `INSERT INTO assets (id, type, name, source, sensitivity, owner_id, tags, status, created_at, updated_at, version)
     SELECT r.id, 'table', 'Something', r.source, 'internal', r."ownerId", '{}', 'active', now(), now(), 1
     FROM jsonb_to_recordset($1) AS r (id uuid, source text, "ownerId" uuid)`,
    [JSON.stringify([...state.assets.values()])],
  );
  const grants = [...state.grants.values()].map((grant) => ({ ...grant, source: state.assets.get(grant.assetId)!.source }));
  await pool.query(
    `INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, created_at, updated_at, version)
     SELECT r.id, r."principalId", r."assetId", r.permission, r.privilege, r.source, 'active', now() - interval '200 days',
       '{"id":"import","type":"system","principalId":null}', now() - interval '1 hour', now() - interval '1 hour', 1
     FROM jsonb_to_recordset($1) AS r (id uuid, "principalId" uuid, "assetId" uuid, permission text, privilege text, source text)`,
    [JSON.stringify(grants)],
  );
  for (const band of ['active', 'aging', 'stale', 'dormant'] as const) {
    const scored = grants.filter((grant) => grant.band === band).map(({ id }) => id);
    if (scored.length > 0) await score(pool, scored, band);
  }
}

/** Stores the scores that the decay engine would have come to. */
export async function score(pool: pg.Pool, grantIds: readonly string[], band: Band): Promise<void> {
  await pool.query(
    `INSERT INTO scores (grant_id, principal_id, asset_id, sensitivity, band, recommendation, score, priority, model_version, computed_at,
       usage_tracked_since, cadence_gaps, usage_revision, history_day)
     SELECT g.id, g.principal_id, g.asset_id, 'internal', $2, $3, $4, $4, '1', now(), g.granted_at, 0, 0, 0 FROM grants g WHERE g.id = ANY ($1)
     ON CONFLICT (grant_id) DO UPDATE SET band = excluded.band, recommendation = excluded.recommendation, score = excluded.score`,
    [grantIds, band, SCORES[band][1], SCORES[band][0]],
  );
}
