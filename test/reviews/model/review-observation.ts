import type pg from 'pg';
import * as views from './review-views.js';
import { type Breaker, countsOf, type Hints, itemsOf, type State } from './review-state.js';

/*
 * What is in the database in the end, and what of it the model takes over: ids, and whom of several the system picked.
 */

interface SeenRound {
  id: string;
  status: string;
  population: number;
  included: number;
  breaker: { limit: number; wouldRevoke: number; reasons: { code: string; assetId: string | null }[] } | null;
  held: boolean;
  confirmed: boolean;
  undo: string | null;
}

interface SeenItem {
  id: string;
  roundId: string;
  packetId: string;
  grantId: string;
  reason: string;
  firstReviewer: string;
  decisions: { id: string }[];
  remediation: { id: string } | null;
}

export interface Seen {
  rounds: SeenRound[];
  packets: { id: string; roundId: string; reviewerId: string; status: string; counts: object }[];
  items: SeenItem[];
  grants: { id: string; status: string; restores: string | null }[];
  memberships: string[];
}

/** A round of a packet of its own goes by the id of the packet that it was made with, the first. */
const ROUND = (campaign: string): string => `(SELECT CASE WHEN c.kind = 'packet'
  THEN 'of ' || (SELECT min(f.id::text) FROM review_packets f WHERE f.campaign_id = c.id) ELSE c.id::text END FROM review_campaigns c WHERE c.id = ${campaign})`;

const SEE = `
  WITH mine AS MATERIALIZED (
    SELECT id FROM review_campaigns WHERE id = ANY ($1) UNION SELECT campaign_id FROM review_packets WHERE id = ANY ($1)
  )
  SELECT json_build_object(
    'rounds', (SELECT coalesce(json_agg(json_build_object('id', ${ROUND('r.id')}, 'status', r.status, 'population', r.population, 'included', r.included,
        'breaker', r.breaker, 'held', r.held_at IS NOT NULL, 'confirmed', r.confirmed_at IS NOT NULL,
        'undo', CASE WHEN r.undone_at IS NOT NULL THEN 'done' WHEN r.undo_asked_at IS NOT NULL THEN 'asked' END)), '[]')
      FROM review_campaigns r WHERE r.id IN (SELECT id FROM mine)),
    'packets', (SELECT coalesce(json_agg(json_build_object('id', k.id, 'roundId', ${ROUND('k.campaign_id')}, 'reviewerId', k.reviewer_id, 'status', k.status,
        'counts', json_build_object('items', k.pending + k.approved + k.revoked + k.abstained, 'pending', k.pending, 'approved', k.approved,
          'revoked', k.revoked, 'abstained', k.abstained)) ORDER BY k.id), '[]')
      FROM review_packets k WHERE k.campaign_id IN (SELECT id FROM mine)),
    'items', (SELECT coalesce(json_agg(json_build_object('id', i.id, 'roundId', ${ROUND('i.campaign_id')}, 'packetId', i.packet_id, 'grantId', i.grant_id,
        'reason', i.reason, 'firstReviewer', (SELECT k.reviewer_id FROM review_packets k WHERE k.id = coalesce(
          (SELECT m.from_packet_id FROM review_reassignments m WHERE m.item_id = i.id ORDER BY m.id LIMIT 1), i.packet_id)),
        'decisions', (SELECT coalesce(json_agg(json_build_object('id', d.id, 'word', d.decision, 'justification', d.justification, 'source', d.source,
            'by', d.decided_by->>'id', 'memberships', d.memberships) ORDER BY d.decided_at, d.id), '[]') FROM review_decisions d WHERE d.item_id = i.id),
        'remediation', (SELECT json_build_object('id', m.id, 'source', m.source, 'status', m.status, 'memberships', m.memberships, 'undo', m.undo,
            'undoReason', m.undo_reason, 'restoredId', m.restored_id) FROM remediations m WHERE m.item_id = i.id))), '[]')
      FROM review_items i WHERE i.campaign_id IN (SELECT id FROM mine)),
    'grants', (SELECT coalesce(json_agg(json_build_object('id', g.id, 'restores', g.restores_grant_id,
        'status', CASE WHEN g.status = 'active' AND g.expires_at <= now() THEN 'expired' ELSE g.status END)), '[]')
      FROM grants g WHERE g.asset_id = ANY ($2)),
    'memberships', (SELECT coalesce(json_agg(m.group_id || ' ' || m.member_id), '[]') FROM memberships m
      WHERE m.group_id = ANY ($3) AND m.removed_at IS NULL)) AS seen`;

