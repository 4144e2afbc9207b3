import { Database } from '#libs/database/database.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { Named, UsageEvent } from './usage-event.js';

/** What an event is about, by our ids; or why there is no such thing. `source` is the one that the grant or asset belongs to. */
export type UsageSubject =
  | { grantId: string; source: string }
  | { principalId: string; assetId: string; permission: string | null; source: string }
  | { missing: 'grant' | 'principal' | 'asset' };

interface SubjectRow {
  grantId: string | null;
  grantSource: string | null;
  principalId: string | null;
  assetId: string | null;
  assetSource: string | null;
}

/** Finds what usage events name. */
@Injectable()
export class UsageSubjects {
  constructor(private readonly database: Database) {}

  /** One subject for each event, in their order. */
  async find(events: readonly UsageEvent[]): Promise<UsageSubject[]> {
    if (events.length === 0) return [];
    const principals = events.map(({ used }) => ('grantId' in used ? null : used.principal));
    const assets = events.map(({ used }) => ('grantId' in used ? null : used.asset));
    const grants = events.map(({ used }) => ('grantId' in used ? used.grantId : null));
    const rows = await this.database.rows<SubjectRow>(
      sql`SELECT g.id AS "grantId", g.source AS "grantSource", p.id AS "principalId", a.id AS "assetId", a.source AS "assetSource"
        FROM unnest(${grants}::uuid[], ${ids(principals)}::uuid[], ${sources(principals)}::text[], ${externalIds(principals)}::text[],
          ${ids(assets)}::uuid[], ${sources(assets)}::text[], ${externalIds(assets)}::text[])
          WITH ORDINALITY AS e (grant_id, principal_id, principal_source, principal_external_id, asset_id, asset_source, asset_external_id, place)
        LEFT JOIN grants g ON g.id = e.grant_id
        LEFT JOIN LATERAL (
          SELECT o.id FROM principals o WHERE o.id = e.principal_id
          UNION ALL SELECT o.id FROM principals o WHERE o.source = e.principal_source AND o.external_id = e.principal_external_id
        ) p ON true
        LEFT JOIN LATERAL (
          SELECT o.id, o.source FROM assets o WHERE o.id = e.asset_id
          UNION ALL SELECT o.id, o.source FROM assets o WHERE o.source = e.asset_source AND o.external_id = e.asset_external_id
        ) a ON true
        ORDER BY e.place`,
    );
    return events.map(({ used }, index) => subjectOf(used, rows[index]));
  }
}

function subjectOf(used: UsageEvent['used'], row: SubjectRow | undefined): UsageSubject {
  if ('grantId' in used) return row?.grantId && row.grantSource ? { grantId: row.grantId, source: row.grantSource } : { missing: 'grant' };
  if (!row?.principalId) return { missing: 'principal' };
  if (!row.assetId || !row.assetSource) return { missing: 'asset' };
  return { principalId: row.principalId, assetId: row.assetId, permission: used.permission, source: row.assetSource };
}

const ids = (things: readonly (Named | null)[]): (string | null)[] => things.map((thing) => (thing && 'id' in thing ? thing.id : null));

const sources = (things: readonly (Named | null)[]): (string | null)[] =>
  things.map((thing) => (thing && 'source' in thing ? thing.source : null));

const externalIds = (things: readonly (Named | null)[]): (string | null)[] =>
  things.map((thing) => (thing && 'source' in thing ? thing.externalId : null));
