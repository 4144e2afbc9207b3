import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { ConflictError } from '#libs/errors/errors.js';
import type { EventDraft } from '#libs/events/event.js';
import { appendEvents } from '#libs/events/outbox.js';
import { Injectable } from '@nestjs/common';
import type { Sql } from 'sql-template-tag';
import type { EntityManager, QueryRunner } from 'typeorm';
import { Database } from './database.js';
import { asFailure, mayRunAgain } from './failures.js';
import { openRequest, rememberAnswer } from './idempotency.js';
import type { Representation } from './representation.js';

const ATTEMPTS = 3;

/** A running transaction: services pass it on, repositories work in it. It has one instant, and one actor. */
export class Transaction {
  readonly events: EventDraft[] = [];
  private unchanged = false;
  private instant: Date | undefined;

  constructor(
    private readonly database: Database,
    private readonly runner: QueryRunner,
    readonly actor: Actor,
  ) {}

  /**
   * The instant of the change. Taken where it is first asked for, which is once the row to change is locked: a change that had to wait for
   * another is later than that one, and history knows its versions by their times.
   */
  get now(): Date {
    return (this.instant ??= new Date());
  }

  get manager(): EntityManager {
    return this.runner.manager;
  }

  rows<Row>(query: Sql): Promise<Row[]> {
    return this.database.rows<Row>(query, this.runner);
  }

  /** Tells what has changed; written with the change when the transaction commits. */
  record(event: EventDraft): void {
    this.events.push(event);
  }

  /**
   * Says that there was nothing to change, which is why no event tells of it. It has to be said: neither silence nor PostgreSQL tells it from a
   * forgotten event, since a row that was only locked counts as written there.
   */
  leaveUnchanged(): void {
    this.unchanged = true;
  }

  /** Whether the work has said what it did: what has changed, or that nothing has. */
  get accountedFor(): boolean {
    return this.unchanged || this.events.length > 0;
  }
}

/**
 * The one door to a change of state. What `work` writes and the events it records are committed together or not at all, and with them, where
 * the request carries an Idempotency-Key, the answer: a repeat is given that answer and runs nothing. Work that neither records an event nor
 * says `leaveUnchanged` fails.
 *
 * `work` may run again after a deadlock, so it has no effects outside its transaction.
 *
 * @throws ConflictError `idempotency_in_flight` while an equal request is being answered; AppError `idempotency_mismatch` for another body
 * @throws UnavailableError where the database is away
 */
@Injectable()
export class Transactions {
  constructor(private readonly database: Database) {}

  async write<Result extends Representation | void>(caller: Caller, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(caller, work);
      } catch (error) {
        if (attempt === ATTEMPTS || !mayRunAgain(error)) throw asFailure(error);
      }
    }
  }

  private async attempt<Result extends Representation | void>(caller: Caller, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const runner = this.database.source.createQueryRunner();
    try {
      await runner.connect();
      await runner.startTransaction();
      const { actor, answer } = await openRequest(this.database, runner, caller);
      if (answer) {
        await runner.commitTransaction();
        caller.replayed = true;
        return answer as Result;
      }
      const tx = new Transaction(this.database, runner, actor);
      const result = await work(tx);
      await this.recordEvents(tx, runner, caller);
      if (caller.idempotency && result) await rememberAnswer(this.database, runner, caller, caller.idempotency, result, tx.now);
      await runner.commitTransaction();
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    } finally {
      await runner.release();
    }
  }

  private async recordEvents(tx: Transaction, runner: QueryRunner, caller: Caller): Promise<void> {
    if (!tx.accountedFor) throw new Error('A change of state recorded no event.');
    if (tx.events.length === 0) return;
    const { requestId, traceId, clientIp } = caller;
    await appendEvents((query) => tx.rows(query), tx.events, { actor: tx.actor, requestId, traceId, clientIp }, tx.now);
  }
}

/** 409 where `If-Match` names versions and the resource's is not among them. */
export function assertVersion(caller: Caller, version: number): void {
  if (caller.ifMatch && !caller.ifMatch.includes(String(version))) throw new ConflictError('version_conflict');
}
