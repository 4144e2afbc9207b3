import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { Database } from '#libs/database/database.js';
import { type Transaction, Transactions } from '#libs/database/transaction.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Reconciliation } from '#libs/report-formats/report-document.js';
import type { StoredFile } from '#libs/report-storage/report-storage.js';
import { Injectable } from '@nestjs/common';
import sql, { type Sql } from 'sql-template-tag';
import type { ReportFormat, ReportKind } from './report-kinds.js';
import type { ReportParameters } from './report-parameters.js';

/** For how long a worker has a report to itself after each sign of life, in seconds. */
export const LEASE_SECONDS = 20;
/** After so many errors a report has failed; so many workers may die over it. */
const MOST_FAILURES = 5;
const MOST_ATTEMPTS = 25;
const FIRST_BACKOFF_SECONDS = 2;
const SWEEP = 100;

/** Who builds reports, and lets their files expire. */
const ACTOR: Actor = { id: 'reports', type: 'system', principalId: null };

/** A report as the worker that builds it has it. The attempt tells this worker from an earlier one that was taken for dead. */
export interface ReportJob {
  id: string;
  kind: ReportKind;
  format: ReportFormat;
  parameters: ReportParameters;
  requestedBy: Actor;
  createdAt: Date;
  attempt: number;
  failures: number;
}

export interface BuiltReport extends StoredFile {
  key: string;
  rows: number;
  reconciliation: Reconciliation;
}

export interface ReportFailure {
  code: string;
  message: string;
}

/** Keys differ by attempt, so that a worker that was taken for dead and goes on writing never touches the file of the one after it. */
export const fileKey = ({ id, format, attempt }: Pick<ReportJob, 'id' | 'format' | 'attempt'>): string => `${id}-${attempt}.${format}`;

/**
 * The queue of reports, which are their own jobs: taking one is an update under a lease, and its end is one transaction with its event. Any
 * number of workers share it.
 */
@Injectable()
export class ReportJobs {
  constructor(
    private readonly database: Database,
    private readonly transactions: Transactions,
  ) {}

  /** Takes the report that has waited longest, or one whose worker has shown no sign of life; null where there is none. */
  async take(): Promise<ReportJob | null> {
    return this.database.bookkeeping(async (rows) => {
      const [job] = await rows<ReportJob>(
        sql`UPDATE reports r SET status = 'running', attempts = attempts + 1, lease_until = ${leaseEnd()}, files_left = true, progress_done = 0,
            progress_total = NULL, started_at = coalesce(started_at, statement_timestamp())
          WHERE id = (
            SELECT id FROM reports WHERE status IN ('queued', 'running') AND run_at <= statement_timestamp() AND attempts < ${MOST_ATTEMPTS}
              AND (lease_until IS NULL OR lease_until < statement_timestamp())
            ORDER BY run_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
          )
          RETURNING id, kind, format, parameters, requested_by AS "requestedBy", created_at AS "createdAt", attempts AS attempt, failures`,
      );
      return job ?? null;
    });
  }

  /** A sign of life. Answers false where the report is this worker's no longer: cancelled, or taken over. */
  async renew(job: ReportJob, progress: { done: number; total: number | null }): Promise<boolean> {
    const renewed = await this.database.rows(
      sql`UPDATE reports SET lease_until = ${leaseEnd()}, progress_done = ${progress.done}, progress_total = ${progress.total}
        WHERE ${isMine(job)} RETURNING id`,
    );
    return renewed.length > 0;
  }

  /** Gives a report back unfinished, to be taken at once by whoever comes next. */
  async giveBack(job: ReportJob): Promise<void> {
    await this.database.rows(sql`UPDATE reports SET status = 'queued', lease_until = NULL WHERE ${isMine(job)}`);
  }

  /** Answers false where the report is this worker's no longer: then nobody is to have the file. */
  async complete(job: ReportJob, built: BuiltReport, keptDays: number): Promise<boolean> {
    const { key, rows, bytes, sha256, reconciliation } = built;
    return this.end(job, async (tx) => {
      const expiresAt = new Date(tx.now.getTime() + keptDays * 86_400_000);
      const ended = await tx.rows(
        sql`UPDATE reports SET status = 'completed', lease_until = NULL, progress_done = ${rows}, progress_total = ${rows}, completed_at = ${tx.now},
            expires_at = ${expiresAt}, rows = ${rows}, bytes = ${bytes}, sha256 = ${sha256}, reconciliation = ${JSON.stringify(reconciliation)}::jsonb,
            file_key = ${key}, files_left = ${job.attempt > 1}, updated_at = ${tx.now}, version = version + 1
          WHERE ${isMine(job)} RETURNING id`,
      );
      return { ended: ended.length > 0, type: 'report.completed', after: { status: 'completed', rows, bytes, sha256 } } as const;
    });
  }

