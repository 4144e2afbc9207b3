import { readFileSync } from 'node:fs';
import { roundToCents, scoreGrant, utcDayNumber } from './decay-model.js';
import type { DecayFacts, PeerNumbers, ScoredPrincipalType, ScoredPrivilege, ScoredSensitivity } from './decay-model.js';

const DOCUMENT = readFileSync(new URL('../../docs/decay-model.md', import.meta.url), 'utf8');
const SECTION = DOCUMENT.slice(DOCUMENT.indexOf('## Worked examples'));
const NOW = new Date(/Scored at (\S+Z)\./.exec(SECTION)?.[1] ?? NaN);
const COLUMNS =
  'case, granted, tracked, used, principal, privilege, sensitivity, peers, score, priority, band, recommendation, next band'.split(', ');
const NONE = '–';

type Row = Record<string, string>;

function rowsOfTheTable(): Row[] {
  const lines = SECTION.split('\n').filter((line) => line.startsWith('|'));
  const cells = lines.map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
  expect(cells[0]).toEqual(COLUMNS);
  return cells.slice(2).map((row) => Object.fromEntries(COLUMNS.map((column, index): [string, string] => [column, row[index] ?? ''])));
}

function daysAgo(cell: string): Date {
  const days = Number(cell);
  if (cell === '' || Number.isNaN(days)) throw new Error(`“${cell}” is no number of days.`);
  return new Date(NOW.getTime() - Math.round(days * 86_400_000));
}

function peersOf(cell: string): PeerNumbers | null {
  const numbers = /^(\d+) of (\d+)$/.exec(cell);
  if (numbers === null && cell !== NONE) throw new Error(`“${cell}” does not tell how many peers hold a grant.`);
  return numbers === null ? null : { holding: Number(numbers[1]), count: Number(numbers[2]) };
}

function factsOf(row: Row): DecayFacts {
  const uses = row['used'] === NONE ? [] : (row['used'] ?? '').split(', ').map(daysAgo);
  return {
    grantedAt: daysAgo(row['granted'] ?? ''),
    lastUsedAt: uses[0] ?? null,
    usageTrackedSince: row['tracked'] === NONE ? null : daysAgo(row['tracked'] ?? ''),
    usage: uses.map(utcDayNumber),
    principalType: row['principal'] as ScoredPrincipalType,
    privilege: row['privilege'] as ScoredPrivilege,
    sensitivity: row['sensitivity'] as ScoredSensitivity,
    peers: peersOf(row['peers'] ?? ''),
  };
}

function outcomeOf(row: Row): Row {
  const { score, priority, band, recommendation, nextBandAt } = scoreGrant(factsOf(row), NOW);
  return {
    ...row,
    score: String(roundToCents(score)),
    priority: String(roundToCents(priority)),
    band,
    recommendation,
    'next band': nextBandAt?.toISOString() ?? NONE,
  };
}

describe('the worked examples of docs/decay-model.md', () => {
  it('are what the model says, row by row', () => {
    const rows = rowsOfTheTable();
    expect(rows.map(outcomeOf)).toEqual(rows);
  });

  it('are at least 15, and show every band', () => {
    const rows = rowsOfTheTable();
    expect(rows.length).toBeGreaterThanOrEqual(15);
    expect([...new Set(rows.map((row) => row['band']))].sort()).toEqual(['active', 'aging', 'dormant', 'insufficient_data', 'stale']);
  });

  it.each([
    ['An ordinary grant, 90 days idle', '75', 'dormant'],
    ['An admin grant, 30 days idle', '75', 'dormant'],
    ['A quarterly job with 4 gaps of 90 days, 60 days idle', '37', 'aging'],
    ['Granted 10 days ago and never used', '14.28', 'insufficient_data'],
  ])('have “%s” at %s, %s', (name, score, band) => {
    expect(rowsOfTheTable().find((row) => row['case'] === name)).toMatchObject({ score, band });
  });
});
