/** Something that a FROM clause or a target brings into scope. */
export interface ScopeItem {
  /** By what its columns are qualified; null for what has no name. */
  alias: string | null;
  columns: readonly string[];
  /** A column of it, or the whole row, is read. */
  read: () => void;
  /** FOR UPDATE or FOR SHARE takes it. */
  lock: () => void;
}

/** The columns that a common table expression answers with. */
export type CommonTables = ReadonlyMap<string, readonly string[]>;

/** What the names in one query level can mean: its own items, and what lies around it. */
export class Scope {
  readonly items: ScopeItem[] = [];
  private readonly tables: Map<string, readonly string[]>;

  constructor(
    private readonly outer: Scope | null,
    tables: CommonTables = new Map(),
  ) {
    this.tables = new Map(tables);
  }

  define(name: string, columns: readonly string[]): void {
    this.tables.set(name, columns);
  }

  commonTable(name: string): readonly string[] | null {
    return this.tables.get(name) ?? this.outer?.commonTable(name) ?? null;
  }

  /** As this one is seen from a subquery in FROM that is not LATERAL: its common tables, and none of its items. */
  withoutItems(): Scope {
    return new Scope(this.outer, this.tables);
  }

  /** Reads what the parts of a column reference name: `column`, `item.column`, `schema.item.column`. What names nothing is passed over. */
  readColumn(names: readonly string[]): void {
    const [only] = names;
    if (only === undefined) return;
    const found = names.length === 1 ? (this.withColumn(only) ?? this.named(only)) : this.qualified(names);
    found?.read();
  }

  /** Reads what `*` or `item.*` stands for. */
  readAll(qualifier: readonly string[]): void {
    const alias = qualifier.at(-1);
    if (alias === undefined) for (const item of this.items) item.read();
    else this.named(alias)?.read();
  }

  named(alias: string): ScopeItem | null {
    return this.items.find((item) => item.alias === alias) ?? this.outer?.named(alias) ?? null;
  }

  private withColumn(name: string): ScopeItem | null {
    return this.items.find(({ columns }) => columns.includes(name)) ?? this.outer?.withColumn(name) ?? null;
  }

  /** `a.b` is column b of item a, and `a.b.c` column c of a table b in the schema a, or a field of a column. */
  private qualified(names: readonly string[]): ScopeItem | null {
    for (const name of names.slice(0, -1).reverse()) {
      const found = this.named(name);
      if (found) return found;
    }
    return null;
  }
}
