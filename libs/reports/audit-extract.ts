import { AuditLog } from '#libs/clickhouse/audit-log.js';
import { Database } from '#libs/database/database.js';
import type { Checkpoint } from '#libs/events/chain-keys.js';
import { ChainStore } from '#libs/events/chain-store.js';
import { CSV_LINE_END, csvCell } from '#libs/report-formats/csv.js';
import type { Lines, PreparedReport, PreparedTable } from '#libs/report-formats/prepared-report.js';
import type { ReportColumn } from '#libs/report-formats/report-document.js';
import { Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import sql, { type Sql } from 'sql-template-tag';
import type { PeriodParameters } from './report-parameters.js';

/** The part of the chain that a period is: from the first event in it to the last, those between them with other times included. */
interface Part {
  first: number;
  last: number;
}

interface ExtractedEvent {
  canonical: string;
  prevHash: string;
  hash: string;
}

type Item = { sequence: number; time: string; action: string; outcome: string; reason: string | null; requestId: string | null } & {
  id: string;
  actor: { id: string; type: string; principalId: string | null };
  resource: { type: string; id: string };
};

/** The log has not come as far as the period yet, or has lost events. */
export class LogIncomplete extends Error {}

/** For how long events on their way into the log are waited for, in milliseconds; they take about a second. */
const PATIENCE_MS = 15_000;
const POLL_MS = 200;
const CHECKPOINTS_AT_ONCE = 1_000;
const EMPTY: Part = { first: 1, last: 0 };

const column = (name: string, title: string, weight: number): ReportColumn => ({ name, title, weight });
const EVENT_COLUMNS = [
  column('sequence', 'No.', 1),
  column('id', 'Id', 0),
  column('time', 'Time', 3),
  column('action', 'Action', 2),
  column('outcome', 'Outcome', 1),
  ...[column('actorId', 'Actor', 3), column('actorType', 'Actor type', 0), column('actorPrincipalId', 'Principal', 0)],
  ...[column('resourceType', 'Resource', 2), column('resourceId', 'Resource id', 4), column('reason', 'Reason', 3)],
  ...[column('requestId', 'Request', 0), column('event', 'Event', 0), column('prevHash', 'Previous hash', 0), column('hash', 'Hash', 5)],
];
const CHECKPOINT_COLUMNS = [
  ...[column('sequence', 'No.', 1), column('time', 'Signed', 2), column('hash', 'Hash', 5), column('keyId', 'Key', 3)],
  column('signature', 'Signature', 6),
];
const KEY_COLUMNS = [column('kid', 'Key', 1), column('x', 'Public key (Ed25519)', 1)];

/** The audit log of a period with what it takes to check it: the hashes of every event, the signed checkpoints within, and the public keys. */
@Injectable()
export class AuditExtract {
  constructor(
    private readonly log: AuditLog,
    private readonly chain: ChainStore,
    private readonly database: Database,
  ) {}

  /** @throws LogIncomplete where events of the period are not in the log */
  async prepare({ from, to, recordedAt }: PeriodParameters, signal: AbortSignal): Promise<PreparedReport> {
    const end = to < recordedAt ? to : new Date(Date.parse(recordedAt) + 1).toISOString();
    const { first, last } = await this.partOf(from, end, signal);
    const events = last - first + 1;
    const checkpoints = await this.checkpoints({ first, last });
    const keys = await this.chain.keys();
    return {
      tables: [
        this.eventTable({ first, last }, events),
        supplement('checkpoint', 'Checkpoints', CHECKPOINT_COLUMNS, checkpoints, (point) => point),
        supplement('key', 'Public keys', KEY_COLUMNS, keys, (key) => ({ key })),
      ],
      counted: 'events',
      reconciliation: { population: events, included: events, excluded: [] },
      ...{ bands: null, modelVersion: null },
    };
  }

  /** @throws LogIncomplete where an event of an instant, or of one before it, has no place in the chain yet */
  chained(instant: Date, signal: AbortSignal): Promise<void> {
    const waiting = sql`SELECT FROM events WHERE sequence IS NULL AND time <= ${instant} LIMIT 1`;
    return this.untilNone(waiting, 'Events are waiting for their place in the audit log.', signal);
  }

  private async untilNone(query: Sql, otherwise: string, signal: AbortSignal): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      if ((await this.database.rows(query)).length === 0) return;
      if (Date.now() > deadline) throw new LogIncomplete(otherwise);
      await pause(POLL_MS, undefined, { signal });
    }
  }

  /** The log is asked for its first and its last event of the period once it has every event that was committed with a time before its end. */
  private async partOf(from: string, to: string, signal: AbortSignal): Promise<Part> {
    const missing = sql`SELECT FROM events, audit_progress WHERE time < ${new Date(to)} AND (sequence IS NULL OR sequence > complete_to) LIMIT 1`;
    await this.untilNone(missing, 'The audit log has not come as far as the end of the period yet.', signal);
    const completeTo = await this.chain.completeTo();
    const span = await this.log.span(from, to, completeTo);
    if (!span) return EMPTY;
    const events = await this.log.count(span.first, span.last);
    if (events !== span.last - span.first + 1) throw new LogIncomplete('Events of the period are missing in the audit log.');
    return span;
  }

  private async checkpoints({ first, last }: Part): Promise<Checkpoint[]> {
    const found: Checkpoint[] = [];
    for (let next = first - 1; next <= last;) {
      const page = await this.chain.checkpoints(next, last, CHECKPOINTS_AT_ONCE);
      found.push(...page);
      if (page.length < CHECKPOINTS_AT_ONCE) break;
      next = (page.at(-1)?.sequence ?? last) + 1;
    }
    return found;
  }

  private eventTable({ first, last }: Part, rowCount: number): PreparedTable {
    const batches = (): AsyncIterable<ExtractedEvent[]> => this.log.extract(first, last);
    return {
      ...{ name: 'event', title: 'Events', columns: EVENT_COLUMNS, rowCount, supplement: false, onPaper: onPaper(EVENT_COLUMNS) },
      csvLines: (columns) => linesOf(batches(), (event) => csvLine(cellsOf(columns, event))),
      jsonLines: () =>
        linesOf(batches(), ({ canonical, prevHash, hash }) => `${canonical.slice(0, -1)},"prevHash":"${prevHash}","hash":"${hash}"}\n`),
      cells: (columns) => mapped(batches(), (event) => cellsOf(columns, event)),
    };
  }
}

