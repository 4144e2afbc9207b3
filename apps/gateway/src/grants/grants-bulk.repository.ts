import { Database } from '#libs/database/database.js';
import type { GrantEntity } from '#libs/database/entities/grant.entity.js';
import { inForce } from '#libs/database/in-force.js';
import type { Transaction } from '#libs/database/transaction.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

/** A side of a new grant, as far as it is asked about. */
export interface GrantParty {
  id: string;
  status: string;
}

/** Lines to a read: large enough that reading costs little, small enough that few wait in memory. */
const LINES_A_READ = 5_000;

const RECORD = sql`(id uuid, "principalId" uuid, "assetId" uuid, permission text, privilege text, source text, status text, "grantedAt" timestamptz,
  "expiresAt" timestamptz, justification text)`;

/** Grants by the thousand: one statement for what the single routes do one by one. */
@Injectable()
export class GrantsBulkRepository {
  constructor(private readonly database: Database) {}

  async principals(tx: Transaction, ids: readonly string[]): Promise<Map<string, GrantParty>> {
    const rows = await tx.rows<GrantParty>(sql`SELECT id, status FROM principals WHERE id = ANY (${arrayLiteral(ids)}::uuid[])`);
    return new Map(rows.map((row) => [row.id, row]));
  }

  async assets(tx: Transaction, ids: readonly string[]): Promise<Map<string, GrantParty & { source: string }>> {
    const rows = await tx.rows<GrantParty & { source: string }>(
      sql`SELECT id, status, source FROM assets WHERE id = ANY (${arrayLiteral(ids)}::uuid[])`,
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * Inserts those that nobody holds yet, and answers their ids; of two equal ones it takes the first. In the order of their key, so that two
   * batches never wait for each other crosswise.
   */
  async insertMany(tx: Transaction, grants: readonly GrantEntity[]): Promise<Set<string>> {
    if (grants.length === 0) return new Set();
    const rows = JSON.stringify(
      grants.map(({ id, principalId, assetId, permission, privilege, source, status, grantedAt, expiresAt, justification }) => ({
        ...{ id, principalId, assetId, permission, privilege, source, status, grantedAt, expiresAt, justification },
      })),
    );
    const actor = JSON.stringify(tx.actor);
    // What has run out stands in nobody's way, as with a single one.
    await tx.rows(
      sql`UPDATE grants g SET status = 'expired' FROM jsonb_to_recordset(${rows}) AS n ${RECORD}
        WHERE g.principal_id = n."principalId" AND g.asset_id = n."assetId" AND g.permission = n.permission AND g.status = 'active'
          AND g.expires_at <= ${tx.now}`,
    );
    const inserted = await tx.rows<{ id: string }>(
      sql`INSERT INTO grants (id, principal_id, asset_id, permission, privilege, source, status, granted_at, granted_by, expires_at, justification,
          created_at, updated_at, version)
        SELECT n.id, n."principalId", n."assetId", n.permission, n.privilege, n.source, n.status, n."grantedAt", ${actor}::jsonb, n."expiresAt",
          n.justification, ${tx.now}, ${tx.now}, 1
        FROM jsonb_to_recordset(${rows}) AS n ${RECORD} ORDER BY n."principalId", n."assetId", n.permission, n.id
        ON CONFLICT (principal_id, asset_id, permission) WHERE status = 'active' DO NOTHING RETURNING id`,
    );
    return new Set(inserted.map(({ id }) => id));
  }

  /** The grants in force of a source by id, in pieces of many lines. */
  async *lines(source: string): AsyncGenerator<string, void> {
    for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
      const [piece] = await this.database.rows<{ lines: string | null; last: string | null; count: number }>(
        sql`SELECT string_agg(row_to_json(line)::text || E'\n', '' ORDER BY line.id) AS lines, max(line.id::text) AS last, count(*)::integer AS count
          FROM (
            SELECT g.id, g.principal_id AS "principalId", g.asset_id AS "assetId", g.permission, g.privilege FROM grants g
            WHERE g.source = ${source} AND g.id > ${after}::uuid AND ${inForce('g', null)} ORDER BY g.id LIMIT ${LINES_A_READ}
          ) AS line`,
      );
      if (!piece?.lines || piece.last === null) return;
      yield piece.lines;
      if (piece.count < LINES_A_READ) return;
      after = piece.last;
    }
  }
}
