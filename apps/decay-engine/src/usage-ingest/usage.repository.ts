import type { Cadence } from '#libs/decay-model/decay-model.js';
import { arrayLiteral } from '#libs/scoring/array-literal.js';
import { Injectable } from '@nestjs/common';
import sql from 'sql-template-tag';
import type { Rows } from '../scoring/scores.repository.js';
import type { KnownUsage } from './merge-usage.js';

/** A use by our ids. */
export type UseOf = { usedAt: Date } & ({ grantId: string } | { principalId: string; assetId: string; permission: string | null });

export interface GrantUsage {
  grantId: string;
  usage: KnownUsage;
  cadence: Cadence;
}

interface UsageRow {
  grantId: string;
  lastUsedMs: number;
  lastUseInferred: boolean;
  days: number[];
}

/** The use of grants as it is stored. All of it happens in a transaction of the caller's. */
@Injectable()
export class UsageRepository {
  /** Notes events; answers which of them were not there yet. In their order, so that two engines never wait for each other. */
  async noteSeen(rows: Rows, keys: readonly string[]): Promise<Set<string>> {
    const noted = await rows<{ key: string }>(
      sql`INSERT INTO usage_events_seen (event_key) SELECT unnest(${arrayLiteral([...keys].sort())}::uuid[])
        ON CONFLICT DO NOTHING RETURNING event_key AS key`,
    );
    return new Set(noted.map(({ key }) => key));
  }

  /**
   * Forgets at most `limit` events that were seen longer ago than this: the days they fell on have left every window. Answers whether there
   * may be more.
   */
  async forgetSeen(rows: Rows, afterDays: number, limit: number): Promise<boolean> {
    const [row] = await rows<{ count: number }>(
      sql`WITH old AS (SELECT event_key FROM usage_events_seen WHERE seen_at < statement_timestamp() - ${afterDays} * interval '1 day' LIMIT ${limit}),
        gone AS (DELETE FROM usage_events_seen s USING old WHERE s.event_key = old.event_key RETURNING 1)
        SELECT count(*)::integer AS count FROM gone`,
    );
    return row?.count === limit;
  }

  /**
   * Which grants each use is credited to: the one it names, else every one that was in force then, covers the asset and the permission, and was held
   * by the principal or a group that it was in then. Whoever was not active then could do nothing.
   */
  async credited(rows: Rows, uses: readonly UseOf[]): Promise<{ place: number; grantId: string }[]> {
    const direct = uses.flatMap((use, place) => ('grantId' in use ? [{ place, grantId: use.grantId }] : []));
    const others = uses.flatMap((use, place) => ('grantId' in use ? [] : [{ place, ...use }]));
    if (others.length === 0) return direct;
    const found = await rows<{ place: number; grantId: string }>(
      sql`WITH uses AS (
          SELECT * FROM unnest(${others.map(({ place }) => place)}::integer[], ${others.map(({ principalId }) => principalId)}::uuid[],
            ${others.map(({ assetId }) => assetId)}::uuid[], ${others.map(({ permission }) => permission)}::text[],
            ${others.map(({ usedAt }) => usedAt.toISOString())}::timestamptz[]) AS u (place, principal_id, asset_id, permission, used_at)
        ), holders AS (
          SELECT place, principal_id AS holder_id, asset_id, permission, used_at FROM uses WHERE principal_active(principal_id, used_at)
          UNION ALL
          SELECT u.place, above.group_id, u.asset_id, u.permission, u.used_at FROM uses u
          CROSS JOIN LATERAL groups_above(u.principal_id, u.used_at) above
          WHERE EXISTS (SELECT FROM memberships m WHERE m.member_id = u.principal_id)
        )
        SELECT h.place, g.id AS "grantId" FROM holders h
        CROSS JOIN LATERAL (
          SELECT o.id FROM grants o
          WHERE o.principal_id = h.holder_id AND o.asset_id = h.asset_id AND (h.permission IS NULL OR o.permission = h.permission)
            AND o.granted_at <= h.used_at AND (o.revoked_at IS NULL OR o.revoked_at > h.used_at) AND (o.expires_at IS NULL OR o.expires_at > h.used_at)
        ) g`,
    );
    return [...direct, ...found];
  }

  /** What is known of the use of these grants, locked until the transaction ends. Those without a use yet get a row with the use given for them. */
  async lock(rows: Rows, first: readonly { grantId: string; usedAt: Date; inferred: boolean }[]): Promise<Map<string, KnownUsage>> {
    const sorted = [...first].sort((a, b) => (a.grantId < b.grantId ? -1 : 1));
    const known = await rows<UsageRow>(
      sql`INSERT INTO grant_usage AS u (grant_id, last_used_at, last_use_inferred, revision)
        SELECT *, 1 FROM unnest(${arrayLiteral(sorted.map(({ grantId }) => grantId))}::uuid[],
          ${arrayLiteral(sorted.map(({ usedAt }) => usedAt.toISOString()))}::timestamptz[],
          ${arrayLiteral(sorted.map(({ inferred }) => inferred))}::boolean[])
        ON CONFLICT (grant_id) DO UPDATE SET revision = u.revision + 1
        RETURNING grant_id AS "grantId", date_part('epoch', last_used_at) * 1000 AS "lastUsedMs", last_use_inferred AS "lastUseInferred", usage_days AS days`,
    );
    return new Map(
      known.map(({ grantId, lastUsedMs, lastUseInferred, days }) => [
        grantId,
        { lastUsedAt: new Date(Math.round(lastUsedMs)), lastUseInferred, days },
      ]),
    );
  }

  /** Keeps every use with the time at which it was learnt of. The clock is cut and not rounded: nothing is learnt of after it is asked for. */
  async keep(rows: Rows, uses: readonly { grantId: string; usedAt: Date }[]): Promise<void> {
    await rows(
      sql`INSERT INTO grant_uses (grant_id, used_at, recorded_at)
        SELECT grant_id, used_at, date_trunc('milliseconds', statement_timestamp())
        FROM unnest(${arrayLiteral(uses.map(({ grantId }) => grantId))}::uuid[], ${arrayLiteral(uses.map(({ usedAt }) => usedAt.toISOString()))}::timestamptz[])
          AS u (grant_id, used_at)`,
    );
  }

  async store(rows: Rows, grants: readonly GrantUsage[]): Promise<void> {
    const of = (value: (grant: GrantUsage) => string | number | boolean | null): string => arrayLiteral(grants.map(value));
    await rows(
      sql`UPDATE grant_usage u SET last_used_at = n.last_used_at, last_use_inferred = n.inferred, usage_days = n.days::integer[],
          cadence_days = n.cadence_days, cadence_gaps = n.cadence_gaps
        FROM unnest(${of(({ grantId }) => grantId)}::uuid[], ${of(({ usage }) => usage.lastUsedAt.toISOString())}::timestamptz[],
          ${of(({ usage }) => usage.lastUseInferred)}::boolean[], ${grants.map(({ usage }) => arrayLiteral(usage.days))}::text[],
          ${of(({ cadence }) => cadence.days)}::float8[], ${of(({ cadence }) => cadence.gaps)}::integer[])
          AS n (grant_id, last_used_at, inferred, days, cadence_days, cadence_gaps)
        WHERE u.grant_id = n.grant_id`,
    );
  }
}
