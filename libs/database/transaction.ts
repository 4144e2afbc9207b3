import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { ConflictError } from '#libs/errors/errors.js';
import type { EventDraft } from '#libs/events/event.js';
import { eventsStatement } from '#libs/events/outbox.js';
import { Injectable } from '@nestjs/common';
import type { Socket } from 'node:net';
import type { PoolClient } from 'pg';
import type { Sql } from 'sql-template-tag';
import type { EntityManager, QueryRunner } from 'typeorm';
import { Database } from './database.js';
import { asFailure, mayRunAgain } from './failures.js';
import { answerStatement, asInFlight, openRequest } from './idempotency.js';
import type { Representation } from './representation.js';

const ATTEMPTS = 3;

/** Sends queries without waiting for the answers to those before, while `pipeline` is set; the types of pg know neither that nor its socket. */
type PipelinedClient = PoolClient & { pipeline: boolean; connection: { stream: Socket } };

/** Has all that `send` sends leave in one packet: on a connection that is near, writing costs more than what is written. */
function together<T>({ connection }: PipelinedClient, send: () => T): T {
  connection.stream.cork();
  try {
    return send();
  } finally {
    connection.stream.uncork();
  }
}

/** A running transaction: services pass it on, repositories work in it. It has one instant, and one actor. */
export class Transaction {
  readonly events: EventDraft[] = [];
  private unchanged = false;
  private instant: Date | undefined;

  constructor(
    private readonly database: Database,
    private readonly runner: QueryRunner,
    private readonly client: PoolClient,
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
    return this.database.rows<Row>(query, this.client);
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

  /**
   * A transaction in as few turns with PostgreSQL as there are: what opens it goes out together, and so do its events, its answer and the COMMIT,
   * which PostgreSQL turns into a ROLLBACK where one before it failed. On a connection that is near, each turn is a tenth of a write.
   */
  private async attempt<Result extends Representation | void>(caller: Caller, work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const runner = this.database.source.createQueryRunner();
    let client: PipelinedClient | undefined;
    try {
      client = (await runner.connect()) as PipelinedClient;
      client.pipeline = true;
      // TypeORM locks rows only where it knows of a transaction, and this one is begun past it.
      (runner as { isTransactionActive: boolean }).isTransactionActive = true;
      const { actor, answer } = await this.open(client, caller);
      if (answer) {
        await client.query('COMMIT');
        caller.replayed = true;
        return answer as Result;
      }
      const tx = new Transaction(this.database, runner, client, actor);
      const result = await work(tx);
      if (!tx.accountedFor) throw new Error('A change of state recorded no event.');
      await this.commit(tx, client, caller, result);
      return result;
    } catch (error) {
      await client?.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      if (client) client.pipeline = false;
      await runner.release();
    }
  }

  private async open(client: PipelinedClient, caller: Caller): ReturnType<typeof openRequest> {
    const [, opened] = await together(client, () => Promise.all([client.query('BEGIN'), openRequest(this.database, client, caller)]));
    return opened;
  }

  /**
   * Commits with the events, and with the answer where it is to be kept. The COMMIT does not wait to see whether they went well, so they are made
   * before any is sent: what could not even be said would else be left out and the change committed without it.
   */
  private async commit(tx: Transaction, client: PipelinedClient, caller: Caller, result: Representation | void): Promise<void> {
    const { actor, events, now } = tx;
    const { requestId, traceId, clientIp, idempotency } = caller;
    const recording = events.length > 0 ? [eventsStatement(events, { actor, requestId, traceId, clientIp }, now)] : [];
    const keeping = idempotency && result ? [answerStatement(caller, idempotency, result, now)] : [];
    await together(client, () =>
      Promise.all([
        ...recording.map((statement) => tx.rows(statement)),
        ...keeping.map((statement) => tx.rows(statement).catch((error: unknown) => Promise.reject(asInFlight(error) as Error))),
        client.query('COMMIT'),
      ]),
    );
  }
}

/** 409 where `If-Match` names versions and the resource's is not among them. */
export function assertVersion(caller: Caller, version: number | null): void {
  if (caller.ifMatch && !caller.ifMatch.includes(String(version))) throw new ConflictError('version_conflict');
}
