import pg, { type PoolClient } from 'pg';
import utils from 'pg/lib/utils.js';
import type { Sql } from 'sql-template-tag';
import { statementName } from './statement-name.js';

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
  query: Sql;
  done: (rows: unknown[]) => void;
  failed: (error: unknown) => void;
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
  error: unknown = null;

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

  handleError(error: unknown, connection: Wire): void {
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

  constructor(private readonly statements: readonly Sent[]) {
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

  handleError(error: unknown): void {
    this.settle(this.statements.find(({ preparation }) => preparation.error !== null)?.preparation.error ?? error);
  }

  handleReadyForQuery(): void {
    this.settle(null);
  }

  private settle(error: unknown): void {
    this.statements.forEach(({ rows, done, failed }, index) => (index < this.answered ? done(rows) : failed(error)));
  }
}

/** The rows of a statement alone, which is sent before this returns. */
export function ask<Row>(client: PoolClient, query: Sql): Promise<Row[]> {
  const packets = new Packets(client);
  const rows = packets.ask<Row>(query);
  packets.send();
  return rows;
}

/**
 * What a transaction asks of its connection: all that is asked in one go leaves in one packet, and is answered in one. A packet costs both sides more
 * than a short statement in it does.
 */
export class Packets {
  private waiting: Asked[] = [];
  private opening: (() => readonly Sql[]) | null = null;
  private opened: Promise<unknown> = Promise.resolve();

  constructor(private readonly client: PoolClient) {}

  /** Has statements go before the first of all others; they are put together when that is sent. */
  openWith(opening: () => readonly Sql[]): void {
    this.opening = opening;
  }

  /** Answers the rows. Whatever else is asked for before this is waited for goes with it. */
  ask<Row>(query: Sql): Promise<Row[]> {
    return new Promise((done, failed) => {
      if (this.waiting.length === 0) queueMicrotask(() => this.send());
      this.waiting.push({ query, done: done as (rows: unknown[]) => void, failed });
    });
  }

  /** Sends what waits, and the opening in any case, now. */
  send(): void {
    const statements = [...this.takeOpening(), ...this.waiting];
    this.waiting = [];
    if (statements.length === 0) return;
    try {
      const sent = statements.map((asked): Sent => {
        const values = asked.query.values.map(asParameter);
        return { ...asked, values, preparation: this.prepare(asked.query.text), rows: [] };
      });
      this.client.query(new Packet(sent));
    } catch (error) {
      statements.forEach(({ failed }) => failed(error));
    }
  }

  /** @throws what PostgreSQL says to the opening */
  async whenOpened(): Promise<void> {
    this.send();
    await this.opened;
  }

  private takeOpening(): Asked[] {
    const asked: Asked[] = [];
    const queries = this.opening?.() ?? [];
    this.opening = null;
    if (queries.length > 0) {
      this.opened = Promise.all(queries.map((query) => new Promise((done, failed) => asked.push({ query, done, failed }))));
      // Whoever asked for what comes behind it is told as well.
      this.opened.catch(() => undefined);
    }
    return asked;
  }

  private prepare(text: string): Preparation {
    const { connection } = this.client as unknown as { connection: Wire };
    const known = prepared.get(connection) ?? new Map<string, Preparation>();
    prepared.set(connection, known);
    // Other than the name under which pg itself prepares the same statement: it would not tell the columns of its rows.
    const name = `${statementName(text)}+`;
    let preparation = known.get(name);
    if (!preparation) {
      known.set(name, (preparation = new Preparation(name, text)));
      this.client.query(preparation);
    }
    return preparation;
  }
}

function asParameter(value: unknown): unknown {
  if (typeof value === 'string' || value === null) return value;
  return value instanceof Date ? value.toISOString() : utils.prepareValue(value);
}
