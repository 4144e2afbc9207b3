import pg from 'pg';

/** An event as the outbox keeps it. */
export interface OutboxEvent {
  id: string;
  time: string;
  action: string;
  outcome: string;
  actor: { id: string; type: string; principalId: string | null };
  resource: { type: string; id: string };
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  reason: string | null;
  requestId: string | null;
  traceId: string | null;
  clientIp: string | null;
}

/** A look into a gateway's database, past its API. */
export class Outbox {
  private constructor(readonly client: pg.Client) {}

  static async open(url: string): Promise<Outbox> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return new Outbox(client);
  }

  /** The events of one resource, oldest first. */
  async of(resourceId: string): Promise<OutboxEvent[]> {
    const { rows } = await this.client.query<{ payload: OutboxEvent }>(
      `SELECT payload FROM events WHERE payload->'resource'->>'id' = $1 ORDER BY id`,
      [resourceId],
    );
    return rows.map((row) => row.payload);
  }

  /** The actions that one resource has seen, oldest first. */
  async actions(resourceId: string): Promise<string[]> {
    return (await this.of(resourceId)).map((event) => event.action);
  }

  /** Every row of every table as text, by table. */
  async dump(): Promise<Map<string, string>> {
    const tables = await this.client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts = new Map<string, string>();
    for (const { name } of tables.rows) {
      const { rows } = await this.client.query<{ text: string | null }>(`SELECT string_agg(t::text, E'\\n') AS text FROM ${name} t`);
      texts.set(name, rows[0]?.text ?? '');
    }
    return texts;
  }

  close(): Promise<void> {
    return this.client.end();
  }
}
