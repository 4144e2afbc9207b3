import { randomUUID } from 'node:crypto';

/** The milliseconds and the counter of the id before, and what an id of these milliseconds begins with. */
let milliseconds = 0;
let counter = 0;
let beginning = '';

/** The counter begins low, so that it lasts for 2,048 ids at least. */
const COUNTER_START_MASK = 0x7ff;
const COUNTER_LIMIT = 0x1000;

/**
 * A new UUIDv7 (RFC 9562, section 5.7): the time, a counter that keeps the ids of one process in their order within a millisecond (section 6.2,
 * method 1), and 62 random bits. The random bits are those of Node's `randomUUID`, which draws them for 128 ids at once; an id costs less than a
 * tenth of what it does where each asks for its own.
 */
export function uuidv7(): string {
  const random = randomUUID();
  const now = Date.now();
  if (now > milliseconds) begin(now, parseInt(random.slice(0, 3), 16) & COUNTER_START_MASK);
  else if (++counter === COUNTER_LIMIT) begin(milliseconds + 1, 0);
  return `${beginning}${counter.toString(16).padStart(3, '0')}${random.slice(18)}`;
}

function begin(at: number, count: number): void {
  milliseconds = at;
  counter = count;
  const time = at.toString(16).padStart(12, '0');
  beginning = `${time.slice(0, 8)}-${time.slice(8)}-7`;
}
