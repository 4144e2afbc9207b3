import type { ChainRow } from '#libs/events/chain-verification.js';
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client';
import { Inject, Injectable } from '@nestjs/common';
import { CLICKHOUSE } from './clickhouse.module.js';
import { migrateClickHouse } from './schema.js';

/** An event as the relay published it. */
export interface LoggedEvent {
  sequence: number;
  prevHash: string;
  hash: string;
  canonical: string;
}

export interface AuditFilters {
  from?: string;
  to?: string;
  actorId?: string;
  action?: string;
  resourceType?: string;
  resourceId?: string;
  outcome?: string;
  requestId?: string;
}

/** What a filter compares with; `from` and `to` bound the time, `to` excluded. */
const CONDITIONS: Record<keyof AuditFilters, string> = {
  from: 'time >= {from: DateTime64(3)}',
  to: 'time < {to: DateTime64(3)}',
  actorId: 'actor_id = {actorId: String}',
  action: 'action = {action: String}',
  resourceType: 'resource_type = {resourceType: String}',
  resourceId: 'resource_id = {resourceId: String}',
  outcome: 'outcome = {outcome: String}',
  requestId: 'request_id = {requestId: String}',
};

/** Newest first, after this event. */
export interface AuditKey {
  /** RFC 3339, or as ClickHouse writes it. */
  time: string;
  sequence: number;
}

const CHUNK = 2_000;
const EXTRACTED_AT_ONCE = 10_000;

interface Item {
  id: string;
  time: string;
  action: string;
  outcome: string;
  actor: { id: string };
  resource: { type: string; id: string };
  requestId: string | null;
}

interface Row {
  sequence: string;
  prev_hash: string;
  hash: string;
  canonical: string;
}

interface RowWithTime extends Row {
  /** Its time as ClickHouse writes it. */
  instant: string;
}

interface RowWithColumns extends Row {
  id: string;
  action: string;
  outcome: string;
  actor_id: string;
  resource_type: string;
  resource_id: string;
  request_id: string;
  time_ms: string;
}

/** The audit log in ClickHouse. All queries are bound; nothing of a caller ever becomes SQL. */
@Injectable()
export class AuditLog {
  private prepared: Promise<void> | null = null;

  constructor(@Inject(CLICKHOUSE) private readonly client: ClickHouseClient) {}

  /** Makes the tables where they are not there. */
  prepare(): Promise<void> {
    this.prepared ??= migrateClickHouse(this.client).catch((error: unknown) => {
      this.prepared = null;
      throw error;
    });
    return this.prepared;
  }

  /**
   * Adds events; the same ones again change nothing that a reader sees. Resolves when they are durable.
   *
   * @param again writes also what ClickHouse remembers to have been given already: it may have been deleted since
   */
  async insert(events: readonly LoggedEvent[], { again = false } = {}): Promise<void> {
    if (events.length === 0) return;
    await this.prepare();
    try {
      const clickhouse_settings = again ? { insert_deduplicate: 0 as const } : {};
      await this.client.insert({ table: 'audit_events', values: events.map(toRow), format: 'JSONEachRow', clickhouse_settings });
    } catch (error) {
      // Should ClickHouse have been wiped meanwhile, the next try makes the tables anew.
      this.prepared = null;
      throw error;
    }
  }

  /**
   * At most `limit` events up to the sequence `completeTo`, newest first, each once. What was delivered twice and has not collapsed yet is left
   * out here and not by ClickHouse: with LIMIT BY it reads the whole table before it answers the first row.
   */
  async page(filters: AuditFilters, after: AuditKey | null, completeTo: number, limit: number): Promise<LoggedEvent[]> {
    const found = new Map<string, Row>();
    for (let key = after; ;) {
      const rows = await this.rowsOf(filters, key, completeTo, limit);
      for (const row of rows) if (found.size < limit && !found.has(row.sequence)) found.set(row.sequence, row);
      const last = rows.at(-1);
      if (!last || rows.length < limit || found.size === limit) return this.readable([...found.values()]);
      key = { time: last.instant, sequence: Number(last.sequence) };
    }
  }

  private async rowsOf(filters: AuditFilters, after: AuditKey | null, completeTo: number, limit: number): Promise<RowWithTime[]> {
    const given = Object.entries(filters).filter(([, value]) => value !== undefined) as [keyof AuditFilters, string][];
    const conditions = given.map(([name]) => CONDITIONS[name]);
    const params: Record<string, unknown> = { completeTo, limit };
    for (const [name, value] of given) params[name] = name === 'from' || name === 'to' ? toDateTime(withinRange(value)) : value;
    if (after) {
      // Not a tuple comparison, which reads half the table: it is not taken for a range of the key.
      conditions.push('time <= {afterTime: DateTime64(3)} AND (time < {afterTime: DateTime64(3)} OR sequence < {afterSequence: UInt64})');
      params['afterTime'] = toDateTime(after.time);
      params['afterSequence'] = after.sequence;
    }
    const where = ['sequence <= {completeTo: UInt64}', ...conditions].join(' AND ');
    return this.read<RowWithTime>(
      `SELECT sequence, prev_hash, hash, canonical, toString(audit_events.time) AS instant FROM audit_events WHERE ${where}
       ORDER BY time DESC, sequence DESC LIMIT {limit: UInt32}`,
      params,
    );
  }

