import type { Deciding } from './review-operations.js';
import type { Band, Caller, DefaultRule, Membership, RoundState, State, Word } from './review-state.js';
import type { People } from './review-world.js';

/** How many numbers an intent brings. */
export const MOST_PICKS = 9;

export const WORDS: readonly Word[] = ['approve', 'revoke', 'abstain', 'revoke'];
export const DEFAULTS: readonly DefaultRule[] = ['none', 'approve', 'revoke', 'recommendation'];
export const BANDS: readonly Band[] = ['active', 'aging', 'stale', 'dormant'];
export const SAID = ['Looked at', '', null, 'Left the team', 'Looked at'] as const;

/** The picks of an intent laid over a state, one after another. */
export class Choice {
  private next = 0;

  constructor(
    private readonly state: State,
    private readonly people: People,
    private readonly picks: readonly number[],
  ) {}

  number(): number {
    return this.picks[this.next++ % MOST_PICKS]!;
  }

  /** One of several; undefined of none. */
  of<Thing>(things: readonly Thing[]): Thing | undefined {
    return things[this.number() % Math.max(1, things.length)];
  }

  maybe<Thing>(things: readonly Thing[]): Thing | null {
    const place = this.number() % (things.length + 1);
    return things[place] ?? null;
  }

  /** Some of several, at least one where there are any. */
  some<Thing>(things: readonly Thing[]): Thing[] {
    const bits = 1 + this.number();
    const chosen = things.filter((_, place) => (bits >> (place % 10)) % 2 === 1);
    return chosen.length > 0 ? chosen : things.slice(0, 1);
  }

  /** Some, or mostly none. */
  few<Thing>(things: readonly Thing[]): Thing[] {
    return this.number() % 4 === 0 ? this.some(things) : [];
  }

  admin(): Caller {
    const { admin, secondAdmin, reviewers } = this.people;
    return this.of([admin, secondAdmin, admin, secondAdmin, admin, secondAdmin, reviewers[0]!])!;
  }

  anyone(): Caller {
    const { admin, secondAdmin, reviewers } = this.people;
    return this.of([...reviewers, admin, secondAdmin])!;
  }

  /** Mostly whose packet it is. */
  at(reviewerId: string): Caller {
    const { admin, reviewers } = this.people;
    const theirs = [...reviewers, admin].find(({ principalId }) => principalId === reviewerId) ?? admin;
    return this.number() % 4 === 0 ? this.anyone() : theirs;
  }

  /** Mostly a packet that is open. */
  packet(): string | undefined {
    const all = [...this.state.packets.values()];
    const open = all.filter(({ status }) => status === 'open');
    return this.of(open.length > 0 && this.number() % 8 > 0 ? open : all)?.id;
  }

  campaign(status?: RoundState['status']): string | undefined {
    const all = [...this.state.rounds.values()].filter(({ kind }) => kind === 'campaign');
    const wanted = all.filter((round) => round.status === status);
    return this.of(wanted.length > 0 && this.number() % 6 > 0 ? wanted : all)?.id;
  }

  reviewers(): string[] {
    return this.people.reviewers.map(({ principalId }) => principalId!);
  }

  /** Mostly somebody who can review. */
  reviewerId(): string {
    const { reviewers, admin } = this.people;
    if (this.number() % 10 === 0) return this.principalId();
    return this.of([...reviewers, admin])!.principalId!;
  }

  principalId(type?: string): string {
    return this.of([...this.state.principals.values()].filter((principal) => type === undefined || principal.type === type))!.id;
  }

  grantId(): string {
    return this.of([...this.state.grants.keys()])!;
  }

  /** Mostly the decision in force; sometimes the first one, as somebody has it on a screen that they opened a while ago. */
  private lookedAt(itemId: string): string | null {
    const decisions = this.state.items.get(itemId)?.decisions ?? [];
    return (this.number() % 4 === 0 ? decisions.at(0)?.id : decisions.at(-1)?.id) ?? null;
  }

  words(itemIds: readonly string[], memberships: Membership[] | null = null): Deciding[] {
    const careful = this.number() % 3 === 0;
    return itemIds.map((itemId) => ({
      ...{ itemId, word: this.of(WORDS)!, justification: this.of(SAID)!, memberships },
      ...(careful ? { replaces: this.lookedAt(itemId) } : {}),
    }));
  }
}
