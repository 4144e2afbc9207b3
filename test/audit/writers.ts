import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

/** A change that was answered with success. */
export interface Change {
  requestId: string;
  action: string;
  resourceId: string;
}

interface Attempt {
  method: string;
  path: string;
  body?: object;
  action: string;
}

const PATIENCE_MS = 15_000;

/**
 * Clients that change things without end, each as fast as its pace allows, and keep a journal of what they were answered. A change that gets no
 * answer, or 503, is tried again as a client should: the same request under the same Idempotency-Key and request id, until it is answered.
 */
export class Writers {
  readonly journal: Change[] = [];
  /** What attempts got instead of success. */
  readonly failures: string[] = [];
  private stopping = false;
  private abandoned = false;
  private readonly done: Promise<unknown>;

  constructor(
    /** Asked anew each time, since a gateway may come back at another port. */
    private readonly url: () => string,
    count: number,
    private readonly paceMs: number,
  ) {
    this.done = Promise.all(Array.from({ length: count }, (_, index) => this.run(index)));
    this.done.catch(() => undefined);
  }

  /** Lets every writer finish what it is at. @throws Error where one was refused */
  async stop(): Promise<Change[]> {
    this.stopping = true;
    await this.done;
    return this.journal;
  }

  /** Ends them where they are: for a test that has failed already. */
  giveUp(): void {
    this.stopping = true;
    this.abandoned = true;
  }

  private async run(index: number): Promise<void> {
    await pause(Math.random() * this.paceMs);
    for (let round = 1; !this.stopping; round++) {
      const displayName = `Writer ${index} round ${round}`;
      const created = await this.change({ method: 'POST', path: '/v1/principals', body: { type: 'user', displayName }, action: 'created' });
      const path = `/v1/principals/${created}`;
      if (this.stopping) return;
      await this.change({ method: 'PATCH', path, body: { department: `Department ${round}` }, action: 'updated' });
      if (this.stopping) return;
      if (round % 2 === 0) await this.change({ method: 'DELETE', path, action: 'deactivated' });
    }
  }

  /** Answers the id of what was changed. */
  private async change({ method, path, body, action }: Attempt): Promise<string> {
    const requestId = `change-${randomUUID()}`;
    while (!this.abandoned) {
      const response = await this.attempt(requestId, method, path, body);
      if (response) {
        const resourceId = response.id ?? path.slice(path.lastIndexOf('/') + 1);
        this.journal.push({ requestId, action: `principal.${action}`, resourceId });
        await pause(this.paceMs * (0.5 + Math.random()));
        return resourceId;
      }
      await pause(50 + Math.random() * 150);
    }
    throw new RefusedError('The test has given up.');
  }

  private async attempt(requestId: string, method: string, path: string, body?: object): Promise<{ id?: string } | null> {
    try {
      const response = await fetch(`${this.url()}${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          'x-request-id': requestId,
          ...(method === 'POST' ? { 'idempotency-key': requestId } : {}),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      const text = await response.text();
      if (response.ok) return text === '' ? {} : (JSON.parse(text) as { id: string });
      this.failures.push(`${method} ${path}: ${response.status}`);
      const comesBack = response.status === 503 || text.includes('idempotency_in_flight');
      if (!comesBack) throw new RefusedError(`${method} ${path} was refused: ${response.status} ${text}`);
      return null;
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      this.failures.push(`${method} ${path}: ${String((error as Error).cause ?? error)}`);
      return null;
    }
  }
}

class RefusedError extends Error {}

/** What a log has otherwise than the journal says it must: each change exactly one row, and no row of theirs without a change. */
export function discrepancies(
  journal: readonly Change[],
  items: readonly { requestId: string | null; action: string; resource: { id: string } }[],
): string[] {
  const line = (requestId: string | null, action: string, id: string): string => `${requestId} ${action} ${id}`;
  const rows = new Map<string, number>();
  for (const { requestId, action, resource } of items) {
    if (!action.startsWith('principal.')) continue;
    const key = line(requestId, action, resource.id);
    rows.set(key, (rows.get(key) ?? 0) + 1);
  }
  const found: string[] = [];
  for (const { requestId, action, resourceId } of journal) {
    const key = line(requestId, action, resourceId);
    if (rows.get(key) !== 1) found.push(`${rows.get(key) ?? 0} rows: ${key}`);
    rows.delete(key);
  }
  for (const key of rows.keys()) found.push(`no change: ${key}`);
  return found;
}
