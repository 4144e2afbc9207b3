import type { Band, Caller, DefaultRule, Membership, PrincipalState, ReviewersChoice, Selector, Word } from './review-state.js';

/*
 * What people do, and what time does, as values: the one side carries them out over HTTP, the other in the model.
 */

export interface Deciding {
  itemId: string;
  word: Word;
  justification: string | null;
  memberships: Membership[] | null;
  /** The decision that was in force when they looked; left out by who does not mind. */
  replaces?: string | null;
}

export type CampaignStep = 'launch' | 'close' | 'cancel' | 'confirm' | 'undo';
export type PacketStep = 'cancel' | 'confirm' | 'undo' | 'sign-off';

export type Operation =
  | { do: 'createCampaign'; selector: Selector; reviewers: ReviewersChoice; defaultRule: DefaultRule }
  | { do: 'createPacket'; reviewerId: string; grantIds: string[]; defaultRule: DefaultRule }
  | { do: 'campaign'; step: CampaignStep; roundId: string }
  | { do: 'packet'; step: PacketStep; packetId: string }
  | { do: 'decide'; packetId: string; decisions: Deciding[] }
  | { do: 'reassign'; packetId: string; itemIds: string[]; reviewerId: string }
  | { do: 'getCampaign'; roundId: string }
  | { do: 'preview'; roundId: string }
  | { do: 'getPacket'; packetId: string }
  | { do: 'listPackets'; reviewer: 'me' | null; roundId: string | null; status: string | null }
  | { do: 'listItems'; packetId: string; status: 'pending' | 'decided' | null }
  | { do: 'getItem'; packetId: string; itemId: string }
  | { do: 'effect'; packetId: string; itemId: string }
  | { do: 'report'; itemId: string; remediationId: string; status: 'applied' | 'failed' | 'not_needed' | 'queued' }
  | { do: 'grant'; principalId: string; assetId: string; privilege: 'read' | 'admin' }
  | { do: 'revokeGrant'; grantId: string }
  | { do: 'join' | 'leave'; membership: Membership }
  | { do: 'setStatus'; principalId: string; status: PrincipalState['status'] }
  | { do: 'setOwner'; principalId: string; ownerId: string | null }
  | { do: 'setManager'; principalId: string; managerId: string | null }
  | { do: 'setAssetOwner'; assetId: string; ownerId: string | null }
  | { do: 'expire'; grantId: string }
  | { do: 'rescore'; grantId: string; band: Band }
  | { do: 'passDueDate'; roundId: string }
  | { do: 'passMonth'; roundId: string };

export interface Call {
  by: Caller;
  operation: Operation;
}

/** What somebody was answered: a refusal by its code, or a view of what they were shown, ids and words alone. */
export interface Answer {
  refusal: string | null;
  view: unknown;
  /** The id of what was made. */
  made: string | null;
}

/** What they may be answered: any of the refusals that apply, or else the one view. */
export interface Expected {
  refusals: string[];
  view: unknown;
}
