/*
 * The plain model of DESIGN.md section 7: everything that reviews are about, as objects in memory. Nothing of our own code is in it, so that it can
 * say what that code has to do.
 */

export type Word = 'approve' | 'revoke' | 'abstain';
export type DefaultRule = 'none' | 'approve' | 'revoke' | 'recommendation';
export type Band = 'active' | 'aging' | 'stale' | 'dormant';

/** Who calls: with a token, and mostly with a principal of their own. */
export interface Caller {
  name: string;
  token: string;
  /** What events name them as. */
  actorId: string;
  principalId: string | null;
  admin: boolean;
}

export interface PrincipalState {
  id: string;
  type: 'user' | 'service_account' | 'group';
  status: 'active' | 'suspended' | 'deactivated';
  source: string;
  ownerId: string | null;
  managerId: string | null;
  everyone: boolean;
}

export interface AssetState {
  id: string;
  source: string;
  ownerId: string | null;
}

export interface GrantState {
  id: string;
  principalId: string;
  assetId: string;
  permission: string;
  privilege: 'read' | 'admin';
  status: 'active' | 'revoked';
  /** Whether its expiry has passed, whatever else became of it. */
  lapsed: boolean;
  band: Band | null;
  restores: string | null;
  /** The batch of operations that made it: one that is made while a campaign is launched may be in it or not. */
  madeIn: number;
}

export interface Membership {
  groupId: string;
  memberId: string;
}

export interface DecisionState {
  id: string;
  word: Word;
  justification: string | null;
  source: 'reviewer' | 'default';
  /** The actor's id. */
  by: string;
  memberships: Membership[] | null;
}

export interface RemediationState {
  id: string;
  source: string;
  status: 'queued' | 'applied' | 'failed' | 'not_needed';
  memberships: Membership[] | null;
  undo: 'restored' | 'withdrawn' | 'skipped' | null;
  undoReason: string | null;
  restoredId: string | null;
}

export interface ItemState {
  id: string;
  roundId: string;
  packetId: string;
  grantId: string;
  reason: string;
  bandThen: Band | null;
  decisions: DecisionState[];
  remediation: RemediationState | null;
}

export interface PacketState {
  id: string;
  roundId: string;
  reviewerId: string;
  status: 'open' | 'signed_off' | 'cancelled';
}

export interface Selector {
  assetIds: string[];
  bands: string[];
  privileges: string[];
  principalTypes: string[];
}

export interface ReviewersChoice {
  kind: 'assetOwner' | 'manager' | 'named';
  principalIds: string[];
  fallbackReviewerId: string;
}

/** What a round has to do next by itself. */
export type Work = 'launch' | 'defaults' | 'check' | 'apply' | 'undo';

/** What closes as one: a campaign, or a packet of its own. */
export interface RoundState {
  id: string;
  kind: 'campaign' | 'packet';
  status: 'draft' | 'active' | 'closing' | 'completed' | 'cancelled';
  createdBy: string;
  selector: Selector;
  reviewers: ReviewersChoice;
  defaultRule: DefaultRule;
  work: Work | null;
  due: boolean;
  /** Completed more than 30 days ago. */
  longOver: boolean;
  launchedIn: number;
  launchedUpTo: string;
  population: number;
  included: number;
  breaker: Breaker | null;
  held: boolean;
  confirmed: boolean;
  confirmedAssets: string[];
  undo: 'asked' | 'done' | null;
}

export interface Breaker {
  limit: number;
  wouldRevoke: number;
  /** `too_many_revocations`, or `last_admin` and the asset. */
  reasons: string[];
}

export interface State {
  batch: number;
  principals: Map<string, PrincipalState>;
  assets: Map<string, AssetState>;
  grants: Map<string, GrantState>;
  memberships: Membership[];
  rounds: Map<string, RoundState>;
  packets: Map<string, PacketState>;
  items: Map<string, ItemState>;
}

/** What the model cannot know: the ids that the system gave, and whom of several fit reviewers it picked. */
export interface Hints {
  itemId: (roundId: string, grantId: string) => string;
  hasItem: (roundId: string, grantId: string) => boolean;
  packetId: (roundId: string, reviewerId: string, ordinal: number) => string;
  /** The first reviewer that an item was given to. */
  pickedReviewer: (roundId: string, grantId: string) => string | null;
  /** Of the decisions about an item, oldest first. */
  decisionId: (itemId: string, ordinal: number) => string;
  remediationId: (itemId: string) => string;
  restoredId: (grantId: string) => string;
}

export interface Counts {
  items: number;
  pending: number;
  approved: number;
  revoked: number;
  abstained: number;
}

const COUNTED = { approve: 'approved', revoke: 'revoked', abstain: 'abstained' } as const;

export const itemsOf = (state: State, { packetId, roundId }: { packetId?: string; roundId?: string }): ItemState[] =>
  [...state.items.values()].filter(
    (item) => (packetId === undefined || item.packetId === packetId) && (roundId === undefined || item.roundId === roundId),
  );

export const packetsOf = (state: State, roundId: string): PacketState[] =>
  [...state.packets.values()].filter((packet) => packet.roundId === roundId);

export function countsOf(items: readonly ItemState[]): Counts {
  const counts: Counts = { items: items.length, pending: 0, approved: 0, revoked: 0, abstained: 0 };
  for (const { decisions } of items) {
    const last = decisions.at(-1);
    counts[last ? COUNTED[last.word] : 'pending'] += 1;
  }
  return counts;
}

/** The open packet of a reviewer, made where there is none. */
export function openPacket(state: State, roundId: string, reviewerId: string, hints: Hints): PacketState {
  const theirs = packetsOf(state, roundId).filter((packet) => packet.reviewerId === reviewerId);
  const open = theirs.find(({ status }) => status === 'open');
  if (open) return open;
  const packet: PacketState = { id: hints.packetId(roundId, reviewerId, theirs.length), roundId, reviewerId, status: 'open' };
  state.packets.set(packet.id, packet);
  return packet;
}
