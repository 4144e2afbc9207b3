import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits for a condition instead of a time: repeats `check` until it neither throws nor answers `false`, and returns what it answered.
 *
 * @throws what the last attempt threw, once `timeoutMs` are over
 */
export async function eventually<T>(check: () => T | Promise<T>, timeoutMs = 10_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      const answer = await check();
      if (answer !== false) return answer;
      if (Date.now() > deadline) throw new Error(`The condition did not come true within ${timeoutMs} ms.`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await pause(25);
  }
}
