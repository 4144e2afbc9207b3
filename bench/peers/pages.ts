import type { Answer } from '../load/http-connection.js';

interface ScorePage {
  items: Record<string, unknown>[];
  nextCursor: unknown;
}

const INSTANTS = ['computedAt', 'nextBandAt'];

/** A page in one spelling: peers write the same instant and the same number in different ways, and members in a different order. */
function normalised(body: Buffer): Record<string, unknown>[] {
  const page = JSON.parse(body.toString()) as ScorePage;
  if (typeof page.nextCursor !== 'string' || page.nextCursor === '') throw new Error('The page names no next one.');
  return page.items.map((item) =>
    Object.fromEntries(
      Object.keys(item)
        .sort()
        .map((name) => [name, INSTANTS.includes(name) && item[name] !== null ? Date.parse(item[name] as string) : item[name]]),
    ),
  );
}

/**
 * Takes each side's page for what all others have to answer too.
 *
 * @throws Error where a page is not the one that `expected` is
 */
export function assertSamePage(name: string, body: Buffer, expected: Buffer): void {
  const [mine, others] = [normalised(body), normalised(expected)];
  if (mine.length !== others.length) throw new Error(`${name} answers ${mine.length} rows in the place of ${others.length}.`);
  mine.forEach((item, index) => {
    const [own, other] = [JSON.stringify(item), JSON.stringify(others[index])];
    if (own !== other) throw new Error(`Row ${index} of ${name} is ${own} in the place of ${other}`);
  });
}

/** Holds every answer of a side to the bytes of the one that was compared with the others'. */
export function sameBytes(body: Buffer): (answer: Answer) => string | null {
  return (answer) => (answer.status === 200 && answer.body.equals(body) ? null : 'Another body than the one it began with');
}
