import sql, { join, raw, type Sql } from 'sql-template-tag';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { Database } from './database.js';

/*
 * Statements made from the columns of an entity, always of the same text. TypeORM puts its own together anew each time, and PostgreSQL plans them
 * anew, which costs more than the row.
 */

/** The columns of an entity by the names of its properties, for a SELECT of rows that are it. */
export function columnsOf<Entity extends ObjectLiteral>({ source }: Database, target: EntityTarget<Entity>): Sql {
  const { columns } = source.getMetadata(target);
  return raw(columns.map(({ databaseName, propertyName }) => `"${databaseName}" AS "${propertyName}"`).join(', '));
}

/** Inserts an entity and returns its row. What is undefined is left to the column's default. */
export function insertion<Entity extends ObjectLiteral>(database: Database, target: EntityTarget<Entity>, entity: Entity): Sql {
  const { table, names, values } = columnValues(database, target, entity);
  return sql`INSERT INTO ${table} (${join(names)}) VALUES (${join(values)}) RETURNING *`;
}

/** Overwrites the row that has an entity's id and returns it. What is undefined stays as it is. */
export function overwriting<Entity extends ObjectLiteral & { id: string }>(
  database: Database,
  target: EntityTarget<Entity>,
  { id, ...changes }: Entity,
): Sql {
  const { table, names, values } = columnValues(database, target, changes);
  return sql`UPDATE ${table} SET ${join(names.map((name, at) => sql`${name} = ${values[at]}`))} WHERE id = ${id} RETURNING *`;
}

function columnValues(
  { source }: Database,
  target: EntityTarget<ObjectLiteral>,
  entity: ObjectLiteral,
): { table: Sql; names: Sql[]; values: unknown[] } {
  const { tablePath, columns } = source.getMetadata(target);
  const given = columns.filter((column) => column.getEntityValue(entity) !== undefined);
  return {
    table: raw(`"${tablePath}"`),
    names: given.map(({ databaseName }) => raw(`"${databaseName}"`)),
    values: given.map((column) => source.driver.preparePersistentValue(column.getEntityValue(entity), column) as unknown),
  };
}
