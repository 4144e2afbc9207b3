import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { type Answer, Client } from './client.js';

/** How long a writer that was refused waits before it asks again, in milliseconds: less than `Retry-After` says, to be a nuisance. */
const BACK_OFF_MS = 20;

interface Change {
  kind: 'principal' | 'grant';
  name: string;
  answered: boolean;
}

interface Seen {
  /** `performance.now()` when the answer was there. */
  at: number;
  writer: number;
  status: number;
}

/** Writers that note every change before they ask for it, and what they are told of it. */
export class Journal {
  readonly changes: Change[] = [];
  readonly answers: Seen[] = [];
  /** Refusals that are not in the envelope, or do not say when to come back. */
  readonly malformed: string[] = [];
  /** Requests whose connection ended without an answer. */
  readonly broken: string[] = [];
  private writing = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly label: string,
    readonly parties: { principalId: string; assetId: string },
  ) {}

  /**
   * Starts writers that make principals and grants, one after another, each under an Idempotency-Key of its own. Every second writer repeats
   * what was not answered until it is; the others go on to the next.
   */
  start(url: string, writers: number): void {
    this.writing = true;
    this.running = Promise.all(Array.from({ length: writers }, (_, writer) => this.write(url, writer)));
  }

  async stop(): Promise<void> {
    this.writing = false;
    await this.running;
  }

  /** Asks for all that was not answered once more, under the same keys, until it is. */
  async repeatUnanswered(url: string): Promise<void> {
    const client = new Client(url);
    for (const change of this.changes) {
      if (!change.answered) await this.insist(client, -1, change, () => true);
    }
    client.close();
  }

  private async write(url: string, writer: number): Promise<void> {
    const client = new Client(url);
    for (let round = 0; this.writing; round++) {
      const change: Change = { kind: round % 2 === 0 ? 'principal' : 'grant', name: `${this.label}.${writer}.${round}`, answered: false };
      this.changes.push(change);
      await this.insist(client, writer, change, () => writer % 2 === 0 && this.writing);
    }
    client.close();
  }

  private async insist(client: Client, writer: number, change: Change, again: () => boolean): Promise<void> {
    for (;;) {
      const answer = await this.ask(client, change).catch((error: unknown) => String(error));
      if (typeof answer === 'string') this.broken.push(answer);
      else {
        this.answers.push({ at: performance.now(), writer, status: answer.status });
        change.answered = answer.status === 201;
        if (change.answered) return;
        if (!isProperRefusal(answer)) this.malformed.push(`${answer.status} ${JSON.stringify(answer.headers)} ${answer.text}`);
      }
      await pause(BACK_OFF_MS);
      if (!again()) return;
    }
  }

  private ask(client: Client, { kind, name }: Change): Promise<Answer> {
    const headers = { 'Idempotency-Key': name };
    if (kind === 'principal') return client.send('POST', '/v1/principals', { headers, body: { type: 'user', displayName: name } });
    return client.send('POST', '/v1/grants', { headers, body: { ...this.parties, permission: name, privilege: 'read' } });
  }
}

function isProperRefusal({ status, headers, text }: Answer): boolean {
  const { error } = JSON.parse(text) as { error?: { code?: string; requestId?: string } };
  if (!error?.requestId) return false;
  return status === 503 ? error.code === 'unavailable' && Number(headers['retry-after']) > 0 : error.code === 'idempotency_in_flight';
}

/**
 * What is wrong with what the database holds of a journal's changes: one that was answered and is not there, is there twice, or has no event or
 * several; and any history, event or kept answer without its change.
 */
export async function differences(session: pg.Client, journal: Journal): Promise<string[]> {
  const { rows } = await session.query<{
    name: string;
    done: number;
    events: number | null;
    versions: number | null;
    answers: number | null;
  }>(
    `WITH made AS (SELECT id, display_name AS name FROM principals UNION ALL SELECT id, permission FROM grants),
        versions AS (SELECT id FROM principals_history UNION ALL SELECT id FROM grants_history),
        told AS (SELECT (payload->'resource'->>'id')::uuid AS id, count(*) AS times FROM events GROUP BY 1),
        kept AS (SELECT id, count(*) AS times FROM versions GROUP BY 1),
        answered AS (SELECT key, count(*) AS times FROM idempotency_keys GROUP BY 1)
      SELECT name, count(*)::int AS done, sum(told.times)::int AS events, sum(kept.times)::int AS versions, max(answered.times)::int AS answers
      FROM made LEFT JOIN told USING (id) LEFT JOIN kept USING (id) LEFT JOIN answered ON key = name GROUP BY name`,
  );
  const made = new Map(rows.map((row) => [row.name, row]));
  const wrong = journal.changes.flatMap((change) => {
    const found = made.get(change.name);
    if (!found) return change.answered ? [`${change.name} was answered and is not there`] : [];
    const once = found.done === 1 && found.events === 1 && found.versions === 1 && found.answers === 1;
    return once ? [] : [`${change.name}: ${JSON.stringify(found)}`];
  });
  const orphans = await session.query<{ id: string }>(
    `SELECT payload->'resource'->>'id' AS id FROM events
      WHERE (payload->'resource'->>'id')::uuid NOT IN (SELECT id FROM principals UNION ALL SELECT id FROM grants UNION ALL SELECT id FROM assets)`,
  );
  return [...wrong, ...orphans.rows.map(({ id }) => `an event tells of ${id}, which is not there`)];
}
