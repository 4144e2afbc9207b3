import { Database } from '#libs/database/database.js';
import { inForce } from '#libs/database/in-force.js';
import { Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import { Injectable } from '@nestjs/common';
import sql, { empty } from 'sql-template-tag';

/** What a principal reaches, by itself and through its groups. */
@Injectable()
export class PrincipalAccessRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  /** One item a grant, by grant id. Each holder gives its next grants from its own index, so that a page costs the same at any depth. */
  async ofPrincipal(
    principalId: string,
    asOf: Date | null,
    sources: readonly string[] | null,
    { cursor, limit }: PageRequest,
  ): Promise<Page> {
    const query = { list: `principal-access:${principalId}`, binding: { asOf: asOf?.toISOString() } };
    const key = await this.keyset.keyOf(query, cursor);
    const after = key ? sql`AND g.id > ${key[0]}::uuid` : empty;
    const mine = sources ? sql`AND g.source = ANY (${sources})` : empty;
    const rows = await this.database.rows<{ item: string; key: string[] }>(
      sql`WITH holder AS MATERIALIZED (
          SELECT ${principalId}::uuid AS id, '' AS path WHERE principal_active(${principalId}, ${asOf})
          UNION ALL SELECT group_id, path FROM groups_above(${principalId}, ${asOf})
        ),
        reached AS MATERIALIZED (
          SELECT g.id, g.asset_id, g.permission, g.privilege, holder.path FROM holder
          CROSS JOIN LATERAL (
            SELECT g.* FROM grants g WHERE g.principal_id = holder.id AND ${inForce('g', asOf)} ${after} ${mine} ORDER BY g.id LIMIT ${limit + 1}
          ) g
          ORDER BY g.id LIMIT ${limit + 1}
        )
        SELECT row_to_json(item)::text AS item, ARRAY[item."grantId"::text] AS key FROM (
          SELECT r.id AS "grantId", r.asset_id AS "assetId", a.name AS "assetName", r.permission, r.privilege, path_json(r.path) AS path
          FROM reached r JOIN assets a ON a.id = r.asset_id
        ) item ORDER BY item."grantId"`,
    );
    return this.keyset.pageOf(query, rows, limit);
  }
}
