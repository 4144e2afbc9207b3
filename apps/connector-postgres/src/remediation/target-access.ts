/** A thing at the target that access is given to, by its names. */
export type TargetObject =
  | { kind: 'server' }
  | { kind: 'database'; database: string }
  | { kind: 'schema'; database: string; schema: string }
  | { kind: 'relation'; database: string; schema: string; name: string };

/** One right of one role: what a grant stands for. */
export interface TargetAccess {
  object: TargetObject;
  /** The role's oid, or 0 for PUBLIC. */
  holder: number;
  /** As the grant says: `SELECT`, `SELECT (columns)`, `OWNERSHIP`, `CREATEROLE`… */
  permission: string;
}

export interface TargetMembership {
  group: number;
  member: number;
}

/** What a review has decided to end: a right, or memberships in the place of a group's right. */
export interface Order {
  access: TargetAccess;
  memberships: readonly TargetMembership[] | null;
}

export const PUBLIC = 0;

/** The role that a principal's external id stands for, 0 for PUBLIC; null where it is of another server, or of none. */
export function holderOf(externalId: string | null | undefined, server: string): number | null {
  const [ofServer, kind, oid, ...rest] = (externalId ?? '').split('/');
  if (ofServer !== server || rest.length > 0) return null;
  if (kind === 'public' && oid === undefined) return PUBLIC;
  return ['user', 'service', 'group'].includes(kind ?? '') && /^[1-9]\d{0,9}$/.test(oid ?? '') ? Number(oid) : null;
}

/** What an asset's external id stands for; null where it is of another server, or of none. */
export function objectOf(externalId: string | null | undefined, server: string): TargetObject | null {
  const [ofServer, ...names] = (externalId ?? '').split('/');
  if (ofServer !== server) return null;
  const [database, schema, name, ...rest] = names.map(decodeURIComponent);
  if (rest.length > 0) return null;
  if (database === undefined) return { kind: 'server' };
  if (schema === undefined) return { kind: 'database', database };
  return name === undefined ? { kind: 'schema', database, schema } : { kind: 'relation', database, schema, name };
}

/** For people: on one line, whatever a name holds. */
export function describeObject(object: TargetObject): string {
  switch (object.kind) {
    case 'server':
      return 'the server';
    case 'database':
      return onOneLine(`the database ${object.database}`);
    case 'schema':
      return onOneLine(`the schema ${object.schema}`);
    case 'relation':
      return onOneLine(`${object.schema}.${object.name}`);
  }
}

/** A control character in a name must end neither a comment of a script nor a line of the log. */
export const onOneLine = (text: string): string => text.replace(/\p{C}|\u2028|\u2029/gu, '\uFFFD');
