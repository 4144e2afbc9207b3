import pg, { type PoolClient } from 'pg';
import utils from 'pg/lib/utils.js';
import { statementName } from './statement-name.js';
import type { Statement } from './statement.js';

const BEGIN: Statement = { text: 'BEGIN', values: [] };
const COMMIT: Statement = { text: 'COMMIT', values: [] };

/** What is used of a connection; the types of pg leave out most of it. */
interface Wire {
  stream: { cork(): void; uncork(): void };
  parse(statement: { name: string; text: string }): void;
  describe(statement: { type: 'S'; name: string }): void;
  bind(portal: { statement: string; values: readonly unknown[] }): void;
  execute(portal: object): void;
  sync(): void;
}

/** Takes rows apart, once it has been told their columns. */
type RowReader = pg.Result & { addFields(fields: readonly pg.FieldDef[]): void; parseRow(values: readonly unknown[]): unknown };

interface Asked {
  query: Statement;
  done: (rows: unknown[]) => void;
  failed: (error: Error) => void;
}

/** A statement as it goes out, with the rows that come back. */
interface Sent extends Asked {
  preparation: Preparation;
  values: readonly unknown[];
  rows: unknown[];
}

/** The statements that each connection has prepared here, by name. */
const prepared = new WeakMap<Wire, Map<string, Preparation>>();

/** Prepares a statement and learns the columns of its rows, so that no use of it has to ask. */
class Preparation extends pg.Query {
  readonly reader = new pg.Result('', pg.types) as RowReader;
  error: Error | null = null;

  constructor(
    readonly statement: string,
    private readonly sqlText: string,
  ) {
    super(sqlText);
  }

  override submit = (connection: pg.Connection): void => {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    wire.parse({ name: this.statement, text: this.sqlText });
    wire.describe({ type: 'S', name: this.statement });
    wire.sync();
    wire.stream.uncork();
  };

  handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    this.reader.addFields(fields);
  }

  handleError(error: Error, connection: Wire): void {
    this.error = error;
    prepared.get(connection)?.delete(this.statement);
  }

  handleReadyForQuery(): void {
    // Whoever uses it goes on.
  }
}

/** Statements under one Sync: PostgreSQL answers them in one go, and runs none after one that failed. */
class Packet extends pg.Query {
  private answered = 0;

  /** @param ended is told how it went as a whole: null, or what went wrong, be it behind the last statement */
  constructor(
    private readonly statements: readonly Sent[],
    private readonly ended: (error: Error | null) => void,
  ) {
    super('');
  }

  override submit = (connection: pg.Connection): void => {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    for (const { preparation, values } of this.statements) {
      wire.bind({ statement: preparation.statement, values });
      wire.execute({});
    }
    wire.sync();
    wire.stream.uncork();
  };

  handleDataRow({ fields }: { fields: readonly unknown[] }): void {
    const statement = this.statements[this.answered];
    statement?.rows.push(statement.preparation.reader.parseRow(fields));
  }

  handleCommandComplete(): void {
    this.answered++;
  }

  handleError(error: Error): void {
    this.settle(this.statements.find(({ preparation }) => preparation.error !== null)?.preparation.error ?? error);
  }

  handleReadyForQuery(): void {
    this.settle(null);
  }

  private settle(error: Error | null): void {
    this.statements.forEach(({ rows, done, failed }, index) => (index < this.answered || !error ? done(rows) : failed(error)));
    this.ended(error);
  }
}

/** The rows of a statement alone, which is sent before this returns. */
export function ask<Row>(client: PoolClient, query: Statement): Promise<Row[]> {
  return new Promise((done, failed) => submit(client, [{ query, done: done as (rows: unknown[]) => void, failed }]));
}

/**
 * What a transaction asks of its connection: all that is asked in one go leaves in one packet, and is answered in one. A packet costs both sides more
 * than a short statement in it does. It begins with the first packet.
 */
export class Packets {
  /** Whether PostgreSQL has been told of a transaction, which is then to be committed or rolled back. */
  begun = false;
  private waiting: Asked[] = [];
  private opening: (() => Statement) | null = null;
  private opened: Promise<unknown> = Promise.resolve();

  constructor(private readonly client: PoolClient) {}

  /** Has a statement go before the first of all others; it is put together when that is sent. */
  openWith(opening: () => Statement): void {
    this.opening = opening;
  }

  /** Answers the rows. Whatever else is asked for before this is waited for goes with it. */
  ask<Row>(query: Statement): Promise<Row[]> {
    return new Promise((done, failed) => {
      if (this.waiting.length === 0) queueMicrotask(() => this.waiting.length > 0 && this.send());
      this.waiting.push({ query, done: done as (rows: unknown[]) => void, failed });
    });
  }

  /** Begins, and sends what waits, now. */
  send(): void {
    const begin = this.begun ? [] : [{ query: BEGIN, done: ignore, failed: ignore }];
    this.begun = true;
    const asked = [...begin, ...this.takeAll()];
    if (asked.length > 0) submit(this.client, asked);
  }

  /**
   * Asks for what a transaction ends with, if there is something, and commits it. Where there is nothing else to it, PostgreSQL is told of no
   * transaction: all that comes before a Sync is one.
   */
  async commit<Row>(last: Statement | null): Promise<Row[]> {
    const whole = !this.begun && this.waiting.length === 0;
    const answer = last ? this.ask<Row>(last) : [];
    const committed = whole ? this.sendWhole() : this.ask(COMMIT);
    const [rows] = await Promise.all([answer, committed]);
    return rows;
  }

  /** @throws what PostgreSQL says to the opening */
  async whenOpened(): Promise<void> {
    if (this.opening) this.send();
    await this.opened;
  }

  private sendWhole(): Promise<void> {
    const asked = this.takeAll();
    return new Promise((done, failed) => submit(this.client, asked, (error) => (error === null ? done() : failed(error))));
  }

  private takeAll(): Asked[] {
    const asked = [...this.takeOpening(), ...this.waiting];
    this.waiting = [];
    return asked;
  }

  private takeOpening(): Asked[] {
    const query = this.opening?.();
    this.opening = null;
    if (!query) return [];
    const asked: Asked[] = [];
    this.opened = new Promise((done, failed) => asked.push({ query, done, failed }));
    this.opened.catch(ignore);
    return asked;
  }
}

function ignore(): void {
  // Whoever asked for what comes behind it in the packet is told as well.
}

function submit(client: PoolClient, asked: readonly Asked[], ended: (error: Error | null) => void = ignore): void {
  try {
    const sent = asked.map((one): Sent => {
      const { text, values } = one.query;
      return { ...one, values: values.map(asParameter), preparation: prepare(client, text), rows: [] };
    });
    client.query(new Packet(sent, ended));
  } catch (error) {
    asked.forEach(({ failed }) => failed(error as Error));
    ended(error as Error);
  }
}

function prepare(client: PoolClient, text: string): Preparation {
  const { connection } = client as unknown as { connection: Wire };
  const known = prepared.get(connection) ?? new Map<string, Preparation>();
  prepared.set(connection, known);
  // Other than the name under which pg itself prepares the same statement: it would not tell the columns of its rows.
  const name = `${statementName(text)}+`;
  let preparation = known.get(name);
  if (!preparation) {
    known.set(name, (preparation = new Preparation(name, text)));
    client.query(preparation);
  }
  return preparation;
}

function asParameter(value: unknown): unknown {
  if (typeof value === 'string' || value === null) return value;
  return value instanceof Date ? value.toISOString() : utils.prepareValue(value);
}