  /** Notes an error: the report is tried again later, each time after a longer while, unless it is one that another try cannot mend. */
  async fail(job: ReportJob, failure: ReportFailure, mayMend: boolean): Promise<'tried again' | 'failed' | 'lost'> {
    if (mayMend && job.failures + 1 < MOST_FAILURES) {
      const seconds = FIRST_BACKOFF_SECONDS * 4 ** job.failures;
      const queued = await this.database.rows(
        sql`UPDATE reports SET status = 'queued', failures = failures + 1, lease_until = NULL, run_at = statement_timestamp() + ${seconds} * interval '1 second'
          WHERE ${isMine(job)} RETURNING id`,
      );
      return queued.length > 0 ? 'tried again' : 'lost';
    }
    const ended = await this.end(job, async (tx) => {
      const rows = await tx.rows(sql`UPDATE reports SET ${failed(tx, failure)} WHERE ${isMine(job)} RETURNING id`);
      return { ended: rows.length > 0, type: 'report.failed', after: { status: 'failed', failure: failure.code } } as const;
    });
    return ended ? 'failed' : 'lost';
  }

  /** Fails reports that every worker died over, and lets files expire. Answers whether there may be more. */
  async sweep(): Promise<boolean> {
    let more = false;
    await this.transactions.write(systemCaller(), async (tx) => {
      const failure = { code: 'worker_lost', message: 'Every worker that built this report died over it.' };
      const given = await tx.rows<{ id: string }>(
        sql`UPDATE reports SET ${failed(tx, failure)} WHERE id IN (SELECT id FROM reports WHERE status = 'running' AND attempts >= ${MOST_ATTEMPTS}
          AND lease_until < statement_timestamp() LIMIT ${SWEEP} FOR NO KEY UPDATE SKIP LOCKED) RETURNING id`,
      );
      const expired = await tx.rows<{ id: string }>(
        sql`UPDATE reports SET status = 'expired', files_left = true, updated_at = ${tx.now}, version = version + 1
          WHERE id IN (SELECT id FROM reports WHERE status = 'completed' AND expires_at <= ${tx.now} ORDER BY expires_at LIMIT ${SWEEP}
            FOR NO KEY UPDATE SKIP LOCKED) RETURNING id`,
      );
      for (const { id } of given) record(tx, id, 'report.failed', { status: 'failed', failure: failure.code });
      for (const { id } of expired) record(tx, id, 'report.expired', { status: 'expired' });
      more = expired.length === SWEEP;
      if (given.length + expired.length === 0) tx.leaveUnchanged();
    });
    return more;
  }

  /** Reports that have ended and may have files nobody is to have, with the keys of those. */
  async leftFiles(): Promise<{ id: string; keys: string[] }[]> {
    const rows = await this.database.rows<{ id: string; format: ReportFormat; status: string; attempts: number; fileKey: string | null }>(
      sql`SELECT id, format, status, attempts, file_key AS "fileKey" FROM reports
        WHERE files_left AND status IN ('completed', 'failed', 'cancelled', 'expired') ORDER BY updated_at LIMIT ${SWEEP}`,
    );
    return rows.map(({ id, format, status, attempts, fileKey: kept }) => {
      const keys = Array.from({ length: attempts }, (_, index) => fileKey({ id, format, attempt: index + 1 }));
      return { id, keys: keys.filter((key) => status !== 'completed' || key !== kept) };
    });
  }

  async noteTidy(id: string): Promise<void> {
    await this.database.rows(
      sql`UPDATE reports SET files_left = false WHERE id = ${id} AND status IN ('completed', 'failed', 'cancelled', 'expired')`,
    );
  }

  /** How many reports wait or are being built, and for how long the first of them has been due. */
  async depth(): Promise<{ queued: number; running: number; oldestSeconds: number }> {
    const [row] = await this.database.rows<{ queued: number; running: number; oldest: number | null }>(
      sql`SELECT count(*) FILTER (WHERE status = 'queued')::integer AS queued, count(*) FILTER (WHERE status = 'running')::integer AS running,
          date_part('epoch', statement_timestamp() - min(run_at) FILTER (WHERE status = 'queued')) AS oldest
        FROM reports WHERE status IN ('queued', 'running')`,
    );
    return { queued: row?.queued ?? 0, running: row?.running ?? 0, oldestSeconds: Math.max(0, row?.oldest ?? 0) };
  }

  private async end(
    job: ReportJob,
    work: (tx: Transaction) => Promise<{ ended: boolean; type: 'report.completed' | 'report.failed'; after: Record<string, unknown> }>,
  ): Promise<boolean> {
    let done = false;
    await this.transactions.write(systemCaller(), async (tx) => {
      const { ended, type, after } = await work(tx);
      done = ended;
      if (ended) record(tx, job.id, type, after);
      else tx.leaveUnchanged();
    });
    return done;
  }
}

function record(
  tx: Transaction,
  id: string,
  type: 'report.completed' | 'report.failed' | 'report.expired',
  after: Record<string, unknown>,
): void {
  tx.record({ type, resource: { type: 'report', id }, after });
}

const leaseEnd = (): Sql => sql`statement_timestamp() + ${LEASE_SECONDS} * interval '1 second'`;

const isMine = ({ id, attempt }: ReportJob): Sql => sql`id = ${id} AND status = 'running' AND attempts = ${attempt}`;

const failed = (tx: Transaction, failure: ReportFailure): Sql =>
  sql`status = 'failed', lease_until = NULL, failures = failures + 1, failure = ${JSON.stringify(failure)}::jsonb, updated_at = ${tx.now}, version = version + 1`;

function systemCaller(): Caller {
  return {
    identity: { id: ACTOR.id, type: ACTOR.type, roles: [] },
    ...{ requestId: uuidv7(), traceId: uuidv7().replaceAll('-', ''), clientIp: null, idempotency: null, replayed: false, ifMatch: null },
  };
}
