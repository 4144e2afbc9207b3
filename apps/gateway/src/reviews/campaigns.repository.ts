import { Database } from '#libs/database/database.js';
import { inForce } from '#libs/database/in-force.js';
import { Representation } from '#libs/database/representation.js';
import type { Transaction } from '#libs/database/transaction.js';
import { jsonRow } from '#libs/pagination/json-row.js';
import { byId, Keyset } from '#libs/pagination/keyset.js';
import type { Page, PageRequest } from '#libs/pagination/page.js';
import type { Campaign, DefaultDecision, Reviewers } from '#libs/reviews/campaign.js';
import { endedBy, NO_MEMBERSHIPS, orphanedAssets } from '#libs/reviews/breaker.js';
import { resolution } from '#libs/reviews/reviewer-resolution.js';
import { REVIEWABLE, selected } from '#libs/reviews/selector.js';
import { Injectable } from '@nestjs/common';
import sql, { join, type Sql } from 'sql-template-tag';
import { BREAKER, COUNTED, SKIPPED, UNDO } from './round-columns.js';

const PROGRESS = `CASE c.work
    WHEN 'launch' THEN json_build_object('phase', c.work, 'done', least(c.population, c.expected), 'total', c.expected)
    WHEN 'defaults' THEN json_build_object('phase', c.work, 'done', n.items - n.pending, 'total', n.items)
    WHEN 'check' THEN json_build_object('phase', c.work, 'done', 0, 'total', 1)
    WHEN 'apply' THEN json_build_object('phase', c.work, 'done', (SELECT count(*) FROM remediations r WHERE r.campaign_id = c.id), 'total', n.revoked)
    WHEN 'undo' THEN json_build_object('phase', c.work, 'done', (SELECT count(*) FROM remediations r WHERE r.campaign_id = c.id AND r.undo IS NOT NULL),
      'total', (SELECT count(*) FROM remediations r WHERE r.campaign_id = c.id)) END`;

const ITEM = jsonRow({
  ...{ id: 'c.id', kind: 'c.kind', name: 'c.name', status: 'c.status', selector: 'c.selector', reviewers: 'c.reviewers' },
  ...{ dueAt: 'instant(c.due_at)', daysToDecide: 'c.days_to_decide', defaultDecision: 'c.default_decision', population: 'c.population' },
  excluded: `CASE WHEN c.population > c.included
    THEN json_build_array(json_build_object('reason', 'no_eligible_reviewer', 'count', c.population - c.included)) ELSE '[]'::json END`,
  counts: `json_build_object('packets', n.packets, 'items', n.items, 'pending', n.pending, 'approved', n.approved, 'revoked', n.revoked, 'abstained', n.abstained)`,
  ...{ progress: PROGRESS, breaker: BREAKER, undo: UNDO, createdBy: 'c.created_by', launchedAt: 'instant(c.launched_at)' },
  ...{ openedAt: 'instant(c.opened_at)', closingAt: 'instant(c.closing_at)', completedAt: 'instant(c.completed_at)' },
  ...{
    cancelledAt: 'instant(c.cancelled_at)',
    createdAt: 'instant(c.created_at)',
    updatedAt: 'instant(c.updated_at)',
    version: 'c.version',
  },
});

const FROM = sql`review_campaigns c CROSS JOIN LATERAL (${COUNTED}) n LEFT JOIN LATERAL (${SKIPPED}) u ON true`;

export interface NewCampaign {
  id: string;
  kind: 'once' | 'standing';
  name: string;
  selector: object;
  reviewers: Reviewers;
  dueAt: Date | null;
  daysToDecide: number | null;
  defaultDecision: DefaultDecision;
}

/** What a campaign comes to: how much of what it finds somebody reviews, and what closing it now would revoke. */
export interface Estimate {
  population: number;
  included: number;
  byReviewer: { reviewerId: string; items: number }[];
  wouldRevoke: number;
  orphanedAssets: string[];
}

@Injectable()
export class CampaignsRepository {
  constructor(
    private readonly database: Database,
    private readonly keyset: Keyset,
  ) {}

  page(filters: { status?: string }, request: PageRequest): Promise<Page> {
    const where = [sql`c.kind <> 'packet'`, ...(filters.status === undefined ? [] : [sql`c.status = ${filters.status}`])];
    return this.keyset.page({ list: 'campaigns', item: ITEM, from: FROM, where, sort: byId('c'), binding: filters }, request);
  }

  async findRepresentation(id: string, tx?: Transaction): Promise<Representation | null> {
    const query = sql`SELECT c.version, (${ITEM})::text AS json FROM ${FROM} WHERE c.id = ${id} AND c.kind <> 'packet'`;
    const [row] = await (tx ?? this.database).rows<{ version: number; json: string }>(query);
    return row ? new Representation(id, row.version, row.json, false) : null;
  }

  async insert(tx: Transaction, campaign: NewCampaign): Promise<void> {
    const { id, kind, name, selector, reviewers, dueAt, daysToDecide, defaultDecision } = campaign;
    await tx.rows(
      sql`INSERT INTO review_campaigns (id, kind, name, status, selector, reviewers, due_at, days_to_decide, default_decision, created_by, created_at, updated_at, version)
        VALUES (${id}, ${kind}, ${name}, 'draft', ${JSON.stringify(selector)}, ${JSON.stringify(reviewers)}, ${dueAt}, ${daysToDecide}, ${defaultDecision},
          ${JSON.stringify(tx.actor)}, ${tx.now}, ${tx.now}, 1)`,
    );
  }

