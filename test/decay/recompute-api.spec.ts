import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { roundToCents, scoreGrant, utcDayNumber, type PeerNumbers } from '#libs/decay-model/decay-model.js';
import { runRecompute, secondOpinionIsThere } from './second-opinion.js';

const COMPUTED_AT = new Date('2026-03-01T00:00:00.000Z');

type Item = Record<string, unknown>;
type World = Record<'principals' | 'assets' | 'grants' | 'memberships' | 'usage' | 'scores', Item[]>;

function daysAgo(days: number): Date {
  return new Date(COMPUTED_AT.getTime() - days * 86_400_000);
}

function principal(id: string, type: 'user' | 'group', department: string | null = null): Item {
  return { id, type, department, status: 'active', source: 'entra', externalId: `x-${id}` };
}

function grantItem(id: string, principalId: string, differing: Item = {}): Item {
  const always = { id, principalId, assetId: 'ledger', permission: 'SELECT', privilege: 'read', status: 'active' };
  return { ...always, grantedAt: daysAgo(400), expiresAt: null, revokedAt: null, lastUsedAt: null, ...differing };
}

function scoreItem(grantId: string, principalType: 'user' | 'group', usedDaysAgo: number | null, peers: PeerNumbers | null): Item {
  const lastUsedAt = usedDaysAgo === null ? null : daysAgo(usedDaysAgo);
  const usage = lastUsedAt === null ? [] : [utcDayNumber(lastUsedAt)];
  const tracked = { grantedAt: daysAgo(400), lastUsedAt, usageTrackedSince: daysAgo(500), usage };
  const scored = scoreGrant({ ...tracked, principalType, privilege: 'read', sensitivity: 'restricted', peers }, COMPUTED_AT);
  return { ...scored, grantId, computedAt: COMPUTED_AT, score: roundToCents(scored.score), priority: roundToCents(scored.priority) };
}

/** Seven colleagues of whom two hold the ledger and one did, and a group that holds it too, used by a member of a group within it. */
function smallWorld(): World {
  const colleagues = ['ann', 'ben', 'cem', 'dee', 'eve', 'fay', 'gus'];
  const outsiderElsewhere = {
    principalSource: 'entra',
    principalExternalId: 'x-outsider',
    assetSource: 'manual',
    assetExternalId: 'x-ledger',
  };
  return {
    principals: [
      ...colleagues.map((id) => principal(id, 'user', 'Finance')),
      principal('outsider', 'user'),
      principal('outer', 'group'),
      principal('inner', 'group'),
    ],
    assets: [{ id: 'ledger', sensitivity: 'restricted', usageTrackedSince: daysAgo(500), source: 'manual', externalId: 'x-ledger' }],
    grants: [
      grantItem('of-ann', 'ann', { lastUsedAt: daysAgo(30) }),
      grantItem('of-ben', 'ben'),
      grantItem('of-cem', 'cem', { status: 'revoked', revokedAt: daysAgo(5) }),
      grantItem('of-outer', 'outer', { lastUsedAt: daysAgo(20) }),
    ],
    memberships: [
      { groupId: 'outer', principalId: 'inner', addedAt: daysAgo(300), removedAt: null },
      { groupId: 'inner', principalId: 'outsider', addedAt: daysAgo(300), removedAt: daysAgo(10) },
    ],
    usage: [
      { eventId: '1', grantId: 'of-ann', usedAt: daysAgo(30) },
      { eventId: '2', ...outsiderElsewhere, usedAt: daysAgo(20) },
      { eventId: '3', principalId: 'outsider', assetId: 'ledger', permission: 'SELECT', usedAt: daysAgo(5) },
      { eventId: '4', principalId: 'outsider', assetId: 'ledger', permission: 'DELETE', usedAt: daysAgo(15) },
    ],
    scores: [
      scoreItem('of-ann', 'user', 30, { count: 6, holding: 1 }),
      scoreItem('of-ben', 'user', null, { count: 6, holding: 1 }),
      scoreItem('of-outer', 'group', 20, null),
    ],
  };
}

function check(world: World): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'recompute-'));
  try {
    for (const [name, items] of Object.entries(world)) {
      writeFileSync(join(folder, `${name}.jsonl`), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
    }
    const run = runRecompute(['--api', folder]);
    if (run.stdout === '') throw new Error(run.stderr);
    return { exitCode: run.status, ...(JSON.parse(run.stdout) as Item) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('a second program that reads what the API showed', () => {
  it('finds nothing to object to in scores by the model, peers and use through nested groups included', () => {
    if (!secondOpinionIsThere()) return;
    expect(check(smallWorld())).toEqual({ exitCode: 0, compared: 3, differences: 0, first: [] });
  });

  it.each<[string, (world: World) => void, Item]>([
    ['a score off by a hundredth', ({ scores }) => Object.assign(scores[0] ?? {}, { score: 37.01 }), { field: 'score', grantId: 'of-ann' }],
    ['a priority that is not by the model', ({ scores }) => Object.assign(scores[1] ?? {}, { priority: 1 }), { field: 'priority' }],
    ['a next band at another time', ({ scores }) => Object.assign(scores[2] ?? {}, { nextBandAt: daysAgo(-26) }), { field: 'nextBandAt' }],
    ['an active grant without a score', ({ scores }) => scores.pop(), { shown: 'no score', grantId: 'of-outer' }],
    [
      'a revoked grant with a score',
      ({ scores }) => scores.push(scoreItem('of-cem', 'user', null, null)),
      { recomputed: 'no active grant' },
    ],
    ['a use that was not credited', ({ usage }) => usage.push({ grantId: 'of-ben', usedAt: daysAgo(400) }), { field: 'lastUsedAt' }],
  ])('objects to %s', (_fault, plant, objection) => {
    if (!secondOpinionIsThere()) return;
    const world = smallWorld();
    plant(world);
    expect(check(world)).toMatchObject({ exitCode: 1, first: expect.arrayContaining([expect.objectContaining(objection)]) as unknown });
  });
});
