import { Representation } from './representation.js';
import { behind, type Statement } from './statement.js';

export interface ShownRow {
  id: string;
  version: number | null;
  json: string;
}

const SELECTION: Statement = { text: 'SELECT id, version, json FROM answer', values: [] };

/** Texts that were put together before, by those of their parts: to do it anew takes longer than all else about a statement. */
class KnownTexts {
  whole: string | undefined;
  private readonly longer = new Map<string, KnownTexts>();

  with(part: string): KnownTexts {
    let known = this.longer.get(part);
    if (!known) this.longer.set(part, (known = new KnownTexts()));
    return known;
  }
}

const TEXTS = new KnownTexts();

function inOne(parts: readonly [name: string, part: Statement][], last: Statement): Statement {
  let known = TEXTS;
  const values: unknown[] = [];
  for (const [name, part] of parts) {
    known = known.with(name).with(part.text);
    values.push(...part.values);
  }
  known = known.with(last.text);
  known.whole ??= textInOne(parts, behind(values.length, last.text));
  values.push(...last.values);
  return { text: known.whole, values };
}

function textInOne(parts: readonly [name: string, part: Statement][], last: string): string {
  if (parts.length === 0) return last;
  let before = 0;
  const named = parts.map(([name, { text, values }]) => {
    const part = `${name} AS MATERIALIZED (${behind(before, text)})`;
    before += values.length;
    return part;
  });
  return `WITH ${named.join(', ')} ${last}`;
}

const rethrow = (error: unknown): never => {
  throw error;
};

/**
 * What a change ends with: its last rows, and the representation of them. Whoever puts it together does not run it: it leaves as one statement with
 * the events and the answer kept for repeats, and what it shows is answered once that is committed.
 */
export class Closing {
  constructor(
    /** The representation, if there is one; or a SELECT of the `id`, `version` and `json` of one row, which may read what `changes` return. */
    readonly shown: Representation | Statement | null,
    /** Statements that change rows, by the names under which `shown` knows what they return. None sees what another does. */
    readonly changes: Readonly<Record<string, Statement>> = {},
    /** Says what a failure of theirs means, by throwing that. */
    readonly failed: (error: unknown) => never = rethrow,
    /** As `Representation` has it, of what is selected. */
    private readonly cacheable = true,
  ) {}

  /** The one statement, with others that go with it and may read the `answer` that is selected; null where there is none. */
  statement(others: Readonly<Record<string, Statement>>): Statement | null {
    const selected = this.shown === null || this.shown instanceof Representation ? null : { answer: this.shown };
    const parts = Object.entries({ ...this.changes, ...selected, ...others });
    const last = selected ? SELECTION : parts.pop()?.[1];
    return last ? inOne(parts, last) : null;
  }

  /** What is shown, by the rows that the statement has answered. */
  representation([row]: readonly ShownRow[]): Representation | null {
    if (this.shown === null || this.shown instanceof Representation) return this.shown;
    if (!row) throw new Error('A change has nothing to show.');
    return new Representation(row.id, row.version, row.json, this.cacheable);
  }
}
