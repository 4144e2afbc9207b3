import { stepsDue } from './review-background.js';
import { perform } from './review-model.js';
import { factsOfModel, factsOfSeen, hintsFrom, type Seen } from './review-observation.js';
import type { Answer, Call, Expected } from './review-operations.js';
import type { Hints, State } from './review-state.js';

/*
 * Whether what several people were answered at once, and what it all came to, is what some order of their operations would have given, with the
 * steps that happen by themselves anywhere in between.
 */

/** How many orders are tried before it counts as a difference. */
const MOST_TRIED = 30_000;

export interface Done {
  call: Call;
  answer: Answer;
}

export class Difference extends Error {}

/**
 * The state that the model is in after all this.
 *
 * @param done in the order in which the answers came, which is tried first
 * @throws Difference where no order explains it
 */
export function explain(before: State, done: readonly Done[], seen: Seen): State {
  const search = new Search(hintsFrom(seen), factsOfSeen(seen), done.length > 1);
  const found = search.from(before, done);
  if (!found) throw new Difference(search.complaint);
  return found;
}

class Search {
  private tried = 0;
  private readonly beenAt = new Set<string>();
  complaint = 'Nothing was tried.';
  private deepest = -1;

  constructor(
    private readonly hints: Hints,
    private readonly facts: Record<string, unknown>,
    private readonly atOnce: boolean,
  ) {}

  from(state: State, open: readonly Done[], depth = 0): State | null {
    if (++this.tried > MOST_TRIED) return null;
    const steps = stepsDue(state, this.hints);
    if (open.length === 0 && steps.length === 0) return this.settled(state, depth);
    if (open.length + steps.length > 1 && this.wasHere(state, open)) return null;
    for (const next of open) {
      const after = structuredClone(state);
      const expected = perform(after, next.call, next.answer, this.hints);
      const difference = differenceOf(expected, next, this.atOnce);
      if (difference !== null) {
        this.complain(depth, `${difference}\nin ${JSON.stringify({ by: next.call.by.name, ...next.call.operation })}`);
        continue;
      }
      const found = this.from(
        after,
        open.filter((other) => other !== next),
        depth + 1,
      );
      if (found) return found;
    }
    for (const step of steps) {
      const after = structuredClone(state);
      step(after);
      const found = this.from(after, open, depth);
      if (found) return found;
    }
    return null;
  }

  private wasHere(state: State, open: readonly Done[]): boolean {
    const { rounds, packets, items, grants, memberships } = state;
    const key = JSON.stringify([
      open.length,
      open.map(({ call }) => call.operation),
      ...[rounds, packets, items, grants].map((map) => [...map.values()]),
      memberships,
    ]);
    if (this.beenAt.has(key)) return true;
    this.beenAt.add(key);
    return false;
  }

  private settled(state: State, depth: number): State | null {
    const model = factsOfModel(state);
    const different = [...new Set([...Object.keys(model), ...Object.keys(this.facts)])].filter(
      (name) => !isSame(model[name], this.facts[name]),
    );
    if (different.length === 0) return state;
    const lines = different
      .slice(0, 20)
      .map((name) => `  ${name}: ${JSON.stringify(this.facts[name])} instead of ${JSON.stringify(model[name])}`);
    this.complain(depth, `It came to\n${lines.join('\n')}`);
    return null;
  }

  /** Of all that was tried, what got furthest is told. */
  private complain(depth: number, text: string): void {
    if (depth <= this.deepest) return;
    this.deepest = depth;
    this.complaint = text;
  }
}

interface Outcomes {
  outcomes: (string | null)[];
  counts: object;
}

interface ExpectedOutcomes {
  outcomes: string[][];
  counts: object;
}

/** What is shown in more than one statement is not of one instant, and looked at only where nobody else does anything. */
const OF_SEVERAL_INSTANTS = new Set(['preview', 'effect']);

function differenceOf(expected: Expected, { call, answer }: Done, atOnce: boolean): string | null {
  const { refusals } = expected;
  if (refusals.length > 0 || answer.refusal !== null) {
    const fits = answer.refusal === null ? refusals.length === 0 : refusals.includes(answer.refusal);
    return fits ? null : `Answered ${answer.refusal ?? 'ok'} instead of ${refusals.join(' or ') || 'ok'}`;
  }
  if (expected.view === null || (atOnce && OF_SEVERAL_INSTANTS.has(call.operation.do))) return null;
  const fits =
    call.operation.do === 'decide'
      ? fitOutcomes(expected.view as ExpectedOutcomes, answer.view as Outcomes)
      : isSame(foreseen(expected.view, answer.view), expected.view);
  return fits ? null : `Answered ${JSON.stringify(answer.view)}\ninstead of ${JSON.stringify(expected.view)}`;
}

/** What is shown, without what the model does not foresee: members that it has null for where something is shown of its own choosing. */
function foreseen(expected: unknown, shown: unknown): unknown {
  const unforeseen = typeof expected === 'object' && expected !== null && 'byReviewer' in expected && expected.byReviewer === null;
  return unforeseen ? { ...(shown as object), byReviewer: null } : shown;
}

function fitOutcomes(expected: ExpectedOutcomes, { outcomes, counts }: Outcomes): boolean {
  const fits = expected.outcomes.every((refusals, place) => {
    const code = outcomes[place];
    return code === null ? refusals.length === 0 : code !== undefined && refusals.includes(code);
  });
  return fits && outcomes.length === expected.outcomes.length && isSame(counts, expected.counts);
}

/** By what they hold: where a test runs, objects from elsewhere have prototypes of their own, and are strictly equal to none of ours. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || inOrder(one) === inOrder(other);
}

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
