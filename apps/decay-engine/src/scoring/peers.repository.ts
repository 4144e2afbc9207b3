import { inForce } from '#libs/database/in-force.js';
import { Injectable } from '@nestjs/common';
import sql, { empty, type Sql } from 'sql-template-tag';
import type { Rows } from './scores.repository.js';

/** Who writes the peers' numbers holds this lock, so that no two engines count the same at once. */
const PEERS_LOCK = 7_263_531;

/** How many active users a department has, and how many of them hold an asset: counted set by set, never for one grant. */
@Injectable()
export class PeersRepository {
  /** Until the transaction ends nobody else counts. */
  async lock(rows: Rows): Promise<void> {
    await rows(sql`SELECT pg_advisory_xact_lock(${PEERS_LOCK})`);
  }

  async tryLock(rows: Rows): Promise<boolean> {
    const [row] = await rows<{ locked: boolean }>(sql`SELECT pg_try_advisory_xact_lock(${PEERS_LOCK}) AS locked`);
    return row?.locked === true;
  }

  /** Counts everything anew, and writes what is not as it was. */
  async countAll(rows: Rows): Promise<void> {
    await rows(
      sql`WITH counted AS MATERIALIZED (${sizes(empty)}),
        gone AS (DELETE FROM department_sizes d WHERE NOT EXISTS (SELECT FROM counted c WHERE c.department = d.department))
        INSERT INTO department_sizes AS d (department, users) SELECT department, users FROM counted
        ON CONFLICT (department) DO UPDATE SET users = excluded.users WHERE d.users <> excluded.users`,
    );
    await rows(
      sql`WITH counted AS MATERIALIZED (${holders(empty)}),
        gone AS (DELETE FROM department_asset_holders h WHERE NOT EXISTS
          (SELECT FROM counted c WHERE c.asset_id = h.asset_id AND c.department = h.department))
        INSERT INTO department_asset_holders AS h (asset_id, department, holders) SELECT asset_id, department, holders FROM counted
        ON CONFLICT (asset_id, department) DO UPDATE SET holders = excluded.holders WHERE h.holders <> excluded.holders`,
    );
  }

  /** Counts these departments and the holders of these assets anew. */
  async count(rows: Rows, departments: readonly string[], assetIds: readonly string[]): Promise<void> {
    if (departments.length > 0) {
      await rows(sql`DELETE FROM department_sizes WHERE department = ANY (${departments})`);
      await rows(sql`INSERT INTO department_sizes (department, users) ${sizes(sql`AND p.department = ANY (${departments})`)}`);
    }
    if (assetIds.length > 0) {
      const condition = sql`AND g.asset_id = ANY (${assetIds}::uuid[])`;
      await rows(sql`DELETE FROM department_asset_holders WHERE asset_id = ANY (${assetIds}::uuid[])`);
      await rows(sql`INSERT INTO department_asset_holders (asset_id, department, holders) ${holders(condition)}`);
    }
  }
}

const ACTIVE_USER = sql`p.type = 'user' AND p.status = 'active' AND p.department <> ''`;

function sizes(condition: Sql): Sql {
  return sql`SELECT p.department, count(*) AS users FROM principals p WHERE ${ACTIVE_USER} ${condition} GROUP BY p.department`;
}

function holders(condition: Sql): Sql {
  return sql`SELECT g.asset_id, p.department, count(DISTINCT g.principal_id) AS holders FROM grants g JOIN principals p ON p.id = g.principal_id
    WHERE ${ACTIVE_USER} AND ${inForce('g', null)} ${condition} GROUP BY g.asset_id, p.department`;
}