  async find(id: string, completeTo: number): Promise<LoggedEvent | null> {
    const found = await this.read(
      'SELECT sequence, prev_hash, hash, canonical FROM audit_events WHERE id = {id: UUID} AND sequence <= {completeTo: UInt64} LIMIT 1',
      { id, completeTo },
    );
    return (await this.readable(found))[0] ?? null;
  }

  /** The events of rows. One whose text was tampered with until it is no event any more is put together from the columns beside it. */
  private async readable(rows: readonly Row[]): Promise<LoggedEvent[]> {
    const damaged = rows.filter(({ canonical }) => !isItem(canonical)).map(({ sequence }) => Number(sequence));
    const columns = damaged.length === 0 ? [] : await this.columnsOf('sequence IN {damaged: Array(UInt64)}', { damaged });
    const repaired = new Map(columns.map((row) => [row.sequence, fromColumns(row)]));
    return rows.map((row) => ({ ...toLoggedEvent(row), canonical: repaired.get(row.sequence) ?? row.canonical }));
  }

  /** The hashes that are there for a sequence: one, unless the log was tampered with. */
  async hashesOf(sequence: number): Promise<string[]> {
    const rows = await this.read(
      'SELECT DISTINCT sequence, prev_hash, hash, canonical FROM audit_events WHERE sequence = {sequence: UInt64} LIMIT 2',
      { sequence },
    );
    return rows.map((row) => row.hash);
  }

  /** The last sequence that is there; 0 for an empty log. */
  async lastSequence(): Promise<number> {
    const result = await this.client.query({
      query: 'SELECT max(sequence) AS sequence FROM audit_events',
      format: 'JSONEachRow',
      clickhouse_settings: { wait_end_of_query: 1 },
    });
    const [row] = await result.json<{ sequence: string }>();
    return Number(row?.sequence ?? 0);
  }

  /** Up to which sequence all are there, given that all up to `known` are. */
  async contiguousTo(known: number): Promise<number> {
    for (let last = known; ;) {
      const result = await this.client.query({
        query: 'SELECT DISTINCT sequence FROM audit_events WHERE sequence > {last: UInt64} ORDER BY sequence LIMIT 20000',
        query_params: { last },
        format: 'JSONEachRow',
        clickhouse_settings: { wait_end_of_query: 1 },
      });
      const rows = await result.json<{ sequence: string }>();
      const start = last;
      for (const row of rows) {
        if (Number(row.sequence) !== last + 1) return last;
        last += 1;
      }
      if (last === start || rows.length < 20_000) return last;
    }
  }

  /**
   * The events of a range by sequence, in bounded memory. Equal rows are one; rows that differ in anything all come. None come of a table that
   * is gone: for whoever verifies, that is a log whose events are missing.
   */
  async *range(from: number, to: number): AsyncGenerator<ChainRow> {
    try {
      yield* this.chunks(from, to);
    } catch (error) {
      if (!(error instanceof ClickHouseError && error.type === 'UNKNOWN_TABLE')) throw error;
    }
  }

  private async *chunks(from: number, to: number): AsyncGenerator<ChainRow> {
    for (let first = from; first <= to; first += CHUNK) {
      const last = Math.min(to, first + CHUNK - 1);
      for (const row of await this.columnsOf('sequence BETWEEN {first: UInt64} AND {last: UInt64}', { first, last })) yield toChainRow(row);
    }
  }

  private async columnsOf(where: string, params: Record<string, unknown>): Promise<RowWithColumns[]> {
    const result = await this.client.query({
      query: `SELECT DISTINCT sequence, prev_hash, hash, canonical, id, action, outcome, actor_id, resource_type, resource_id, request_id,
          toUnixTimestamp64Milli(time) AS time_ms
        FROM audit_events WHERE ${where} ORDER BY sequence`,
      query_params: params,
      format: 'JSONEachRow',
      clickhouse_settings: { wait_end_of_query: 1 },
    });
    return result.json<RowWithColumns>();
  }

  /** The first and the last sequence of a span of time, up to `completeTo`; null where no event lies in it. `to` is excluded. */
  async span(from: string, to: string, completeTo: number): Promise<{ first: number; last: number } | null> {
    if (completeTo === 0) return null;
    const [found] = await this.read<{ first: string; last: string; events: string }>(
      `SELECT min(sequence) AS first, max(sequence) AS last, count() AS events FROM audit_events
        WHERE time >= {from: DateTime64(3)} AND time < {to: DateTime64(3)} AND sequence <= {completeTo: UInt64}`,
      { from: toDateTime(withinRange(from)), to: toDateTime(withinRange(to)), completeTo },
    );
    return found && found.events !== '0' ? { first: Number(found.first), last: Number(found.last) } : null;
  }

