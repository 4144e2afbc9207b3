import { PRIVILEGES, type Privilege } from '#libs/database/entities/grant.entity.js';
import { parseInstant } from '#libs/time/instants.js';
import { LINE_PATTERN, TEXT_PATTERN, UUID_PATTERN } from '../http/fields.js';
import type { NewGrant } from './grants.service.js';

/** One grant of many that is not of its form. The message names the member. */
export class NewGrantError extends Error {}

const UUID = new RegExp(UUID_PATTERN);
const LINE = new RegExp(LINE_PATTERN, 'u');
const TEXT = new RegExp(TEXT_PATTERN, 'u');
const MEMBERS: ReadonlySet<string> = new Set([
  ...['principalId', 'assetId', 'permission', 'privilege'],
  ...['grantedAt', 'expiresAt', 'justification'],
]);

type Members = Record<string, unknown>;

/**
 * Reads a grant as `CreateGrantDto` says it is. By hand, and not by the decorators of the one: these take longer for a thousand than PostgreSQL
 * does, and would refuse them all for one.
 *
 * @throws NewGrantError
 */
export function parseNewGrant(value: unknown): NewGrant {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NewGrantError('must be an object');
  const members = value as Members;
  for (const name of Object.keys(members)) if (!MEMBERS.has(name)) throw new NewGrantError(`${name.slice(0, 100)} is not known`);
  return {
    principalId: id(members, 'principalId'),
    assetId: id(members, 'assetId'),
    permission: text(members, 'permission', 128, LINE),
    privilege: privilege(members),
    ...optional(members, 'grantedAt', false, instant),
    ...optional(members, 'expiresAt', true, instant),
    ...optional(members, 'justification', true, (all, name) => text(all, name, 2000, TEXT)),
  };
}

function id(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string' || !UUID.test(value)) throw new NewGrantError(`${name} must be a UUID`);
  return value.toLowerCase();
}

function text(members: Members, name: string, max: number, pattern: RegExp): string {
  const value = members[name];
  const fits = typeof value === 'string' && value.length > 0 && value.length <= 2 * max && value.isWellFormed() && pattern.test(value);
  if (!fits || (value.length > max && [...value].length > max)) {
    throw new NewGrantError(`${name} must be ${pattern === LINE ? 'one line of text' : 'text'} of 1 to ${max} characters`);
  }
  return value;
}

function privilege(members: Members): Privilege {
  const found = PRIVILEGES.find((each) => each === members['privilege']);
  if (!found) throw new NewGrantError(`privilege must be one of ${PRIVILEGES.join(', ')}`);
  return found;
}

function instant(members: Members, name: string): string {
  const value = members[name];
  const parsed = typeof value === 'string' ? parseInstant(value) : null;
  if (parsed === null) throw new NewGrantError(`${name} must be an RFC 3339 time such as 2026-01-31T09:00:00.000Z`);
  return parsed;
}

function optional(
  members: Members,
  name: string,
  nullable: boolean,
  read: (members: Members, name: string) => string,
): Record<string, string | null> {
  if (members[name] === undefined) return {};
  return { [name]: nullable && members[name] === null ? null : read(members, name) };
}
