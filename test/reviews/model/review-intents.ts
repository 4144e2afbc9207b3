import { BANDS, Choice, DEFAULTS, WORDS } from './review-choice.js';
import type { Call, Deciding, Operation } from './review-operations.js';
import { groupsBelow, inForce, isActiveUser, isOwnAccess } from './review-rules.js';
import { countsOf, itemsOf, type Membership, packetsOf, type RoundState, type State } from './review-state.js';
import type { Intent, Wish } from './review-wishes.js';
import type { People } from './review-world.js';

/*
 * What an intent comes to, once it is known what there is.
 */

/** What an intent comes to now; null where there is nothing to do it to. */
export function callFor(state: State, people: People, { wish, picks }: Intent): Call | null {
  const choice = new Choice(state, people, picks);
  return aboutRounds(state, choice, wish) ?? aboutPackets(state, choice, wish) ?? aboutTheWorld(state, choice, wish);
}

function aboutRounds(state: State, choice: Choice, wish: Wish): Call | null {
  const step = (name: 'launch' | 'close' | 'cancel' | 'confirm' | 'undo', status: RoundState['status']): Call | null => {
    const roundId = choice.campaign(status);
    return roundId === undefined ? null : { by: choice.admin(), operation: { do: 'campaign', step: name, roundId } };
  };
  switch (wish) {
    case 'createCampaign':
      return { by: choice.admin(), operation: campaignOf(state, choice) };
    case 'createPacket': {
      const operation: Operation = {
        ...{ do: 'createPacket', reviewerId: choice.reviewerId(), defaultRule: choice.of(DEFAULTS)! },
        grantIds: choice.some([...state.grants.values()].filter((grant) => inForce(grant)).map(({ id }) => id)).slice(0, 100),
      };
      return operation.grantIds.length === 0 ? null : { by: choice.admin(), operation };
    }
    case 'createAdminPacket':
      return adminPacket(state, choice);
    case 'launch':
      return step('launch', 'draft');
    case 'close':
      return step('close', 'active');
    case 'cancel':
      return step('cancel', choice.of(['draft', 'active', 'closing'])!);
    case 'confirm':
      return step('confirm', 'closing');
    case 'undo':
      return step('undo', 'completed');
    case 'passDueDate':
    case 'passMonth': {
      const rounds = [...state.rounds.values()].filter(({ status }) => status === (wish === 'passMonth' ? 'completed' : 'active'));
      const round = choice.of(rounds);
      return round ? { by: choice.anyone(), operation: { do: wish, roundId: round.id } } : null;
    }
    default:
      return null;
  }
}

/** Asks about one admin of an asset that has several: two of these at once may take one each. */
function adminPacket(state: State, choice: Choice): Call | null {
  const administered = [...state.assets.keys()].map((id) =>
    [...state.grants.values()].filter((grant) => grant.assetId === id && grant.privilege === 'admin' && inForce(grant)),
  );
  const grant = choice.of(choice.of(administered.filter(({ length }) => length > 1)) ?? []);
  if (!grant) return null;
  const fit = choice.reviewers().filter((id) => isActiveUser(state, id) && !isOwnAccess(state, id, grant.principalId));
  const reviewerId = choice.of(fit) ?? choice.reviewerId();
  return { by: choice.admin(), operation: { do: 'createPacket', reviewerId, grantIds: [grant.id], defaultRule: 'revoke' } };
}

function campaignOf(state: State, choice: Choice): Operation {
  const kind = choice.of(['assetOwner', 'manager', 'named'] as const)!;
  const principalIds = kind === 'named' ? [...new Set([choice.reviewerId(), choice.reviewerId(), choice.reviewerId()])] : [];
  return {
    ...{
      do: 'createCampaign',
      defaultRule: choice.of(DEFAULTS)!,
      reviewers: { kind, principalIds, fallbackReviewerId: choice.reviewerId() },
    },
    selector: {
      // Never empty: that would be the assets of other sequences too.
      assetIds: choice.some([...state.assets.keys()]),
      bands: choice.few([...BANDS, 'insufficient_data']),
      privileges: choice.few(['read', 'admin']),
      principalTypes: choice.few(['user', 'service_account', 'group']),
    },
  };
}

