import { loadModule, parseSync, type RangeVar, type SelectStmt } from 'libpg-query';
import { type Permission, QueryReader, type RelationUse } from './query-reader.js';
import type { CatalogRelation, RelationNames } from './relation-names.js';
import { readStatement } from './utility-reader.js';

/** One privilege on one relation that a statement exercises. */
export interface Use {
  relation: CatalogRelation;
  permission: Permission;
  /** The role whose rights are asked about: the owner of a view for what is beneath it; null for whoever runs the statement. */
  as: number | null;
}

export interface StatementUses {
  uses: Use[];
  /** How many names of relations could not be told to stand for one. */
  unknown: number;
}

interface Definition {
  uses: RelationUse[];
  /** What INSERT, UPDATE and DELETE on the view are passed on to, where it is simple enough for that. */
  base: RelationUse | null;
}

/** PostgreSQL's parser cannot read it. Says nothing of the text. */
export class UnreadableStatementError extends Error {}

/** The parser's memory is its own: a text of this size leaves room for the tree that becomes of it. */
const MAX_STATEMENT_LENGTH = 500_000;

/** Has to be called once before statements are read. */
export const loadParser = (): Promise<void> => loadModule();

/** The statements of one database, read against its catalogs. */
export class Statements {
  private readonly definitions = new Map<number, Definition>();

  constructor(
    private readonly names: RelationNames,
    private readonly serverVersion: number,
  ) {}

  /**
   * What a statement asks for, as PostgreSQL checks it: the relations that it names by the rights of whoever runs it, and what views are
   * made of by the rights of their owners, or by the former's where a view is a `security_invoker`.
   *
   * @throws UnreadableStatementError
   */
  usesOf(text: string, searchPath: readonly string[]): StatementUses {
    const { reader, refreshed } = this.read(text, searchPath);
    const found = new Map<string, Use>();
    const note = (use: Use): void => void found.set(`${use.relation.oid} ${use.permission} ${use.as ?? ''}`, use);
    for (const use of reader.uses.values()) this.expand(use, null, note);
    for (const range of refreshed) {
      const view = this.names.find(range, searchPath);
      if (typeof view !== 'string') for (const use of this.definitionOf(view)?.uses ?? []) this.expand(use, view.owner, note);
    }
    return { uses: [...found.values()], unknown: reader.unknown.size };
  }

  private read(text: string, searchPath: readonly string[]): { reader: QueryReader; refreshed: RangeVar[] } {
    if (text.length > MAX_STATEMENT_LENGTH) throw new UnreadableStatementError('The statement is too long.');
    const reader = new QueryReader((name) => this.names.find(name, searchPath));
    try {
      const { stmts } = parseNormalised(text);
      const refreshed = (stmts ?? []).flatMap(({ stmt }) => readStatement(stmt, reader, this.serverVersion));
      return { reader, refreshed };
    } catch (error) {
      // Syntax of another version, or nested deeper than a stack.
      throw new UnreadableStatementError('The parser cannot read the statement.', { cause: error });
    }
  }

  private expand({ relation, permissions, locked }: RelationUse, as: number | null, note: (use: Use) => void): void {
    for (const permission of permissions) note({ relation, permission, as });
    // Of a materialised view only its own rows are read.
    const definition = relation.kind === 'v' ? this.definitionOf(relation) : null;
    if (!definition) return;
    const { uses, base } = definition;
    const checkedAs = relation.isInvoker ? null : relation.owner;
    const written = new Set([...permissions].filter((permission) => permission !== 'SELECT'));
    const readsAll = permissions.has('SELECT') || written.has('UPDATE') || written.has('DELETE');
    for (const use of uses) {
      const isBase = use === base && !relation.hasInsteadOfTrigger;
      const wanted = new Set(isBase ? permissions : readsAll ? use.permissions : []);
      if (locked) wanted.add('UPDATE');
      if (wanted.size > 0) this.expand({ ...use, permissions: wanted, locked }, checkedAs, note);
    }
  }

  /** Null where a definition, of a newer version perhaps, cannot be read. */
  private definitionOf(view: CatalogRelation): Definition | null {
    const known = this.definitions.get(view.oid);
    if (known || view.definition === null) return known ?? null;
    const definition = this.readDefinition(view.definition);
    this.definitions.set(view.oid, definition);
    return definition;
  }

  private readDefinition(text: string): Definition {
    try {
      const { reader } = this.read(text, []);
      const uses = [...reader.uses.values()];
      const base = baseOf(text);
      const found = base ? this.names.find(base, []) : 'unknown';
      return { uses, base: typeof found === 'string' ? null : (uses.find(({ relation }) => relation.oid === found.oid) ?? null) };
    } catch (error) {
      if (!(error instanceof UnreadableStatementError)) throw error;
      return { uses: [], base: null };
    }
  }
}

/** Where the grammar takes a constant and no placeholder, of which kind a constant: `JSON_TABLE(body, $1 …)`, `FETCH $1 FROM hand`. */
const CONSTANTS = [`'1'`, '1'];

/** A statement in which placeholders stand for the constants that it was run with. */
function parseNormalised(text: string): ReturnType<typeof parseSync> {
  try {
    return parseSync(text);
  } catch (error) {
    for (const constant of CONSTANTS) {
      try {
        return parseSync(text.replace(/"(?:[^"]|"")*"|(?<![\w$])\$\d+/g, (found) => (found.startsWith('"') ? found : constant)));
      } catch {
        // Then it was not that.
      }
    }
    throw error;
  }
}

/** The one relation of a view that PostgreSQL lets be written through (CREATE VIEW, "Updatable Views"). */
function baseOf(text: string): RangeVar | null {
  const stmt = parseSync(text).stmts?.[0]?.stmt;
  const query: SelectStmt = stmt && 'SelectStmt' in stmt ? stmt.SelectStmt : {};
  const [from, ...more] = query.fromClause ?? [];
  const { withClause, distinctClause, groupClause, havingClause, limitCount, limitOffset } = query;
  const isSimple = [withClause, distinctClause, groupClause, havingClause, limitCount, limitOffset].every((part) => part === undefined);
  return isSimple && from && more.length === 0 && 'RangeVar' in from ? from.RangeVar : null;
}
