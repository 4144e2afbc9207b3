import type {
  CommonTableExpr,
  DeleteStmt,
  InsertStmt,
  JoinExpr,
  LockingClause,
  MergeStmt,
  MergeWhenClause,
  Node,
  RangeFunction,
  RangeSubselect,
  RangeVar,
  ReturningClause,
  SelectStmt,
  UpdateStmt,
  WithClause,
} from 'libpg-query';
import type { CatalogRelation, Found } from './relation-names.js';
import { Scope, type ScopeItem } from './scope.js';

export type Permission = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE' | 'REFERENCES' | 'TRIGGER' | 'MAINTAIN' | 'OWNERSHIP';

/** What a query asks for on one relation. */
export interface RelationUse {
  relation: CatalogRelation;
  permissions: Set<Permission>;
  /** Rows of it are locked (FOR UPDATE), which a view passes on to what is beneath it. */
  locked: boolean;
}

/** Any node of one of these kinds is a query of its own wherever it stands. */
interface QueryNode {
  SelectStmt?: SelectStmt;
  InsertStmt?: InsertStmt;
  UpdateStmt?: UpdateStmt;
  DeleteStmt?: DeleteStmt;
  MergeStmt?: MergeStmt;
}

const SYSTEM_COLUMNS = ['ctid', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax'];
const MERGE_PERMISSIONS: Readonly<Record<string, Permission>> = { CMD_INSERT: 'INSERT', CMD_UPDATE: 'UPDATE', CMD_DELETE: 'DELETE' };
const NOTHING = (): void => undefined;

/**
 * Reads a raw parse tree for the privileges that PostgreSQL's parse analysis asks for (`requiredPerms`): SELECT on whatever stands in a FROM
 * clause, and on a target only where a column of it is read; UPDATE on what FOR UPDATE locks. Views are taken as they are named.
 */
export class QueryReader {
  readonly uses = new Map<number, RelationUse>();
  /** Names that stand for nothing that the catalogs have now, or for one of several. */
  readonly unknown = new Set<string>();

  constructor(private readonly find: (name: RangeVar) => Found) {}

  /** A node that is or contains queries. Answers the columns of a query. */
  read(node: Node | undefined, scope = new Scope(null)): string[] {
    if (node === undefined) return [];
    const query = node as QueryNode;
    if (query.SelectStmt) return this.select(query.SelectStmt, scope);
    if (query.InsertStmt) return this.insert(query.InsertStmt, scope);
    if (query.UpdateStmt) return this.update(query.UpdateStmt, scope);
    if (query.DeleteStmt) return this.delete(query.DeleteStmt, scope);
    if (query.MergeStmt) return this.merge(query.MergeStmt, scope);
    this.expression(node, scope);
    return [];
  }

  use(range: RangeVar | undefined, permission: Permission): CatalogRelation | null {
    const relation = range ? this.known(range) : null;
    if (relation) this.useOf(relation).permissions.add(permission);
    return relation;
  }

  /** A table that is no query's target or source, and whether its columns are read where it stands. */
  readsColumns(range: RangeVar, condition: Node | undefined): boolean {
    let reads = false;
    const scope = new Scope(null);
    scope.items.push({ ...this.itemOf(range, this.known(range)), read: () => (reads = true) });
    this.read(condition, scope);
    return reads;
  }

  private select(query: SelectStmt, outer: Scope): string[] {
    const scope = new Scope(outer);
    this.commonTables(query.withClause, scope);
    if (query.larg || query.rarg) {
      const columns = this.select(query.larg ?? {}, scope);
      this.select(query.rarg ?? {}, scope);
      this.expressions([query.limitCount, query.limitOffset], scope);
      return columns;
    }
    for (const item of query.fromClause ?? []) this.fromItem(item, scope);
    const columns = this.targets(query.targetList, scope);
    const names = new Set(columns);
    this.expressions([query.whereClause, query.havingClause, query.limitCount, query.limitOffset], scope);
    this.expressions([...(query.valuesLists ?? []), ...(query.windowClause ?? [])], scope);
    // A bare name here is an output column first.
    const ordering = [...(query.groupClause ?? []), ...(query.sortClause ?? []), ...(query.distinctClause ?? [])];
    this.expressions(
      ordering.filter((node) => !names.has(bareName(node))),
      scope,
    );
    for (const clause of query.lockingClause ?? []) lockRows((clause as { LockingClause: LockingClause }).LockingClause, scope);
    return columns.length > 0 ? columns : valuesColumns(query);
  }

  private insert(query: InsertStmt, outer: Scope): string[] {
    const scope = new Scope(outer);
    this.commonTables(query.withClause, scope);
    const relation = this.use(query.relation, 'INSERT');
    this.read(query.selectStmt, scope);
    const inner = new Scope(scope);
    inner.items.push(this.target(query.relation, relation));
    const conflict = query.onConflictClause;
    // The columns by which a conflict is found are read, whether they are named or their constraint is.
    if (conflict?.infer) this.use(query.relation, 'SELECT');
    if (conflict?.action === 'ONCONFLICT_UPDATE') this.use(query.relation, 'UPDATE');
    this.expressions([...(conflict?.targetList ?? []), conflict?.whereClause], inner);
    return this.returning(query.returningClause, inner);
  }

  private update(query: UpdateStmt, outer: Scope): string[] {
    const scope = new Scope(outer);
    this.commonTables(query.withClause, scope);
    scope.items.push(this.target(query.relation, this.use(query.relation, 'UPDATE')));
    for (const item of query.fromClause ?? []) this.fromItem(item, scope);
    this.expressions([...(query.targetList ?? []), query.whereClause], scope);
    return this.returning(query.returningClause, scope);
  }

  private delete(query: DeleteStmt, outer: Scope): string[] {
    const scope = new Scope(outer);
    this.commonTables(query.withClause, scope);
    scope.items.push(this.target(query.relation, this.use(query.relation, 'DELETE')));
    for (const item of query.usingClause ?? []) this.fromItem(item, scope);
    this.expressions([query.whereClause], scope);
    return this.returning(query.returningClause, scope);
  }

  private merge(query: MergeStmt, outer: Scope): string[] {
    const scope = new Scope(outer);
    this.commonTables(query.withClause, scope);
    const relation = query.relation ? this.known(query.relation) : null;
    const actions = (query.mergeWhenClauses ?? []).map((clause) => (clause as { MergeWhenClause: MergeWhenClause }).MergeWhenClause);
    for (const { commandType = '' } of actions) {
      const permission = MERGE_PERMISSIONS[commandType];
      if (permission) this.use(query.relation, permission);
    }
    if (query.sourceRelation) this.fromItem(query.sourceRelation, scope);
    scope.items.unshift(this.target(query.relation, relation));
    this.expressions([query.joinCondition], scope);
    for (const { condition, targetList, values } of actions) {
      this.expressions([condition, ...(targetList ?? []), ...(values ?? [])], scope);
    }
    return this.returning(query.returningClause, scope);
  }

  private returning(clause: ReturningClause | undefined, scope: Scope): string[] {
    const [target] = scope.items;
    const inner = new Scope(scope);
    inner.items.push(...scope.items);
    // From version 18 on the row before and after goes by a name of its own.
    const options = (clause?.options ?? []) as { ReturningOption?: { value?: string } }[];
    const names = ['old', 'new', ...options.map(({ ReturningOption }) => ReturningOption?.value ?? '')];
    if (target) inner.items.push(...names.map((alias) => ({ ...target, alias, columns: [] })));
    // `*` means the items once, and not again by their other names; reading twice is reading.
    return this.targets(clause?.exprs, inner);
  }

  /** Tables of a WITH RECURSIVE see themselves and each other. */
  private commonTables(clause: WithClause | undefined, scope: Scope): void {
    const tables = (clause?.ctes ?? []).map((cte) => (cte as { CommonTableExpr: CommonTableExpr }).CommonTableExpr);
    if (clause?.recursive) for (const { ctename = '', aliascolnames } of tables) scope.define(ctename, names(aliascolnames));
    for (const { ctename = '', aliascolnames, ctequery } of tables) {
      const columns = this.read(ctequery, scope);
      scope.define(ctename, renamed(columns, names(aliascolnames)));
    }
  }

  private fromItem(node: Node, scope: Scope): void {
    if ('RangeVar' in node) this.fromTable(node.RangeVar, scope);
    else if ('RangeSubselect' in node) this.fromSubquery(node.RangeSubselect, scope);
    else if ('RangeFunction' in node) this.fromFunction(node.RangeFunction, scope);
    else if ('JoinExpr' in node) this.fromJoin(node.JoinExpr, scope);
    else if ('RangeTableSample' in node) {
      const { relation, args, repeatable } = node.RangeTableSample;
      if (relation) this.fromItem(relation, scope);
      this.expressions([...(args ?? []), repeatable], scope);
    } else this.expression(node, scope);
  }

  private fromTable(range: RangeVar, scope: Scope): void {
    const columns = range.schemaname === undefined ? scope.commonTable(range.relname ?? '') : null;
    if (columns) {
      scope.items.push({ ...this.itemOf(range, null), columns: renamed(columns, names(range.alias?.colnames)) });
      return;
    }
    const relation = this.use(range, 'SELECT');
    scope.items.push({ ...this.itemOf(range, relation), lock: () => relation && this.lock(relation) });
  }

  private fromSubquery({ subquery, alias, lateral }: RangeSubselect, scope: Scope): void {
    const inner = new Scope(lateral ? scope : scope.withoutItems());
    const columns = this.read(subquery, inner);
    const query = (subquery as QueryNode | undefined)?.SelectStmt;
    const lock = (): void => {
      if (query) this.lockAll(query, inner);
    };
    scope.items.push({ alias: alias?.aliasname ?? null, columns: renamed(columns, names(alias?.colnames)), read: NOTHING, lock });
  }

  /** FOR UPDATE of a subquery is FOR UPDATE of every table in its FROM. */
  private lockAll(query: SelectStmt, outer: Scope): void {
    const scope = new Scope(outer);
    this.commonTables(query.withClause, scope);
    for (const item of query.fromClause ?? []) this.fromItem(item, scope);
    for (const item of scope.items) item.lock();
  }

  private fromFunction({ functions, alias, coldeflist }: RangeFunction, scope: Scope): void {
    // Every function in FROM sees what stands before it, with or without LATERAL.
    this.expressions(functions ?? [], scope);
    const defined = (coldeflist ?? []) as { ColumnDef?: { colname?: string } }[];
    const columns = [...names(alias?.colnames), ...defined.map(({ ColumnDef }) => ColumnDef?.colname ?? '')];
    const name = alias?.aliasname ?? null;
    scope.items.push({ alias: name, columns: name === null ? columns : [...columns, name], read: NOTHING, lock: NOTHING });
  }

  private fromJoin({ larg, rarg, quals, alias }: JoinExpr, scope: Scope): void {
    const before = scope.items.length;
    if (larg) this.fromItem(larg, scope);
    if (rarg) this.fromItem(rarg, scope);
    this.expressions([quals], scope);
    if (!alias?.aliasname) return;
    const columns = scope.items.slice(before).flatMap((item) => item.columns);
    scope.items.push({ alias: alias.aliasname, columns: renamed(columns, names(alias.colnames)), read: NOTHING, lock: NOTHING });
  }

  private targets(list: readonly Node[] | undefined, scope: Scope): string[] {
    return (list ?? []).flatMap((node) => {
      this.expression(node, scope);
      return outputNames(node, scope);
    });
  }

  private expressions(nodes: readonly (Node | undefined)[], scope: Scope): void {
    for (const node of nodes) this.expression(node, scope);
  }

  /** Whatever is not a query by itself: the columns that it names and the queries in it. */
  private expression(value: unknown, scope: Scope): void {
    if (Array.isArray(value)) for (const entry of value) this.expression(entry, scope);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    for (const [kind, content] of Object.entries(value)) {
      if (kind === 'ColumnRef') readColumnReference(content as { fields?: Node[] }, scope);
      else if (kind === 'SelectStmt') this.select(content as SelectStmt, scope);
      else this.expression(content, scope);
    }
  }

  private target(range: RangeVar | undefined, relation: CatalogRelation | null): ScopeItem {
    const read = (): void => {
      if (relation) this.useOf(relation).permissions.add('SELECT');
    };
    return { ...this.itemOf(range ?? {}, relation), read };
  }

  private itemOf({ alias, relname }: RangeVar, relation: CatalogRelation | null): ScopeItem {
    const columns = [...renamed(relation?.columns ?? [], names(alias?.colnames)), ...SYSTEM_COLUMNS];
    return { alias: alias?.aliasname ?? relname ?? null, columns, read: NOTHING, lock: NOTHING };
  }

  private lock(relation: CatalogRelation): void {
    const use = this.useOf(relation);
    use.permissions.add('UPDATE');
    use.locked = true;
  }

  private known(range: RangeVar): CatalogRelation | null {
    const found = this.find(range);
    if (found === 'unknown') this.unknown.add(`${range.schemaname ?? ''}.${range.relname ?? ''}`);
    return typeof found === 'string' ? null : found;
  }

  private useOf(relation: CatalogRelation): RelationUse {
    const use = this.uses.get(relation.oid) ?? { relation, permissions: new Set(), locked: false };
    this.uses.set(relation.oid, use);
    return use;
  }
}

function lockRows({ lockedRels }: LockingClause, scope: Scope): void {
  const aliases = (lockedRels ?? []).map((range) => (range as { RangeVar: RangeVar }).RangeVar.relname);
  for (const item of scope.items) if (aliases.length === 0 || aliases.includes(item.alias ?? '')) item.lock();
}

function readColumnReference({ fields = [] }: { fields?: Node[] }, scope: Scope): void {
  const parts = fields.flatMap((field) => ('String' in field ? [field.String.sval ?? ''] : []));
  if (parts.length < fields.length) scope.readAll(parts);
  else scope.readColumn(parts);
}

/** The names that an entry of a target list gives its columns (FigureColname in PostgreSQL's parse_target.c, as far as names of columns go). */
function outputNames(node: Node, scope: Scope): string[] {
  if (!('ResTarget' in node)) return [];
  const { name, val } = node.ResTarget;
  if (name !== undefined || val === undefined) return [name ?? ''];
  if ('ColumnRef' in val) {
    const fields = val.ColumnRef.fields ?? [];
    const parts = fields.flatMap((field) => ('String' in field ? [field.String.sval ?? ''] : []));
    if (parts.length === fields.length) return [parts.at(-1) ?? ''];
    const [alias] = parts;
    const items = alias === undefined ? scope.items : [scope.named(alias)];
    return items.flatMap((item) => item?.columns.filter((column) => !SYSTEM_COLUMNS.includes(column)) ?? []);
  }
  if ('FuncCall' in val) return names(val.FuncCall.funcname?.slice(-1));
  return ['?column?'];
}

function bareName(node: Node): string {
  const inner = 'SortBy' in node ? node.SortBy.node : node;
  if (!inner || !('ColumnRef' in inner)) return '';
  const [field, ...more] = inner.ColumnRef.fields ?? [];
  return field && more.length === 0 && 'String' in field ? (field.String.sval ?? '') : '';
}

function valuesColumns({ valuesLists }: SelectStmt): string[] {
  const [first] = valuesLists ?? [];
  const width = first && 'List' in first ? (first.List.items?.length ?? 0) : 0;
  return Array.from({ length: width }, (_, index) => `column${index + 1}`);
}

function names(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map((node) => ('String' in node ? (node.String.sval ?? '') : ''));
}

/** An alias may name the first columns anew and leave the rest. */
const renamed = (columns: readonly string[], aliases: readonly string[]): string[] => [...aliases, ...columns.slice(aliases.length)];
