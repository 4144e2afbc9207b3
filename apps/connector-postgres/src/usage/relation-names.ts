/** A table, view, sequence or foreign table as the catalogs of one database describe it. */
export interface CatalogRelation {
  oid: number;
  schema: string;
  name: string;
  /** `r p v m f` as in pg_class; every other one is of a kind that nothing is governed by. */
  kind: string;
  owner: number;
  columns: readonly string[];
  /** A view whose tables are read with the rights of whoever reads the view. */
  isInvoker: boolean;
  /** Writing to the view is what its own triggers make of it. */
  hasInsteadOfTrigger: boolean;
  /** The query of a view or materialised view, every name in it qualified. */
  definition: string | null;
}

/** What a name stands for; `ungoverned` is the server's own, or a sequence; `unknown` is not to be found, or could be several. */
export type Found = CatalogRelation | 'ungoverned' | 'unknown';

export interface RelationName {
  schemaname?: string;
  relname?: string;
}

const CATALOG = 'pg_catalog';
const GOVERNED = new Set(['r', 'p', 'v', 'm', 'f']);

/** The relations of one database by name. */
export class RelationNames {
  private readonly bySchema = new Map<string, Map<string, CatalogRelation>>();
  private readonly byName = new Map<string, CatalogRelation[]>();

  constructor(relations: readonly CatalogRelation[]) {
    for (const relation of relations) {
      const schema = this.bySchema.get(relation.schema) ?? new Map<string, CatalogRelation>();
      this.bySchema.set(relation.schema, schema.set(relation.name, relation));
      if (isSystemSchema(relation.schema)) continue;
      const namesakes = this.byName.get(relation.name) ?? [];
      namesakes.push(relation);
      this.byName.set(relation.name, namesakes);
    }
  }

  /**
   * What a name means on a search path. A session may have set another path than the settings of its role say, and nobody tells which: so
   * a name that the path does not have is the one relation of that name, where there is exactly one.
   */
  find({ schemaname, relname = '' }: RelationName, searchPath: readonly string[]): Found {
    if (schemaname !== undefined) return judged(this.bySchema.get(schemaname)?.get(relname), schemaname);
    // The catalog comes first, unless the path says where.
    const path = searchPath.includes(CATALOG) ? searchPath : [CATALOG, ...searchPath];
    for (const schema of path) {
      const found = this.bySchema.get(schema)?.get(relname);
      if (found) return judged(found, schema);
    }
    const others = this.byName.get(relname) ?? [];
    return judged(others.length === 1 ? others[0] : undefined, '');
  }
}

/** `"$user", public` as it is set, with the role in its place; names are folded as PostgreSQL folds them. */
export function searchPathOf(setting: string, role: string): string[] {
  const names = [...setting.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"'),
  );
  return names.map((name) => (name === '$user' ? role : name));
}

function judged(relation: CatalogRelation | undefined, schema: string): Found {
  if (relation) return isSystemSchema(relation.schema) || !GOVERNED.has(relation.kind) ? 'ungoverned' : relation;
  return isSystemSchema(schema) ? 'ungoverned' : 'unknown';
}

/** Temporary tables among them (`pg_temp`): whose they are and that they are gone tomorrow is nobody's access to govern. */
const isSystemSchema = (schema: string): boolean => schema.startsWith('pg_') || schema === 'information_schema';
