import sql, { join, raw } from 'sql-template-tag';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { Transaction } from './transaction.js';

/**
 * Inserts the row of an entity as a prepared statement. TypeORM's own insert is put together anew each time, and planned anew, which costs more
 * than the row. What is undefined is left to the column's default.
 *
 * @throws what PostgreSQL says; `violatedUnique` and `violatedForeignKey` tell it apart
 */
export async function insertRow<Entity extends ObjectLiteral>(tx: Transaction, target: EntityTarget<Entity>, row: Entity): Promise<void> {
  const { dataSource } = tx.manager;
  const { tablePath, columns } = dataSource.getMetadata(target);
  const given = columns.filter((column) => column.getEntityValue(row) !== undefined);
  const names = given.map((column) => raw(`"${column.databaseName}"`));
  const values = given.map((column) => dataSource.driver.preparePersistentValue(column.getEntityValue(row), column) as unknown);
  await tx.rows(sql`INSERT INTO ${raw(`"${tablePath}"`)} (${join(names)}) VALUES (${join(values)})`);
}
