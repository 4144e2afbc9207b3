import type { LoggedEvent } from '#libs/clickhouse/audit-log.js';
import { eventHash, isHash } from '#libs/events/chain.js';
import type { InboundMessage } from '#libs/kafka/message.js';

/**
 * The event that a message of the topic is, or why it is none. Anybody who may write to the topic can make a hash that fits the bytes, so what
 * the log needs of an event is looked at too: one row that ClickHouse refuses would hold up its whole batch for ever.
 */
export function loggedEvent({ headers, value, body }: InboundMessage): LoggedEvent | string {
  const { ce_sequence: sequence = '', ce_prevhash: prevHash = '', ce_hash: hash = '' } = headers;
  if (!isHash(prevHash) || eventHash(prevHash, value) !== hash) return 'is no event of the chain: its hash does not fit its bytes';
  const item = members(body);
  const number = item['sequence'];
  if (!Number.isSafeInteger(number) || Number(number) < 1 || String(number) !== sequence || !fitsTheLog(item)) {
    return 'is no event of the chain: its members are not those of an event';
  }
  return { sequence: Number(number), prevHash, hash, canonical: value };
}

type Members = Readonly<Record<string, unknown>>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function fitsTheLog(item: Members): boolean {
  const { id, action, outcome, requestId, time } = item;
  const { type, id: resourceId } = members(item['resource']);
  const texts = [action, outcome, members(item['actor'])['id'], type, resourceId, requestId ?? ''];
  return texts.every((text) => typeof text === 'string') && typeof id === 'string' && UUID.test(id) && isLoggableTime(time);
}

/** RFC 3339 as events have it, within what a DateTime64 of ClickHouse holds. */
function isLoggableTime(time: unknown): boolean {
  if (typeof time !== 'string' || time < '1900' || time >= '2299') return false;
  const instant = new Date(time);
  return !Number.isNaN(instant.getTime()) && instant.toISOString() === time;
}

function members(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}
