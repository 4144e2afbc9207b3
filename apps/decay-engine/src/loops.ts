import { Logger } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';

const TROUBLE_MS = 1_000;

/** Work that is looked for again and again until the process stops. What fails is tried again: parts that are away come back. */
export class Loops {
  private readonly logger = new Logger(Loops.name);
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>[] = [];

  constructor(private readonly what: string) {}

  /** Repeats `step`, at once where it answers that there may be more to do, else after `pauseMs`. */
  start(pauseMs: number, step: () => Promise<boolean>): void {
    this.running.push(this.repeat(pauseMs, step));
  }

  /** Resolves when every step under way has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  private async repeat(pauseMs: number, step: () => Promise<boolean>): Promise<void> {
    const { signal } = this.stopping;
    let lastTrouble = '';
    while (!signal.aborted) {
      let delayMs = pauseMs;
      try {
        if (await step()) delayMs = 0;
        lastTrouble = '';
      } catch (error) {
        const { message } = error as Error;
        // Said once by each of them, however often it is tried: what ails one may be another thing than what ails the next.
        const level = message === lastTrouble ? 'debug' : 'warn';
        this.logger[level]({ msg: `${this.what} could not go on and tries again`, reason: message });
        lastTrouble = message;
        delayMs = Math.max(pauseMs, TROUBLE_MS);
      }
      if (delayMs > 0) await pause(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
