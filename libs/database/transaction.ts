import type { Actor } from '#libs/auth/caller.js';
import type { Caller } from '#libs/auth/request-caller.js';
import { ConflictError } from '#libs/errors/errors.js';
import type { EventDraft } from '#libs/events/event.js';
import { eventsStatement } from '#libs/events/outbox.js';
import { Injectable } from '@nestjs/common';
import type { PoolClient } from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';
import { Closing, type ShownRow } from './closing.js';
import { Database } from './database.js';
import { asFailure, isNotAdmitted, mayRunAgain } from './failures.js';
import { admission, answerStatement, isAnsweredMeanwhile, openRequest } from './idempotency.js';
import { Packets } from './packets.js';
import type { Representation } from './representation.js';
import type { Statement } from './statement.js';

const ATTEMPTS = 3;

/** How many callers are remembered with the principals that they were. */
const REMEMBERED = 10_000;

/** Sends queries without waiting for the answers to those before, while `pipeline` is set; the types of pg do not know it. */
type PipelinedClient = PoolClient & { pipeline: boolean };

/** A running transaction: services pass it on, repositories work in it. It has one instant, and one actor. */
export class Transaction {
  readonly events: EventDraft[] = [];
  private unchanged = false;
  private instant: Date | undefined;

  constructor(
    private readonly packets: Packets,
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

  /** The instant, where it has been asked for. */
  get takenAt(): Date | null {
    return this.instant ?? null;
  }

  get manager(): EntityManager {
    this.packets.send();
    return this.runner.manager;
  }

  /** Runs a prepared statement. Those that are asked for without waiting for one another leave in one packet. */
  async rows<Row>(query: Statement): Promise<Row[]> {
    try {
      return await this.packets.ask<Row>(query);
    } catch (error) {
      throw asFailure(error);
    }
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

type Outcome = Closing | Representation | void;
export type Work = (tx: Transaction) => Outcome | Promise<Outcome>;

/**
 * The one door to a change of state. What `work` writes and the events it records are committed together or not at all, and with them, where
 * the request carries an Idempotency-Key, the answer: a repeat is given that answer and changes nothing. Work that neither records an event nor
 * says `leaveUnchanged` fails.
 *
 * `work` may run in vain, for a repeat, and again, after a deadlock, so it has no effects outside its transaction.
 *
 * @throws ConflictError `idempotency_in_flight` while an equal request is being answered; AppError `idempotency_mismatch` for another body
 * @throws UnavailableError where the database is away
 */
@Injectable()
export class Transactions {
  /** The principal that each caller was when last asked. Nothing relies on it: PostgreSQL refuses what was begun as somebody else. */
  private readonly principals = new Map<string, string | null>();

  constructor(private readonly database: Database) {}

  write(caller: Caller, work: (tx: Transaction) => Closing | Promise<Closing>): Promise<Representation>;
  write<Result extends Representation | void>(caller: Caller, work: (tx: Transaction) => Promise<Result>): Promise<Result>;
  async write(caller: Caller, work: Work): Promise<Representation | void> {
    let mayExpect = true;
    for (let attempt = 1; ;) {
      try {
        return await this.attempt(caller, work, mayExpect);
      } catch (error) {
        // Not admitted: it begins by asking why.
        if (isNotAdmitted(error)) mayExpect = false;
        else if (attempt++ === ATTEMPTS || !mayRunAgain(error)) throw asFailure(error);
      }
    }
  }

  /**
   * A transaction in as few packets as there can be: what opens it leaves with the first statement of `work`, and a `Closing`, the events, the answer
   * that is kept and the COMMIT leave together, which for many a change is one packet in all. PostgreSQL runs nothing of a packet after what fails.
   */
  protected async attempt(caller: Caller, work: Work, mayExpect: boolean): Promise<Representation | void> {
    const runner = this.database.source.createQueryRunner();
    let client: PipelinedClient | undefined;
    let packets: Packets | undefined;
    try {
      client = (await runner.connect()) as PipelinedClient;
      client.pipeline = true;
      // TypeORM locks rows only where it knows of a transaction, and this one is begun past it.
      (runner as { isTransactionActive: boolean }).isTransactionActive = true;
      packets = new Packets(client);
      const expected = mayExpect ? this.expectedActor(caller) : null;
      const { actor, answer } = expected ? { actor: expected, answer: null } : await this.open(packets, caller);
      if (answer) {
        await packets.commit(null);
        caller.replayed = true;
        return answer;
      }
      const tx = new Transaction(packets, runner, actor);
      if (expected) packets.openWith(() => admission(caller, actor, tx.takenAt));
      return await this.run(tx, packets, caller, work);
    } catch (error) {
      if (packets?.begun) await client?.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      if (client) client.pipeline = false;
      await runner.release();
    }
  }

  /** Who the caller was last time, or null where that is not known. */
  private expectedActor({ identity: { id, type } }: Caller): Actor | null {
    const principalId = this.principals.get(id);
    return principalId === undefined ? null : { id, type, principalId };
  }

  /** Begins, finds out who the caller is, and whether there is an answer already. */
  private async open(packets: Packets, caller: Caller): ReturnType<typeof openRequest> {
    const opened = await openRequest((query) => packets.ask(query), caller);
    if (this.principals.size >= REMEMBERED) this.principals.clear();
    this.principals.set(caller.identity.id, opened.actor.principalId);
    return opened;
  }

  private async run(tx: Transaction, packets: Packets, caller: Caller, work: Work): Promise<Representation | void> {
    try {
      const outcome = await work(tx);
      if (!tx.accountedFor) throw new Error('A change of state recorded no event.');
      return await this.commit(tx, packets, caller, outcome);
    } catch (error) {
      // Work that should not have run at all has no say.
      await packets.whenOpened();
      throw error;
    }
  }

  /**
   * Commits with the events, and with the answer where it is to be kept. Nobody waits to see whether they went well before the transaction ends, so
   * they are made before any is sent: what could not even be said would else be left out and the change committed without it.
   */
  private async commit(tx: Transaction, packets: Packets, caller: Caller, outcome: Outcome): Promise<Representation | void> {
    const { actor, events, now } = tx;
    const { requestId, traceId, clientIp, idempotency } = caller;
    const closing = outcome instanceof Closing ? outcome : new Closing(outcome ?? null);
    const others: Record<string, Statement> = {};
    if (events.length > 0) others['recorded'] = eventsStatement(events, { actor, requestId, traceId, clientIp }, now);
    if (idempotency && closing.shown) others['kept'] = answerStatement(caller, idempotency, closing.shown, now);
    const statement = closing.statement(others);
    try {
      return closing.representation(await packets.commit<ShownRow>(statement)) ?? undefined;
    } catch (error) {
      if (isAnsweredMeanwhile(error)) throw new ConflictError('idempotency_in_flight');
      return closing.failed(error);
    }
  }
}

/** 409 where `If-Match` names versions and the resource's is not among them. */
export function assertVersion(caller: Caller, version: number | null): void {
  if (caller.ifMatch && !caller.ifMatch.includes(String(version))) throw new ConflictError('version_conflict');
}
