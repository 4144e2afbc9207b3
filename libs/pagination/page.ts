/** A page of a list: the JSON text of its items, comma-separated, and the cursor of the next page, or null on the last. */
export class Page {
  constructor(
    private readonly items: string,
    readonly nextCursor: string | null,
  ) {}

  get json(): string {
    return `{"items":[${this.items}],"nextCursor":${this.nextCursor === null ? 'null' : `"${this.nextCursor}"`}}`;
  }
}

export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 100;

/** What every list takes: a cursor of the page before, and how many items at most (1 to 100). */
export interface PageRequest {
  cursor?: string;
  limit: number;
}
