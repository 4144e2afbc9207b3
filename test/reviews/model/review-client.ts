import type { Answer, Call, Deciding, Operation } from './review-operations.js';
import type { Caller } from './review-state.js';

/*
 * Carries operations out over HTTP, and brings what is answered into the shapes of the model's views.
 */

/** The body of an answer is unknown to types, and what this file looks into. */
type Body = Record<string, ReturnType<typeof JSON.parse>>;

interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: object;
  view?: (body: Body) => unknown;
}

const DUE_AT = '2100-01-01T00:00:00.000Z';

export class ReviewClient {
  constructor(private readonly url: string) {}

  async call({ by, operation }: Call): Promise<Answer> {
    const { method, path, body, view } = requestOf(operation);
    const { status, answer } = await this.send(by, method, path, body);
    if (status >= 500) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
    if (status >= 400) return { refusal: answer['error'].code as string, view: null, made: null };
    return { refusal: null, view: view?.(answer) ?? null, made: status === 201 ? (answer['id'] as string) : null };
  }

  private async send(by: Caller, method: string, path: string, body?: object): Promise<{ status: number; answer: Body }> {
    const response = await fetch(`${this.url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${by.token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, answer: text === '' ? {} : (JSON.parse(text) as Body) };
  }
}

function requestOf(operation: Operation): Request {
  switch (operation.do) {
    case 'createCampaign': {
      const { selector, reviewers, defaultRule } = operation;
      const body = { name: 'Campaign', selector, reviewers, dueAt: DUE_AT, defaultDecision: defaultRule };
      return { method: 'POST', path: '/reviews/campaigns', body };
    }
    case 'createPacket': {
      const { reviewerId, grantIds, defaultRule } = operation;
      const body = { name: 'Packet', reviewerId, grantIds, dueAt: DUE_AT, defaultDecision: defaultRule };
      return { method: 'POST', path: '/reviews', body };
    }
    case 'campaign':
      return { method: 'POST', path: `/reviews/campaigns/${operation.roundId}/${operation.step}`, body: {} };
    case 'packet':
      return { method: 'POST', path: `/reviews/${operation.packetId}/${operation.step}`, body: {} };
    case 'decide':
      return { method: 'POST', path: `/reviews/${operation.packetId}/decisions`, body: decisionsOf(operation.decisions), view: outcomesOf };
    case 'reassign': {
      const { packetId, itemIds, reviewerId } = operation;
      return { method: 'POST', path: `/reviews/${packetId}/reassign`, body: { itemIds, reviewerId, reason: 'Knows it' } };
    }
    case 'report': {
      const body = { status: operation.status, ...(operation.status === 'failed' ? { reason: 'Through PUBLIC' } : {}) };
      return { method: 'PATCH', path: `/reviews/remediations/${operation.remediationId}`, body };
    }
    default:
      return readingOf(operation) ?? worldlyOf(operation);
  }
}

function readingOf(operation: Operation): Request | null {
  const get = (path: string, view: (body: Body) => unknown): Request => ({ method: 'GET', path: `/reviews${path}`, view });
  switch (operation.do) {
    case 'getCampaign':
      return get(`/campaigns/${operation.roundId}`, campaign);
    case 'preview':
      return get(`/campaigns/${operation.roundId}/preview`, preview);
    case 'getPacket':
      return get(`/${operation.packetId}`, packet);
    case 'listPackets': {
      const { roundId, reviewer, status } = operation;
      const filters = new URLSearchParams({
        limit: '100',
        ...(roundId && { campaignId: roundId }),
        ...(reviewer && { reviewer }),
        ...(status && { status }),
      });
      return get(`?${filters.toString()}`, ({ items }) => (items as Body[]).map((found) => packet(found)));
    }
    case 'listItems': {
      const filters = new URLSearchParams({ limit: '100', ...(operation.status && { status: operation.status }) });
      return get(`/${operation.packetId}/items?${filters.toString()}`, ({ items }) => (items as Body[]).map((found) => item(found)));
    }
    case 'getItem':
      return get(`/${operation.packetId}/items/${operation.itemId}`, (found) => ({
        ...item(found),
        decisions: (found['decisions'] as Body[]).map((made) => decision(made)),
      }));
    case 'effect':
      return get(`/${operation.packetId}/items/${operation.itemId}/effect`, ({ affected, loses, keeps }) => ({ affected, loses, keeps }));
    default:
      return null;
  }
}

function worldlyOf(operation: Operation): Request {
  const patch = (path: string, body: object): Request => ({ method: 'PATCH', path, body });
  switch (operation.do) {
    case 'grant': {
      const { principalId, assetId, privilege } = operation;
      const body = { principalId, assetId, privilege, permission: privilege === 'admin' ? 'OWN' : 'SELECT' };
      return { method: 'POST', path: '/grants', body };
    }
    case 'revokeGrant':
      return { method: 'POST', path: `/grants/${operation.grantId}/revoke`, body: { reason: 'Left' } };
    case 'join':
    case 'leave': {
      const { groupId, memberId } = operation.membership;
      return { method: operation.do === 'join' ? 'PUT' : 'DELETE', path: `/principals/${groupId}/members/${memberId}` };
    }
    case 'setStatus':
      return patch(`/principals/${operation.principalId}`, { status: operation.status });
    case 'setOwner':
      return patch(`/principals/${operation.principalId}`, { ownerId: operation.ownerId });
    case 'setManager':
      return patch(`/principals/${operation.principalId}`, { managerId: operation.managerId });
    case 'setAssetOwner':
      return patch(`/assets/${operation.assetId}`, { ownerId: operation.ownerId });
    default:
      throw new Error(`Nobody can ask for ${operation.do} over HTTP.`);
  }
}

const decisionsOf = (decisions: readonly Deciding[]): object => ({
  decisions: decisions.map(({ itemId, word, justification, memberships, replaces }) => ({
    ...{ itemId, decision: word },
    ...(justification === null ? {} : { justification }),
    ...(memberships === null ? {} : { memberships }),
    ...(replaces === undefined ? {} : { replaces }),
  })),
});

const outcomesOf = (body: Body): object => ({
  outcomes: (body['outcomes'] as Body[]).map(({ outcome, code }) => (outcome === 'recorded' ? null : (code as string))),
  counts: body['counts'],
});

function reasonsOf(reasons: readonly Body[]): string[] {
  return reasons
    .map(({ code, assetId }) => (assetId === null ? code : `${code} ${assetId}`) as string)
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

const place = (reason: string): number => (reason.startsWith('last_admin') ? 1 : 0);

function breaker(found: Body | null): object | null {
  if (found === null) return null;
  const { limit, wouldRevoke, reasons, open } = found;
  return { limit, wouldRevoke, reasons: reasonsOf(reasons as Body[]), open };
}

const countsByReason = (found: readonly Body[]): object => Object.fromEntries(found.map(({ reason, count }) => [reason, count]));

function undo(found: Body | null): object | null {
  if (found === null) return null;
  const { undoneAt, restored, withdrawn, skipped } = found;
  return { done: undoneAt !== null, restored, withdrawn, skipped: countsByReason(skipped as Body[]) };
}

const total = (excluded: readonly Body[]): number => excluded.reduce((sum, { count }) => sum + (count as number), 0);

function campaign(body: Body): object {
  const { status, counts, population, excluded } = body;
  const shown = { status, counts, population, excluded: total(excluded as Body[]) };
  return { ...shown, breaker: breaker(body['breaker'] as Body | null), undo: undo(body['undo'] as Body | null) };
}

function packet(body: Body): object {
  const { id, reviewerId, status, stage, counts, campaignId } = body;
  const shown = { id, reviewerId, status, stage, counts, campaignId };
  return { ...shown, breaker: breaker(body['breaker'] as Body | null), undo: undo(body['undo'] as Body | null) };
}

function preview(body: Body): object {
  const { population, included, excluded, byReviewer, wouldRevoke, breaker: state } = body;
  const { limit, reasons, open } = state as Body;
  return {
    ...{ population, included, excluded: total(excluded as Body[]), limit, wouldRevoke, open, reasons: reasonsOf(reasons as Body[]) },
    byReviewer: Object.fromEntries((byReviewer as Body[]).map(({ reviewerId, items }) => [reviewerId, items])),
  };
}

const decision = ({ id, decision: word, justification, source, by, memberships }: Body): object => ({
  ...{ id, word, justification, source, by: by.type === 'system' ? 'reviews' : by.id },
  memberships: (memberships as Body[] | null)?.map(({ groupId, memberId }) => `${groupId} ${memberId}`) ?? null,
});

function item(body: Body): object {
  const { id, grantId, reason, status, grantStatus, remediation } = body;
  return {
    ...{ id, grantId, reason, status, grantStatus },
    decision: body['decision'] && decision(body['decision'] as Body),
    remediation: remediation && {
      ...{ id: remediation.id, status: remediation.status, undo: remediation.undo },
      ...{ undoReason: remediation.undoReason, restoredId: remediation.restoredGrantId },
    },
  };
}
