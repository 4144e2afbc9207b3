/** What is taken from any resource. */
export interface Found {
  id: string;
  status: string | null;
}

/** What the demo data needs of the API as a client: JSON in and out, and a failure that names the call. */
export class ApiClient {
  /** @param origin where the gateway answers, without a slash at its end */
  constructor(
    private readonly origin: string,
    private readonly signal: AbortSignal,
  ) {}

  /** The first item of a list with these filters, or null. */
  async findFirst(list: string, filters: Record<string, string>): Promise<Found | null> {
    const query = new URLSearchParams({ ...filters, limit: '1' });
    const page = await this.call('GET', `${list}?${query.toString()}`);
    const items = isObject(page) && Array.isArray(page['items']) ? (page['items'] as unknown[]) : [];
    return items.length === 0 ? null : foundIn(items[0]);
  }

  async create(list: string, body: object, idempotencyKey: string): Promise<Found> {
    return foundIn(await this.call('POST', list, body, { 'idempotency-key': idempotencyKey }));
  }

  /** @returns the body, null where there is none; @throws Error with method, path, status and code of the answer */
  async call(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<unknown> {
    const init: RequestInit = { method, signal: this.signal, headers };
    if (body !== undefined) {
      init.headers = { ...headers, 'content-type': 'application/json' };
      init.body = JSON.stringify(body);
    }
    const response = await fetch(this.origin + path, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path.split('?')[0]} answered ${response.status}: ${text.slice(0, 300)}`);
    return text === '' ? null : (JSON.parse(text) as unknown);
  }
}

function foundIn(value: unknown): Found {
  if (!isObject(value) || typeof value['id'] !== 'string') throw new Error('The API answered something without an id.');
  return { id: value['id'], status: typeof value['status'] === 'string' ? value['status'] : null };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
