import type { AlterTableCmd, AlterTableStmt, Constraint, CopyStmt, Node, RangeVar, VacuumRelation } from 'libpg-query';
import type { Permission, QueryReader } from './query-reader.js';

/** From version 17 on upkeep is a privilege of its own; before, it was the owner's. */
const MAINTAIN_SINCE = 170_000;

type Statement = Record<string, unknown>;
/** Statements that only whoever owns the relation may give, by where they name it. */
const OF_OWNERS: readonly string[] = [
  ...['IndexStmt', 'RenameStmt', 'RuleStmt', 'AlterObjectSchemaStmt'],
  ...['CreatePolicyStmt', 'AlterPolicyStmt', 'AlterTableStmt'],
];
/** Named as tables are, and nothing that is governed. */
const OTHER_OBJECTS = new Set<unknown>(['OBJECT_INDEX', 'OBJECT_SEQUENCE']);

/**
 * Reads a statement that is no query for what it asks for: COPY, TRUNCATE, upkeep, DDL, and the queries in EXPLAIN, CREATE TABLE AS, PREPARE
 * and DECLARE CURSOR. LOCK TABLE is left out, since any of several privileges allows it.
 *
 * @returns the materialised views that are filled anew, whose definitions are run as their owners
 */
export function readUtility(node: Node, reader: QueryReader, serverVersion: number): RangeVar[] {
  const upkeep: Permission = serverVersion < MAINTAIN_SINCE ? 'OWNERSHIP' : 'MAINTAIN';
  if ('CopyStmt' in node) readCopy(node.CopyStmt, reader);
  else if ('TruncateStmt' in node) for (const range of rangesOf(node.TruncateStmt.relations)) reader.use(range, 'TRUNCATE');
  else if ('ExplainStmt' in node) return readStatement(node.ExplainStmt.query, reader, serverVersion);
  else if ('PrepareStmt' in node) reader.read(node.PrepareStmt.query);
  else if ('DeclareCursorStmt' in node) reader.read(node.DeclareCursorStmt.query);
  else if ('CreateTableAsStmt' in node) reader.read(node.CreateTableAsStmt.query);
  else if ('RefreshMatViewStmt' in node) {
    const range = node.RefreshMatViewStmt.relation;
    reader.use(range, upkeep);
    return range && node.RefreshMatViewStmt.skipData !== true ? [range] : [];
  } else if ('VacuumStmt' in node) {
    for (const rel of node.VacuumStmt.rels ?? []) reader.use((rel as { VacuumRelation: VacuumRelation }).VacuumRelation.relation, upkeep);
  } else if ('ClusterStmt' in node) reader.use(node.ClusterStmt.relation, upkeep);
  else if ('ReindexStmt' in node) {
    if (node.ReindexStmt.kind === 'REINDEX_OBJECT_TABLE') reader.use(node.ReindexStmt.relation, upkeep);
  } else readDefinition(node, reader);
  return [];
}

/** A statement of either kind. */
export function readStatement(node: Node | undefined, reader: QueryReader, serverVersion: number): RangeVar[] {
  if (node === undefined) return [];
  const isQuery = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].some((kind) => kind in node);
  if (!isQuery) return readUtility(node, reader, serverVersion);
  reader.read(node);
  return [];
}

function readCopy({ relation, query, is_from: isFrom, whereClause }: CopyStmt, reader: QueryReader): void {
  if (query) reader.read(query);
  if (!relation) return;
  reader.use(relation, isFrom ? 'INSERT' : 'SELECT');
  // The condition of a COPY FROM may read no table, only the columns of this one.
  if (whereClause && reader.readsColumns(relation, whereClause)) reader.use(relation, 'SELECT');
}

function readDefinition(node: Node, reader: QueryReader): void {
  if ('CreateTrigStmt' in node) {
    reader.use(node.CreateTrigStmt.relation, 'TRIGGER');
    return;
  }
  if ('CreateStmt' in node) {
    for (const range of rangesOf(node.CreateStmt.inhRelations)) reader.use(range, 'OWNERSHIP');
    readConstraints([...(node.CreateStmt.tableElts ?? []), ...(node.CreateStmt.constraints ?? [])], reader);
    return;
  }
  if ('GrantStmt' in node) {
    const { is_grant: isGrant, objtype, objects } = node.GrantStmt;
    // A REVOKE is what this connector itself gives in the owner's name.
    if (isGrant && objtype === 'OBJECT_TABLE') for (const range of rangesOf(objects)) reader.use(range, 'OWNERSHIP');
    return;
  }
  if ('AlterTableStmt' in node) readAlteredConstraints(node.AlterTableStmt, reader);
  const kind = OF_OWNERS.find((name) => name in node);
  if (kind === undefined) return;
  const statement = (node as unknown as Record<string, Statement>)[kind];
  if (statement === undefined || ['objtype', 'renameType', 'objectType'].some((name) => OTHER_OBJECTS.has(statement[name]))) return;
  // A policy that is changed names its table otherwise.
  reader.use((statement['relation'] ?? statement['table']) as RangeVar | undefined, 'OWNERSHIP');
}

function readAlteredConstraints({ cmds }: AlterTableStmt, reader: QueryReader): void {
  const commands = (cmds ?? []).map((command) => (command as { AlterTableCmd: AlterTableCmd }).AlterTableCmd);
  readConstraints(
    commands.flatMap(({ def }) => def ?? []),
    reader,
  );
}

/** A foreign key asks for REFERENCES on the table that it points to. */
function readConstraints(nodes: readonly Node[], reader: QueryReader): void {
  for (const node of nodes) {
    if ('ColumnDef' in node) readConstraints(node.ColumnDef.constraints ?? [], reader);
    const constraint: Constraint | null = 'Constraint' in node ? node.Constraint : null;
    if (constraint?.pktable) reader.use(constraint.pktable, 'REFERENCES');
  }
}

function rangesOf(nodes: readonly Node[] | undefined): RangeVar[] {
  return (nodes ?? []).flatMap((node) => ('RangeVar' in node ? [node.RangeVar] : []));
}
