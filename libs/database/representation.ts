/** A resource as the API shows it: JSON built by PostgreSQL and passed through as text, with what the headers need. */
export class Representation {
  constructor(
    readonly id: string,
    readonly version: number,
    readonly json: string,
  ) {}

  /** For tests and rules that look into it; answering a request never needs it. */
  parse<T>(): T {
    return JSON.parse(this.json) as T;
  }
}
