import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { type Transaction, Transactions } from '#libs/database/transaction.js';
import { AppError } from '#libs/errors/errors.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import { dueTimes } from './due-times.js';
import { isPeriodKind, isPointKind, type ReportFormat, type ReportKind } from './report-kinds.js';
import type { GivenParameters } from './report-parameters.js';
import { requestReport } from './request-report.js';

/** In whose name reports are asked for that the clock asks for. */
const ACTOR: Actor = { id: 'report-schedules', type: 'system', principalId: null };

interface DueSchedule {
  id: string;
  kind: ReportKind;
  format: ReportFormat;
  parameters: GivenParameters;
  cron: string;
  timeZone: string;
  coveredTo: Date;
  nextRunAt: Date;
}

/**
 * Asks for the reports whose time has come. Any number of runners share it: a due schedule is locked by the one that runs it, and is due no more
 * when the others see it. Of the times that were missed, the last is run, once; a report of a period then tells of all that was not told of.
 */
@Injectable()
export class ScheduleRuns {
  constructor(private readonly transactions: Transactions) {}

  /** Runs one schedule that is due. Answers whether there was one. */
  async runNext(): Promise<boolean> {
    let ran = false;
    await this.transactions.write(schedulesCaller(), async (tx) => {
      const schedule = await lockDue(tx);
      ran = schedule !== null;
      if (schedule) await run(tx, schedule);
      else tx.leaveUnchanged();
    });
    return ran;
  }
}

async function lockDue(tx: Transaction): Promise<DueSchedule | null> {
  const [schedule] = await tx.rows<DueSchedule>(
    sql`SELECT id, kind, format, parameters, cron, time_zone AS "timeZone", covered_to AS "coveredTo", next_run_at AS "nextRunAt"
      FROM report_schedules WHERE next_run_at <= statement_timestamp() ORDER BY next_run_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`,
  );
  return schedule ?? null;
}

async function run(tx: Transaction, schedule: DueSchedule): Promise<void> {
  const { id, kind, format, cron, timeZone, nextRunAt } = schedule;
  const times = dueTimes(cron, timeZone, tx.now);
  // PostgreSQL's clock found it due, and may be ahead of ours.
  const dueAt = new Date(Math.max(nextRunAt.getTime(), times.upTo(tx.now)?.getTime() ?? 0));
  const next = times.after(dueAt > tx.now ? dueAt : tx.now);
  const resource = { type: 'report_schedule', id };
  const after = { dueAt: dueAt.toISOString() };
  try {
    const request = { kind, format, parameters: parametersAt(schedule, dueAt) };
    // However many a schedule asks for, each is asked for once: the limit is for callers who might not stop.
    const reportId = await requestReport(tx, request, Number.MAX_SAFE_INTEGER);
    await tx.rows(sql`UPDATE report_schedules SET next_run_at = ${next}, covered_to = ${dueAt}, last_due_at = ${dueAt}, last_run_at = ${tx.now},
      last_report_id = ${reportId}, last_failure = NULL WHERE id = ${id}`);
    tx.record({ type: 'report_schedule.run', resource, after: { ...after, reportId } });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // What it asks for cannot be asked for now: said, and tried again when it is due again.
    await tx.rows(sql`UPDATE report_schedules SET next_run_at = ${next}, last_due_at = ${dueAt}, last_run_at = ${tx.now}, last_failure = ${error.code}
      WHERE id = ${id}`);
    tx.record({ type: 'report_schedule.run', resource, after, outcome: 'failed', reason: error.code });
  }
}

function parametersAt({ kind, parameters, coveredTo }: DueSchedule, dueAt: Date): GivenParameters {
  if (isPointKind(kind)) return { ...parameters, asOf: dueAt.toISOString() };
  return isPeriodKind(kind) ? { from: coveredTo.toISOString(), to: dueAt.toISOString() } : parameters;
}

function schedulesCaller(): Caller {
  return {
    identity: { id: ACTOR.id, type: ACTOR.type, roles: [] },
    requestId: uuidv7(),
    traceId: uuidv7().replaceAll('-', ''),
    ...{ clientIp: null, idempotency: null, replayed: false, ifMatch: null },
  };
}
