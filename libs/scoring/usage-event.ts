import { parseInstant } from '#libs/time/instants.js';
import { createHash } from 'node:crypto';

/** Use ahead of the clock by more than this is not taken, in milliseconds: clocks differ by minutes, not by hours. */
export const MOST_AHEAD_MS = 5 * 60_000;
export const MAX_EVENT_ID_LENGTH = 200;
const MAX_COUNT = 1_000_000_000;

/** A thing that an event names: by our id, or by its id in its source. */
export type Named = { id: string } | { source: string; externalId: string };

/**
 * One use, or several that fall on one moment: of the grant named, or else of every grant that could have allowed it then. `POST
 * /v1/grants/usage` and the topic `governance.usage` share this schema; on the topic an event also says who sent it.
 */
export interface UsageEvent {
  /** The sender's own, unique within it; the same one again counts once. */
  eventId: string;
  used: { grantId: string } | { principal: Named; asset: Named; permission: string | null };
  usedAt: Date;
  /** How many uses it stands for. The decay model looks at days and asks no more than that there was one. */
  count: number;
}

export interface SentUsageEvent extends UsageEvent {
  /** Whose `eventId` it is: the caller of the API, or a connector by its own name. */
  sender: string;
}

/** An event that is not of its form. `path` is the member that is wrong, empty for the whole. */
export class UsageEventError extends Error {
  constructor(
    readonly path: string,
    readonly problem: string,
  ) {
    super(path === '' ? problem : `${path} ${problem}`);
  }
}

type Members = Record<string, unknown>;

const MEMBERS = [
  ...['eventId', 'grantId', 'principalId', 'principalSource', 'principalExternalId'],
  ...['assetId', 'assetSource', 'assetExternalId', 'permission', 'usedAt', 'count'],
];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const LINE = /^[^\p{Cc}]+$/u;

/**
 * Reads an event as a client sends it.
 *
 * @throws UsageEventError
 */
export function parseUsageEvent(value: unknown, now: Date): UsageEvent {
  const members = objectOf(value);
  refuseUnknown(members, MEMBERS);
  const eventId = line(members, 'eventId', MAX_EVENT_ID_LENGTH);
  return { eventId, used: usedBy(members), usedAt: usedAtOf(members, now), count: countOf(members) };
}

/**
 * Reads an event as it stands on the topic: the same and `sender`.
 *
 * @throws UsageEventError
 */
export function parseSentUsageEvent(value: unknown, now: Date): SentUsageEvent {
  const { sender, ...members } = objectOf(value);
  return { ...parseUsageEvent(members, now), sender: line({ sender }, 'sender', 256) };
}

/** Which partition an event belongs to: the events of one grant, or of one principal on one asset, stay in order. */
export function usageKey({ used }: UsageEvent): string {
  if ('grantId' in used) return used.grantId;
  return [used.principal, used.asset].map((named) => ('id' in named ? named.id : `${named.source}/${named.externalId}`)).join(' ');
}

/** The event as the topic holds it. */
export function usageMessage(event: SentUsageEvent): { key: string; value: string } {
  const { sender, eventId, used, usedAt, count } = event;
  const subject =
    'grantId' in used ? used : { ...named('principal', used.principal), ...named('asset', used.asset), ...permissionOf(used) };
  return { key: usageKey(event), value: JSON.stringify({ sender, eventId, ...subject, usedAt: usedAt.toISOString(), count }) };
}

/** By what an event is known again: 128 bits of a digest over its sender and its id, in the form of a UUID. */
export function eventKey({ sender, eventId }: SentUsageEvent): string {
  const digest = createHash('sha256').update(`${sender.length}\n${sender}${eventId}`).digest('hex');
  return digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function named(kind: 'principal' | 'asset', thing: Named): Members {
  return 'id' in thing ? { [`${kind}Id`]: thing.id } : { [`${kind}Source`]: thing.source, [`${kind}ExternalId`]: thing.externalId };
}

function permissionOf({ permission }: { permission: string | null }): Members {
  return permission === null ? {} : { permission };
}

function objectOf(value: unknown): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UsageEventError('', 'must be an object');
  return value as Members;
}

function refuseUnknown(members: Members, known: readonly string[]): void {
  const unknown = Object.keys(members).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageEventError(unknown, 'is not known here');
}

function usedBy(members: Members): UsageEvent['used'] {
  if (members['grantId'] === undefined) {
    const permission = members['permission'] === undefined ? null : line(members, 'permission', 128);
    return { principal: thingOf(members, 'principal'), asset: thingOf(members, 'asset'), permission };
  }
  const other = MEMBERS.slice(2, 9).find((name) => members[name] !== undefined);
  if (other !== undefined) throw new UsageEventError(other, 'must not stand beside grantId');
  return { grantId: id(members, 'grantId') };
}

function thingOf(members: Members, kind: 'principal' | 'asset'): Named {
  const [own, source, externalId] = [`${kind}Id`, `${kind}Source`, `${kind}ExternalId`];
  if (members[source] === undefined && members[externalId] === undefined) {
    if (members[own] === undefined) throw new UsageEventError(own, 'is required, or grantId, or the id in its source');
    return { id: id(members, own) };
  }
  if (members[own] !== undefined) throw new UsageEventError(own, `must not stand beside ${source}`);
  return { source: line(members, source, 64), externalId: line(members, externalId, 512) };
}

function usedAtOf(members: Members, now: Date): Date {
  const text = members['usedAt'];
  if (text === undefined) throw new UsageEventError('usedAt', 'is required');
  const instant = typeof text === 'string' ? parseInstant(text) : null;
  if (instant === null) throw new UsageEventError('usedAt', 'must be an RFC 3339 time such as 2026-01-31T09:00:00.000Z');
  const usedAt = new Date(instant);
  if (usedAt.getTime() > now.getTime() + MOST_AHEAD_MS) throw new UsageEventError('usedAt', 'lies more than 5 minutes in the future');
  return usedAt;
}

function countOf(members: Members): number {
  const count = members['count'] ?? 1;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > MAX_COUNT) {
    throw new UsageEventError('count', `must be a whole number from 1 to ${MAX_COUNT}`);
  }
  return count;
}

function id(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string' || !UUID.test(value)) throw new UsageEventError(name, 'must be a UUID');
  return value.toLowerCase();
}

function line(members: Members, name: string, max: number): string {
  const value = members[name];
  if (value === undefined) throw new UsageEventError(name, 'is required');
  if (typeof value !== 'string' || value.length > 2 * max || [...value].length > max || !LINE.test(value) || !value.isWellFormed()) {
    throw new UsageEventError(name, `must be one line of text of 1 to ${max} characters`);
  }
  return value;
}
