import type { Caller } from '#libs/auth/request-caller.js';
import { definedOnly } from '#libs/database/merge-patch.js';
import type { Representation } from '#libs/database/representation.js';
import { assertVersion, type Transaction, Transactions } from '#libs/database/transaction.js';
import { BadRequestError, ConflictError, NotFoundError } from '#libs/errors/errors.js';
import { changedFields, type EventFields } from '#libs/events/event.js';
import { uuidv7 } from '#libs/ids/uuidv7.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { type DueTimes, dueTimes } from '#libs/reports/due-times.js';
import { isPointKind, type ReportKind } from '#libs/reports/report-kinds.js';
import type { GivenParameters } from '#libs/reports/report-parameters.js';
import { assertCampaign, assertNamed } from '#libs/reports/request-report.js';
import { Injectable } from '@nestjs/common';
import { type Schedule, SchedulesRepository } from './schedules.repository.js';

export type ScheduleInput = Omit<Schedule, 'id' | 'status' | 'version' | 'parameters' | 'timeZone' | 'enabled'> &
  Partial<Pick<Schedule, 'parameters' | 'timeZone' | 'enabled'>>;
export type SchedulePatch = Partial<Omit<ScheduleInput, 'kind'>>;

const FILTERS = ['assetIds', 'principalIds', 'sensitivities', 'departments'] as const;

/** Schedules of reports. The worker runs them. */
@Injectable()
export class SchedulesService {
  constructor(
    private readonly transactions: Transactions,
    private readonly schedules: SchedulesRepository,
  ) {}

  list(filters: { status?: string }, page: PageRequest): Promise<Page> {
    return this.schedules.page(filters, page);
  }

  async get(id: string): Promise<Representation> {
    const schedule = await this.schedules.findRepresentation(id);
    if (!schedule) throw NotFoundError.of('report schedule', id);
    return schedule;
  }

  create(input: ScheduleInput, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const { parameters = {}, timeZone = 'UTC', enabled = true } = input;
      const schedule: Schedule = { ...input, parameters, timeZone, enabled, id: uuidv7(), status: 'active', version: 1 };
      const times = await this.check(tx, schedule);
      const coveredTo = times.upTo(tx.now) ?? tx.now;
      await this.schedules.insert(tx, schedule, tx.actor, nextRunOf(schedule, times, tx.now), coveredTo);
      tx.record({ type: 'report_schedule.created', resource: { type: 'report_schedule', id: schedule.id }, after: eventFields(schedule) });
      return this.represent(tx, schedule.id);
    });
  }

  update(id: string, patch: SchedulePatch, caller: Caller): Promise<Representation> {
    return this.transactions.write(caller, async (tx) => {
      const before = await this.lock(tx, id, caller);
      if (before.status === 'retired') throw new ConflictError('report_schedule_retired');
      await this.save(tx, before, { ...before, ...definedOnly(patch) });
      return this.represent(tx, id);
    });
  }

  /** Ends a schedule; the reports that it asked for stay. Again: nothing changes. */
  retire(id: string, caller: Caller): Promise<void> {
    return this.transactions.write(caller, async (tx) => {
      const before = await this.lock(tx, id, caller);
      await this.save(tx, before, { ...before, status: 'retired' });
    });
  }

  private async save(tx: Transaction, before: Schedule, after: Schedule): Promise<void> {
    const changes = changedFields({ ...eventFields(before), name: before.name }, { ...eventFields(after), name: after.name });
    if (Object.keys(changes.after).length === 0) return tx.leaveUnchanged();
    const nextRunAt = after.status === 'retired' ? null : nextRunOf(after, await this.check(tx, after), tx.now);
    await this.schedules.update(tx, { ...after, version: before.version + 1 }, nextRunAt);
    const type = after.status === 'retired' ? 'report_schedule.retired' : 'report_schedule.updated';
    const { before: was, after: is } = changedFields(eventFields(before), eventFields(after));
    const nameChanged = before.name === after.name ? {} : { nameChanged: true };
    tx.record({ type, resource: { type: 'report_schedule', id: before.id }, before: was, after: { ...is, ...nameChanged } });
  }

  /** @throws BadRequestError for a time that never comes, or parameters that are not of the kind */
  private async check(tx: Transaction, { kind, parameters, cron, timeZone }: Schedule): Promise<DueTimes> {
    const times = dueTimes(cron, timeZone, tx.now);
    assertFits(kind, parameters);
    if (parameters.campaignId !== undefined) await assertCampaign(tx, parameters.campaignId, tx.now.toISOString());
    await assertNamed(tx, parameters);
    return times;
  }

  private async lock(tx: Transaction, id: string, caller: Caller): Promise<Schedule> {
    const schedule = await this.schedules.findForUpdate(tx, id);
    if (!schedule) throw NotFoundError.of('report schedule', id);
    assertVersion(caller, schedule.version);
    return schedule;
  }

  private async represent(tx: Transaction, id: string): Promise<Representation> {
    const schedule = await this.schedules.findRepresentation(id, tx);
    if (!schedule) throw NotFoundError.of('report schedule', id);
    return schedule;
  }
}

const nextRunOf = ({ enabled }: Schedule, times: DueTimes, now: Date): Date | null => (enabled ? times.after(now) : null);

function assertFits(kind: ReportKind, parameters: GivenParameters): void {
  const allowed: readonly string[] = isPointKind(kind) ? FILTERS : kind === 'campaign_evidence' ? ['campaignId'] : [];
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && !allowed.includes(name))
      throw BadRequestError.rule(`parameters.${name}`, `is not for reports of the kind ${kind}`);
  }
  if (kind === 'campaign_evidence' && parameters.campaignId === undefined)
    throw BadRequestError.rule('parameters.campaignId', 'is required');
}

/** What an event holds of a schedule: all but its name. */
function eventFields({ kind, format, parameters, cron, timeZone, enabled, status }: Schedule): EventFields {
  return { kind, format, parameters, cron, timeZone, enabled, status };
}