function aboutPackets(state: State, choice: Choice, wish: Wish): Call | null {
  const packetId = choice.packet();
  const packet = packetId === undefined ? undefined : state.packets.get(packetId);
  if (!packet) return null;
  const by = choice.at(packet.reviewerId);
  const inside = itemsOf(state, { packetId: packet.id }).map(({ id }) => id);
  const pending = itemsOf(state, { packetId: packet.id }).filter(({ decisions }) => decisions.length === 0);
  switch (wish) {
    case 'signOff':
      return { by, operation: { do: 'packet', step: 'sign-off', packetId: signable(state, choice) ?? packet.id } };
    case 'packetStep': {
      const own = [...state.packets.values()].filter(({ roundId }) => state.rounds.get(roundId)!.kind === 'packet');
      const target = (choice.number() % 8 > 0 && choice.of(own)) || packet;
      return {
        by: choice.admin(),
        operation: { do: 'packet', step: choice.of(['undo', 'confirm', 'undo', 'cancel', 'undo'])!, packetId: target.id },
      };
    }
    case 'decide': {
      const strangers = choice.number() % 6 === 0 ? [choice.of([...state.items.keys()])!] : [];
      const repeated = choice.number() % 6 === 0 ? inside.slice(0, 1) : [];
      const decisions = choice.words([...choice.some(inside), ...strangers, ...repeated]).slice(0, 100);
      return decisions.length === 0 ? null : { by, operation: { do: 'decide', packetId: packet.id, decisions } };
    }
    case 'decideAll':
    case 'revokeAll': {
      const word = wish === 'revokeAll' ? 'revoke' : choice.of(WORDS)!;
      const decisions = inside.slice(0, 100).map((itemId): Deciding => ({ itemId, word, justification: 'All alike', memberships: null }));
      return decisions.length === 0 ? null : { by, operation: { do: 'decide', packetId: packet.id, decisions } };
    }
    case 'decideMembership':
      return membershipDecision(state, choice);
    case 'reassign':
    case 'reassignAll': {
      const itemIds = (wish === 'reassign' ? choice.some(choice.number() % 6 > 0 ? pending.map(({ id }) => id) : inside) : inside).slice(
        0,
        100,
      );
      return itemIds.length === 0
        ? null
        : { by, operation: { do: 'reassign', packetId: packet.id, itemIds, reviewerId: choice.reviewerId() } };
    }
    case 'read':
      return { by, operation: reading(state, choice, packet.id, inside) };
    default:
      return null;
  }
}

/** A packet in which nothing is pending. */
function signable(state: State, choice: Choice): string | undefined {
  const ready = [...state.packets.values()].filter(
    ({ id, status }) => status === 'open' && countsOf(itemsOf(state, { packetId: id })).pending === 0,
  );
  return choice.number() % 5 > 0 ? choice.of(ready)?.id : undefined;
}

/** A decision to end memberships in the place of a grant that a group holds. */
function membershipDecision(state: State, choice: Choice): Call | null {
  const item = choice.of(
    [...state.items.values()].filter(({ grantId, packetId }) => {
      const holder = state.principals.get(state.grants.get(grantId)!.principalId)!;
      return holder.type === 'group' && state.packets.get(packetId)!.status === 'open';
    }),
  );
  if (!item) return null;
  const below = groupsBelow(state, state.grants.get(item.grantId)!.principalId);
  const through = state.memberships.filter(({ groupId }) => choice.number() % 8 === 0 || below.has(groupId));
  const nested = through.filter(({ memberId }) => state.principals.get(memberId)!.type === 'group');
  const memberships = choice.some(nested.length > 0 && choice.number() % 2 === 0 ? nested : through);
  if (memberships.length === 0) return null;
  const decision: Deciding = {
    itemId: item.id,
    word: choice.number() % 8 === 0 ? 'approve' : 'revoke',
    justification: 'Not in it any more',
    memberships,
  };
  const { reviewerId } = state.packets.get(item.packetId)!;
  return { by: choice.at(reviewerId), operation: { do: 'decide', packetId: item.packetId, decisions: [decision] } };
}

function reading(state: State, choice: Choice, packetId: string, inside: readonly string[]): Operation {
  const itemId = choice.of(inside) ?? packetId;
  const roundId = choice.campaign();
  const status = choice.maybe(['pending', 'decided'] as const);
  const readings: Operation[] = [
    { do: 'getPacket', packetId },
    { do: 'listItems', packetId, status },
    { do: 'getItem', packetId, itemId },
    { do: 'effect', packetId, itemId },
    { do: 'listPackets', roundId: null, reviewer: 'me', status: choice.maybe(['open', 'signed_off', 'cancelled']) },
    ...(roundId === undefined
      ? []
      : [
          { do: 'listPackets' as const, roundId, reviewer: choice.maybe(['me' as const]), status: null },
          { do: 'getCampaign' as const, roundId },
          { do: 'preview' as const, roundId },
          { do: 'preview' as const, roundId },
        ]),
  ];
  const wanted = choice.of(readings)!;
  return wanted.do === 'listItems' && inside.length > 100 ? { do: 'getPacket', packetId } : wanted;
}

function aboutTheWorld(state: State, choice: Choice, wish: Wish): Call | null {
  const operation = worldly(state, choice, wish);
  return operation && { by: choice.admin(), operation };
}

