import fc from 'fast-check';
import { MOST_PICKS } from './review-choice.js';

/*
 * What somebody means to do, before it is known what there is: an intent names things by numbers, which are laid over whatever the state has by
 * then. So a sequence can be cut down to what matters, and repeated from its seed.
 */

export interface Intent {
  wish: Wish;
  picks: number[];
}

const WISHES = {
  createCampaign: 3,
  createPacket: 4,
  launch: 5,
  close: 4,
  cancel: 3,
  confirm: 4,
  undo: 4,
  signOff: 6,
  packetStep: 3,
  decide: 12,
  decideAll: 10,
  decideMembership: 8,
  reassign: 6,
  reassignAll: 2,
  read: 8,
  report: 3,
  grant: 3,
  revokeGrant: 3,
  join: 4,
  leave: 3,
  setStatus: 3,
  setOwner: 3,
  setManager: 1,
  setAssetOwner: 2,
  expire: 2,
  rescore: 3,
  passDueDate: 2,
  passMonth: 1,
  becomeSubject: 5,
  obstruct: 1,
  createAdminPacket: 2,
  revokeAll: 2,
} as const;
export type Wish = keyof typeof WISHES;

/** What people do once everything has come to its end: campaigns are undone, connectors report, and all that may be in the way of either happens. */
const AFTERWARDS = {
  undo: 6,
  packetStep: 6,
  report: 5,
  read: 4,
  grant: 3,
  revokeGrant: 2,
  expire: 1,
  join: 4,
  leave: 1,
  setStatus: 3,
  passMonth: 1,
  obstruct: 7,
  createPacket: 2,
  decideAll: 2,
  signOff: 2,
} as const;

const intents = (wishes: Partial<Record<Wish, number>>): fc.Arbitrary<Intent> =>
  fc.record({
    wish: fc.oneof(...Object.entries(wishes).map(([wish, weight]) => ({ weight, arbitrary: fc.constant(wish as Wish) }))),
    picks: fc.array(fc.nat({ max: 999 }), { minLength: MOST_PICKS, maxLength: MOST_PICKS }),
  });

/** Up to three people at once, mostly one. */
const togetherOf = (one: fc.Arbitrary<Intent>): fc.Arbitrary<Intent[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.array(one, { minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.array(one, { minLength: 2, maxLength: 3 }) },
  );

/** Two who begin with the same packet in front of them, as in two tabs. */
const duels = fc
  .tuple(intents({ decide: 1 }), intents({ decide: 4, signOff: 1, reassign: 1 }))
  .map(([one, other]): Intent[] => [one, { ...other, picks: [...one.picks.slice(0, 4), ...other.picks.slice(4)] }]);

/** Sequences of sequences that chance alone comes to too seldom; each is what happens, and what happens once it all has ended. */
const wishing = (...wishes: Wish[]): fc.Arbitrary<Intent[]> => fc.tuple(...wishes.map((wish) => intents({ [wish]: 1 })));
const stories: readonly [Wish[][], Wish[][]][] = [
  // Memberships end, and something is in their way when they are to come back.
  [
    [['decideMembership'], ['decideMembership'], ['decideMembership'], ['close']],
    [['obstruct'], ['obstruct'], ['undo'], ['packetStep']],
  ],
  // Two take one admin each of the same asset, at once.
  [
    [
      ['createAdminPacket'],
      ['createAdminPacket'],
      ['createAdminPacket'],
      ['revokeAll'],
      ['revokeAll'],
      ['passDueDate', 'passDueDate', 'passDueDate'],
    ],
    [],
  ],
];
export const told = fc.oneof(
  ...stories.map(([happenings, aftermath]) =>
    fc.record({
      happenings: fc.tuple(...happenings.map((wishes) => wishing(...wishes))),
      aftermath: fc.tuple(...aftermath.map((wishes) => wishing(...wishes))),
    }),
  ),
);

export const batches = fc.oneof({ weight: 6, arbitrary: togetherOf(intents(WISHES)) }, { weight: 1, arbitrary: duels });
export const aftermaths = togetherOf(intents(AFTERWARDS));
