import pg from 'pg';
import type { Step } from './revocation-plan.js';
import { describeObject, onOneLine, type Order } from './target-access.js';

/** What a person runs with psql, as a superuser or as a role that may take on the roles that it names. */
export function scriptOf(remediationId: string, { access, memberships }: Order, steps: readonly Step[]): string {
  const { object, permission } = access;
  const what = memberships === null ? `${permission} on ${describeObject(object)}` : `memberships that reach ${describeObject(object)}`;
  const lines = steps.flatMap(({ role, statement }) => [
    ...(role === null ? [] : [`SET LOCAL ROLE ${pg.escapeIdentifier(role)};`]),
    `${statement};`,
    ...(role === null ? [] : ['RESET ROLE;']),
  ]);
  return [
    `-- Remediation ${remediationId}: ${what}.`,
    ...(object.kind === 'server' ? [] : [`-- In the database ${onOneLine(object.database)}.`]),
    'BEGIN;',
    `SET LOCAL lock_timeout TO '5s';`,
    ...lines,
    'COMMIT;',
    '',
  ].join('\n');
}
