import { Database } from '#libs/database/database.js';
import { inForce } from '#libs/database/in-force.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';

const SHOWN = 100;

interface EffectRow {
  affected: number;
  loses: number;
  keeps: number;
  principals: object[];
}

/** What would be gone with a grant. */
@Injectable()
export class RevocationEffectRepository {
  constructor(private readonly database: Database) {}

  /**
   * Every user and service account that a grant reaches, and by which other grants of the same permission on the same asset it is reached too. Each
   * grant is walked down once, however many reach it, so that a group of thousands is one pass.
   */
  async ofGrant(grantId: string): Promise<EffectRow> {
    const [row] = await this.database.rows<EffectRow>(
      sql`WITH rivals AS MATERIALIZED (
          SELECT o.id, o.principal_id FROM grants g JOIN grants o ON o.asset_id = g.asset_id AND o.permission = g.permission
          WHERE g.id = ${grantId} AND ${inForce('o', null)}
        ),
        inside AS MATERIALIZED (
          SELECT r.id AS grant_id, b.group_id, b.path FROM rivals r JOIN principals h ON h.id = r.principal_id AND h.type = 'group'
          CROSS JOIN LATERAL groups_below(r.principal_id, NULL) b
        ),
        reached AS MATERIALIZED (
          SELECT DISTINCT ON (e.grant_id, e.id) e.grant_id, e.id, e.path FROM (
            SELECT r.id AS grant_id, r.principal_id AS id, '' AS path FROM rivals r JOIN principals h ON h.id = r.principal_id AND h.type <> 'group'
            UNION ALL
            SELECT i.grant_id, m.member_id, i.path FROM inside i
            JOIN memberships m ON m.group_id = i.group_id AND m.removed_at IS NULL AND NOT m.member_is_group
          ) e JOIN principals p ON p.id = e.id AND p.status = 'active'
          ORDER BY e.grant_id, e.id, length(e.path), e.path
        ),
        affected AS MATERIALIZED (
          SELECT t.id, t.path, NOT EXISTS (SELECT FROM reached o WHERE o.id = t.id AND o.grant_id <> t.grant_id) AS loses
          FROM reached t WHERE t.grant_id = ${grantId}
        )
        SELECT (SELECT count(*)::integer FROM affected) AS affected, (SELECT count(*)::integer FROM affected WHERE loses) AS loses,
          (SELECT count(*)::integer FROM affected WHERE NOT loses) AS keeps,
          (SELECT coalesce(json_agg(row_to_json(shown) ORDER BY shown.loses, shown."principalId"), '[]') FROM (
            SELECT a.id AS "principalId", p.display_name AS "displayName", p.type, path_json(a.path) AS path, a.loses,
              (SELECT coalesce(json_agg(json_build_object('grantId', o.grant_id, 'path', path_json(o.path)) ORDER BY o.grant_id), '[]')
                FROM (SELECT * FROM reached o WHERE o.id = a.id AND o.grant_id <> ${grantId}::uuid ORDER BY o.grant_id LIMIT ${SHOWN}) o) AS "otherPaths"
            FROM (SELECT * FROM affected ORDER BY loses, id LIMIT ${SHOWN}) a JOIN principals p ON p.id = a.id
          ) shown) AS principals`,
    );
    return row ?? { affected: 0, loses: 0, keeps: 0, principals: [] };
  }
}