  /** How many events a range by sequence has, each once. */
  async count(first: number, last: number): Promise<number> {
    const [found] = await this.read<{ events: string }>(
      'SELECT count(DISTINCT sequence) AS events FROM audit_events WHERE sequence BETWEEN {first: UInt64} AND {last: UInt64}',
      { first, last },
    );
    return Number(found?.events ?? 0);
  }

  /** The events of a range by sequence, in batches. Equal rows are one. */
  async *extract(from: number, to: number): AsyncGenerator<LoggedEvent[]> {
    for (let first = from; first <= to; first += EXTRACTED_AT_ONCE) {
      const rows = await this.read(
        `SELECT DISTINCT sequence, prev_hash, hash, canonical FROM audit_events
          WHERE sequence BETWEEN {first: UInt64} AND {last: UInt64} ORDER BY sequence`,
        { first, last: Math.min(to, first + EXTRACTED_AT_ONCE - 1) },
      );
      yield rows.map(toLoggedEvent);
    }
  }

  /** Deletes the events up to a sequence, in the background. Answers whether there were any. */
  async deleteTo(sequence: number): Promise<boolean> {
    const result = await this.client.query({
      query: 'SELECT 1 AS found FROM audit_events WHERE sequence <= {sequence: UInt64} LIMIT 1',
      query_params: { sequence },
      format: 'JSONEachRow',
      clickhouse_settings: { wait_end_of_query: 1 },
    });
    if ((await result.json()).length === 0) return false;
    await this.client.command({
      query: 'ALTER TABLE audit_events DELETE WHERE sequence <= {sequence: UInt64}',
      query_params: { sequence },
    });
    return true;
  }

  private async read<Found = Row>(query: string, params: Record<string, unknown>): Promise<Found[]> {
    const result = await this.client.query({
      query,
      query_params: params,
      format: 'JSONEachRow',
      clickhouse_settings: { wait_end_of_query: 1, max_execution_time: 20 },
    });
    return result.json<Found>();
  }
}

function toLoggedEvent({ sequence, prev_hash, hash, canonical }: Row): LoggedEvent {
  return { sequence: Number(sequence), prevHash: prev_hash, hash, canonical };
}

function toRow({ sequence, prevHash, hash, canonical }: LoggedEvent): object {
  const item = JSON.parse(canonical) as Item;
  return {
    time: toDateTime(item.time),
    sequence,
    id: item.id,
    action: item.action,
    outcome: item.outcome,
    actor_id: item.actor.id,
    resource_type: item.resource.type,
    resource_id: item.resource.id,
    request_id: item.requestId ?? '',
    prev_hash: prevHash,
    hash,
    canonical,
  };
}

/** With what stands beside the canonical text, so that a change of a column alone is found as well. */
function toChainRow(row: RowWithColumns): ChainRow {
  return {
    sequence: Number(row.sequence),
    prevHash: row.prev_hash,
    hash: row.hash,
    canonical: row.canonical,
    columns: {
      id: row.id,
      action: row.action,
      outcome: row.outcome,
      'actor.id': row.actor_id,
      'resource.type': row.resource_type,
      'resource.id': row.resource_id,
      requestId: row.request_id === '' ? null : row.request_id,
      time: new Date(Number(row.time_ms)).toISOString(),
    },
  };
}

function isItem(canonical: string): boolean {
  try {
    const { actor, resource, time } = JSON.parse(canonical) as Partial<Item>;
    return typeof time === 'string' && typeof actor?.id === 'string' && typeof resource?.id === 'string';
  } catch {
    return false;
  }
}

/** What is left of an event whose text is damaged, as far as the columns know. Its hash does not fit, so whoever checks it finds the damage. */
function fromColumns(row: RowWithColumns): string {
  return JSON.stringify({
    action: row.action,
    actor: { id: row.actor_id, principalId: null, type: 'system' },
    after: null,
    before: null,
    clientIp: null,
    id: row.id,
    outcome: row.outcome,
    reason: 'The text of this event is damaged in the log; GET /v1/audit/verify names it.',
    requestId: row.request_id === '' ? null : row.request_id,
    resource: { id: row.resource_id, type: row.resource_type },
    sequence: Number(row.sequence),
    time: new Date(Number(row.time_ms)).toISOString(),
    traceId: null,
  });
}

/** DateTime64 holds the years 1900 to 2299; no event lies outside, so a bound that does is as good as theirs. */
function withinRange(time: string): string {
  if (time < '1900') return '1900-01-01T00:00:00.000Z';
  return time >= '2299' ? '2299-12-31T00:00:00.000Z' : time;
}

/** RFC 3339 as ClickHouse takes it in a parameter and in JSON. */
function toDateTime(time: string): string {
  return time.replace('T', ' ').replace('Z', '');
}