function worldly(state: State, choice: Choice, wish: Wish): Operation | null {
  switch (wish) {
    case 'report': {
      const remedied = [...state.items.values()].filter(({ remediation }) => remediation !== null);
      const queued = remedied.filter(({ remediation }) => remediation!.status === 'queued');
      const item = choice.of(queued.length > 0 && choice.number() % 4 > 0 ? queued : remedied);
      const status = choice.of(['applied', 'failed', 'applied', 'not_needed', 'queued'] as const)!;
      return item ? { do: 'report', itemId: item.id, remediationId: item.remediation!.id, status } : null;
    }
    case 'grant': {
      const ended = choice.of([...state.grants.values()].filter((grant) => !inForce(grant)));
      const again = choice.number() % 2 === 0 ? ended : undefined;
      const assetId = again?.assetId ?? choice.of([...state.assets.keys()])!;
      return {
        do: 'grant',
        principalId: again?.principalId ?? choice.principalId(),
        assetId,
        privilege: again?.privilege ?? choice.of(['read', 'admin'])!,
      };
    }
    case 'becomeSubject':
      return becoming(state, choice);
    case 'obstruct':
      return obstructing(state, choice);
    case 'revokeGrant':
    case 'expire':
      return { do: wish, grantId: choice.grantId() };
    case 'join':
      return {
        do: 'join',
        membership: { groupId: choice.principalId(choice.number() % 20 === 0 ? undefined : 'group'), memberId: choice.principalId() },
      };
    case 'leave': {
      const membership = choice.of(state.memberships);
      return membership ? { do: 'leave', membership } : null;
    }
    case 'setStatus':
      return { do: 'setStatus', principalId: choice.principalId(), status: choice.of(['active', 'active', 'suspended', 'deactivated'])! };
    case 'setOwner': {
      const type = choice.of(['service_account', 'group']);
      return {
        do: 'setOwner',
        principalId: choice.principalId(type),
        ownerId: choice.maybe([choice.reviewerId(), choice.principalId('user')]),
      };
    }
    case 'setManager':
      return { do: 'setManager', principalId: choice.principalId('user'), managerId: choice.maybe([choice.reviewerId()]) };
    case 'setAssetOwner':
      return {
        do: 'setAssetOwner',
        assetId: choice.of([...state.assets.keys()])!,
        ownerId: choice.maybe([choice.principalId(), choice.reviewerId()]),
      };
    case 'rescore':
      return { do: 'rescore', grantId: choice.grantId(), band: choice.of(BANDS)! };
    default:
      return null;
  }
}

/** Makes what a reviewer is being asked about access of their own. */
function becoming(state: State, choice: Choice): Operation | null {
  const item = choice.of([...state.items.values()].filter(({ packetId }) => state.packets.get(packetId)!.status === 'open'));
  if (!item) return null;
  const { reviewerId } = state.packets.get(item.packetId)!;
  const holder = state.principals.get(state.grants.get(item.grantId)!.principalId)!;
  if (holder.type === 'group') return { do: 'join', membership: { groupId: holder.id, memberId: reviewerId } };
  return { do: 'setOwner', principalId: holder.id, ownerId: reviewerId };
}

/** Puts something in the way of what could be undone. */
function obstructing(state: State, choice: Choice): Operation | null {
  const applied = [...state.items.values()].filter(({ remediation }) => remediation?.status === 'applied' && remediation.undo === null);
  const ended = applied.filter(({ remediation }) => remediation!.memberships !== null);
  const item = choice.of(ended.length > 0 && choice.number() % 2 === 0 ? ended : applied);
  if (!item) return null;
  const memberships = item.remediation!.memberships ?? [];
  const nested = memberships.filter(({ memberId }) => state.principals.get(memberId)!.type === 'group');
  const membership = choice.of(nested) ?? choice.of(memberships);
  const grant = state.grants.get(item.grantId)!;
  if (!membership) {
    const { principalId, assetId, privilege } = grant;
    const again = { do: 'grant', principalId, assetId, privilege } as const;
    return choice.of<Operation>([again, { do: 'setStatus', principalId, status: 'deactivated' }, { do: 'expire', grantId: grant.id }])!;
  }
  const { groupId, memberId } = membership;
  const circle: Membership = { groupId: memberId, memberId: choice.of([groupId, choice.principalId('group')])! };
  const status = choice.of(['suspended', 'deactivated'] as const)!;
  return choice.of<Operation>([
    ...[{ do: 'join', membership } as const, { do: 'join', membership: circle } as const, { do: 'join', membership: circle } as const],
    { do: 'setStatus', principalId: choice.of([groupId, memberId])!, status },
  ])!;
}

/** What brings everything to an end: every draft is launched, every due date passes, and what is held is confirmed by whoever may. */
export function callsToFinish(state: State, people: People): Call[] {
  const calls: Call[] = [];
  for (const { id, kind, status, held, confirmed, createdBy, due } of state.rounds.values()) {
    const by = createdBy === people.admin.actorId ? people.secondAdmin : people.admin;
    if (status === 'draft') calls.push({ by, operation: { do: 'campaign', step: 'launch', roundId: id } });
    if (status === 'active' && !due) calls.push({ by, operation: { do: 'passDueDate', roundId: id } });
    if (status !== 'closing' || !held || confirmed) continue;
    const step = { by, operation: { do: 'campaign', step: 'confirm', roundId: id } } as const;
    const packetId = packetsOf(state, id)[0]?.id ?? '';
    calls.push(kind === 'campaign' ? step : { by, operation: { do: 'packet', step: 'confirm', packetId } });
  }
  return calls;
}
