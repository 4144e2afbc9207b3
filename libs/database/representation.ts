/** A resource as the API shows it: JSON built by PostgreSQL and passed through as text, with what the headers need. */
export class Representation {
  constructor(
    readonly id: string,
    /** Null where there is nothing that has versions: the answer to a batch. */
    readonly version: number | null,
    readonly json: string,
    /** Whether the version says all: a grant's does not, its `lastUsedAt` moves without it, and so it is never answered with 304. */
    readonly cacheable = true,
  ) {}

  /** For tests and rules that look into it; answering a request never needs it. */
  parse<T>(): T {
    return JSON.parse(this.json) as T;
  }
}