/** Everything that the campaigns and packets with these ids have come to, and the access that they are about. */
export async function observe(pool: pg.Pool, madeIds: readonly string[], state: State): Promise<Seen> {
  const groups = [...state.principals.values()].filter(({ type }) => type === 'group').map(({ id }) => id);
  const { rows } = await pool.query<{ seen: Seen }>(SEE, [madeIds, [...state.assets.keys()], groups]);
  return rows[0]!.seen;
}

export function hintsFrom(seen: Seen): Hints {
  const items = new Map(seen.items.map((item) => [`${item.roundId} ${item.grantId}`, item]));
  const packets = new Map<string, string[]>();
  for (const { id, roundId, reviewerId } of seen.packets) {
    const key = `${roundId} ${reviewerId}`;
    packets.set(key, [...(packets.get(key) ?? []), id]);
  }
  const decisions = new Map(seen.items.map((item) => [item.id, item.decisions]));
  const remediations = new Map(seen.items.map(({ id, remediation }) => [id, remediation?.id]));
  const restored = new Map(seen.grants.map(({ id, restores }) => [restores, id]));
  return {
    itemId: (roundId, grantId) => items.get(`${roundId} ${grantId}`)?.id ?? `no item of ${roundId} ${grantId}`,
    hasItem: (roundId, grantId) => items.has(`${roundId} ${grantId}`),
    packetId: (roundId, reviewerId, ordinal) =>
      packets.get(`${roundId} ${reviewerId}`)?.[ordinal] ?? `no packet ${ordinal} of ${roundId} ${reviewerId}`,
    pickedReviewer: (roundId, grantId) => items.get(`${roundId} ${grantId}`)?.firstReviewer ?? null,
    decisionId: (itemId, ordinal) => decisions.get(itemId)?.[ordinal]?.id ?? `no decision ${ordinal} about ${itemId}`,
    remediationId: (itemId) => remediations.get(itemId) ?? `no remediation of ${itemId}`,
    restoredId: (grantId) => restored.get(grantId) ?? `no grant in the place of ${grantId}`,
  };
}

type Flat = Record<string, unknown>;

function flat(prefix: string, things: readonly (object & { id: string })[], into: Flat): void {
  for (const { id, ...members } of things) for (const [name, value] of Object.entries(members)) into[`${prefix} ${id} ${name}`] = value;
}

function flatBreaker(breaker: SeenRound['breaker']): Breaker | null {
  if (breaker === null) return null;
  const { limit, wouldRevoke, reasons } = breaker;
  const many = reasons.filter(({ assetId }) => assetId === null).map(({ code }) => code);
  const assets = reasons.filter(({ assetId }) => assetId !== null).map(({ code, assetId }) => `${code} ${assetId}`);
  return { limit, wouldRevoke, reasons: [...many, ...assets.sort()] };
}

/** What was seen, one fact a line, so that two of these can be laid side by side. */
export function factsOfSeen(seen: Seen): Flat {
  const facts: Flat = { memberships: [...seen.memberships].sort() };
  flat(
    'round',
    seen.rounds.map((round) => ({ ...round, breaker: flatBreaker(round.breaker) })),
    facts,
  );
  flat('packet', seen.packets, facts);
  flat(
    'item',
    seen.items.map(({ firstReviewer: _, ...item }) => item),
    facts,
  );
  flat('grant', seen.grants, facts);
  return facts;
}

/** The same of the model. */
export function factsOfModel(state: State): Flat {
  const facts: Flat = { memberships: state.memberships.map(({ groupId, memberId }) => `${groupId} ${memberId}`).sort() };
  const rounds = [...state.rounds.values()].map(({ id, status, population, included, breaker, held, confirmed, undo }) => ({
    ...{ id, status, population, included, breaker, held, confirmed, undo },
  }));
  flat('round', rounds, facts);
  const packets = [...state.packets.values()].map((packet) => ({ ...packet, counts: countsOf(itemsOf(state, { packetId: packet.id })) }));
  flat('packet', packets, facts);
  flat(
    'item',
    [...state.items.values()].map(({ bandThen: _, ...item }) => item),
    facts,
  );
  flat(
    'grant',
    [...state.grants.values()].map((grant) => ({ id: grant.id, status: views.grantStatus(grant), restores: grant.restores })),
    facts,
  );
  return facts;
}