function cellsOf(columns: readonly string[], { canonical, prevHash, hash }: ExtractedEvent): (string | null)[] {
  const { actor, resource, ...item } = JSON.parse(canonical) as Item;
  const cells: Record<string, string | number | null> = {
    ...{ ...item, actorId: actor.id, actorType: actor.type, actorPrincipalId: actor.principalId },
    ...{ resourceType: resource.type, resourceId: resource.id, event: canonical, prevHash, hash },
  };
  return columns.map((name) => (cells[name] == null ? null : String(cells[name])));
}

function supplement<Thing extends object>(
  name: string,
  title: string,
  columns: readonly ReportColumn[],
  things: readonly Thing[],
  shown: (thing: Thing) => object,
): PreparedTable {
  const cells = (wanted: readonly string[], thing: Thing): (string | null)[] =>
    wanted.map((each) => String((thing as Record<string, string | number>)[each] ?? ''));
  return {
    ...{ name, title, columns, rowCount: things.length, supplement: true, onPaper: onPaper(columns) },
    csvLines: (wanted) => linesOf([things], (thing) => csvLine(cells(wanted, thing))),
    jsonLines: () => linesOf([things], (thing) => `${JSON.stringify(shown(thing))}\n`),
    cells: (wanted) => mapped([things], (thing) => cells(wanted, thing)),
  };
}

const onPaper = (columns: readonly ReportColumn[]): string[] => columns.filter(({ weight }) => weight > 0).map(({ name }) => name);

const csvLine = (cells: readonly (string | null)[]): string => cells.map(csvCell).join(',') + CSV_LINE_END;

async function* linesOf<From>(
  batches: AsyncIterable<readonly From[]> | Iterable<readonly From[]>,
  line: (from: From) => string,
): AsyncGenerator<Lines> {
  for await (const lines of mapped(batches, line)) yield { bytes: Buffer.from(lines.join('')), count: lines.length };
}

async function* mapped<From, To>(
  batches: AsyncIterable<readonly From[]> | Iterable<readonly From[]>,
  to: (from: From) => To,
): AsyncGenerator<To[]> {
  for await (const batch of batches) if (batch.length > 0) yield batch.map(to);
}