  /** Of these principals, those who are active users: nobody else can review. */
  async findActiveUsers(tx: Transaction, ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.rows<{ id: string }>(
      sql`SELECT id FROM principals WHERE id = ANY (${ids}::uuid[]) AND type = 'user' AND status = 'active'`,
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Of these assets, those that there are. */
  async findAssets(tx: Transaction, ids: readonly string[]): Promise<Set<string>> {
    const rows = await tx.rows<{ id: string }>(sql`SELECT id FROM assets WHERE id = ANY (${ids}::uuid[])`);
    return new Set(rows.map(({ id }) => id));
  }

  /** What a draft would come to if it were launched, and closed with nothing decided. */
  estimateDraft({ selector, reviewers, defaultDecision }: Pick<Campaign, 'selector' | 'reviewers' | 'defaultDecision'>): Promise<Estimate> {
    const chosen = sql`SELECT g.id, g.principal_id, g.privilege, p.manager_id, a.owner_id AS asset_owner_id, s.recommendation FROM ${REVIEWABLE}
      WHERE ${join(selected(selector), ' AND ')}`;
    const revoked = revokedByDefault(defaultDecision, sql`recommendation`);
    return this.estimate(
      sql`WITH RECURSIVE ${resolution(chosen, reviewers)}, kept AS MATERIALIZED (SELECT id, reviewer_id, privilege, recommendation FROM resolved)
        SELECT (SELECT count(*)::integer FROM kept) AS population,
          (SELECT count(*)::integer FROM kept WHERE reviewer_id IS NOT NULL) AS included,
          (SELECT count(*)::integer FROM kept WHERE reviewer_id IS NOT NULL AND ${revoked}) AS "wouldRevoke",
          (SELECT coalesce(array_agg(id), '{}') FROM kept WHERE reviewer_id IS NOT NULL AND privilege = 'admin' AND ${revoked}) AS admins,
          (SELECT coalesce(json_agg(r ORDER BY r.items DESC, r."reviewerId"), '[]') FROM (
            SELECT reviewer_id AS "reviewerId", count(*)::integer AS items FROM kept WHERE reviewer_id IS NOT NULL GROUP BY reviewer_id
          ) r) AS "byReviewer"`,
    );
  }

  /** What closing a campaign now would come to: what is decided, and defaults for the rest. Who has how many items is known from the packets. */
  estimateLaunched({ id, defaultDecision }: Pick<Campaign, 'id' | 'defaultDecision'>): Promise<Estimate> {
    const byDefault = revokedByDefault(defaultDecision, sql`coalesce(s.recommendation, i.recommendation)`);
    // Nothing comes of what is cancelled, and what is completed has been done.
    const mine = sql`i.campaign_id IN (SELECT c.id FROM packets JOIN review_campaigns c ON c.id = packets.campaign_id WHERE c.status IN ('active', 'closing'))`;
    return this.estimate(
      sql`WITH packets AS MATERIALIZED (
          SELECT campaign_id, reviewer_id, pending + approved + revoked + abstained AS items FROM review_packets WHERE shown_campaign_id = ${id}
        ), undecided AS (
          SELECT i.grant_id FROM review_items i LEFT JOIN scores s ON s.grant_id = i.grant_id WHERE ${mine} AND i.status = 'pending' AND ${byDefault}
        ), going AS MATERIALIZED (
          SELECT g.id, g.privilege FROM grants g WHERE ${inForce('g', null)} AND g.id IN (
            SELECT i.grant_id FROM review_items i WHERE ${mine} AND i.decision = 'revoke' AND NOT i.settled UNION ALL SELECT grant_id FROM undecided
          )
        )
        SELECT (SELECT population FROM review_campaigns WHERE id = ${id}) AS population,
          (SELECT coalesce(sum(items), 0)::integer FROM packets) AS included, (SELECT count(*)::integer FROM going) AS "wouldRevoke",
          (SELECT coalesce(array_agg(id), '{}') FROM going WHERE privilege = 'admin' AND id NOT IN (
            SELECT i.grant_id FROM review_items i WHERE ${mine} AND i.memberships IS NOT NULL)) AS admins,
          (SELECT coalesce(json_agg(r ORDER BY r.items DESC, r."reviewerId"), '[]') FROM (
            SELECT reviewer_id AS "reviewerId", sum(items)::integer AS items FROM packets GROUP BY reviewer_id HAVING sum(items) > 0
          ) r) AS "byReviewer"`,
      endedBy(sql`FROM (SELECT i.memberships FROM review_items i WHERE i.memberships IS NOT NULL AND i.decision = 'revoke' AND NOT i.settled
        AND i.campaign_id IN (SELECT k.campaign_id FROM review_packets k JOIN review_campaigns c ON c.id = k.campaign_id
          WHERE k.shown_campaign_id = ${id} AND c.status IN ('active', 'closing'))) i`),
    );
  }

  private async estimate(query: Sql, memberships: Sql = NO_MEMBERSHIPS): Promise<Estimate> {
    const [row] = await this.database.rows<Estimate & { admins: string[] }>(query);
    if (!row) throw new Error('An estimate is always one row.');
    const { admins, ...estimate } = row;
    const orphaned = await orphanedAssets((text) => this.database.rows(text), {
      grants: sql`SELECT unnest(${admins}::uuid[])`,
      memberships,
    });
    return { ...estimate, orphanedAssets: orphaned };
  }
}

/** Whether the default takes away what nobody decides. */
function revokedByDefault(rule: DefaultDecision, recommendation: Sql): Sql {
  if (rule === 'recommendation') return sql`(${recommendation} IS NOT DISTINCT FROM 'revoke')`;
  return rule === 'revoke' ? sql`true` : sql`false`;
}
