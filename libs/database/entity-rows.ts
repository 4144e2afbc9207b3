import { raw, type Sql } from 'sql-template-tag';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { Database } from './database.js';
import { places, type Statement } from './statement.js';

/*
 * Statements made from the columns of an entity, always of the same text. TypeORM puts its own together anew each time, and PostgreSQL plans them
 * anew, which costs more than the row.
 */

/** The columns of an entity by the names of its properties, for a SELECT of rows that are it. */
export function columnsOf<Entity extends ObjectLiteral>({ source }: Database, target: EntityTarget<Entity>): Sql {
  const { columns } = source.getMetadata(target);
  return raw(columns.map(({ databaseName, propertyName }) => `"${databaseName}" AS "${propertyName}"`).join(', '));
}

const insertions = new Map<string, string>();

/** Inserts an entity. What is undefined is left to the column's default. */
export function insertion<Entity extends ObjectLiteral>(database: Database, target: EntityTarget<Entity>, entity: Entity): Statement {
  const { table, names, values } = columnValues(database, target, entity);
  const into = `${table} (${names.join(', ')})`;
  let text = insertions.get(into);
  if (!text) insertions.set(into, (text = `INSERT INTO ${into} VALUES (${places(names.length)})`));
  return { text, values };
}

/** Overwrites the row that has an entity's id. What is undefined stays as it is. */
export function overwriting<Entity extends ObjectLiteral & { id: string }>(
  database: Database,
  target: EntityTarget<Entity>,
  { id, ...changes }: Entity,
): Statement {
  const { table, names, values } = columnValues(database, target, changes);
  const assignments = names.map((name, index) => `${name} = $${index + 2}`);
  return { text: `UPDATE ${table} SET ${assignments.join(', ')} WHERE id = $1`, values: [id, ...values] };
}

function columnValues(
  { source }: Database,
  target: EntityTarget<ObjectLiteral>,
  entity: ObjectLiteral,
): { table: string; names: string[]; values: unknown[] } {
  const { tablePath, columns } = source.getMetadata(target);
  const given = columns.filter((column) => column.getEntityValue(entity) !== undefined);
  return {
    table: `"${tablePath}"`,
    names: given.map(({ databaseName }) => `"${databaseName}"`),
    values: given.map((column) => source.driver.preparePersistentValue(column.getEntityValue(entity), column) as unknown),
  };
}
