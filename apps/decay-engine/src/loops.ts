import { Logger } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';

const TROUBLE_MS = 1_000;

/** Work that is looked for again and again until the process stops. What fails is tried again: parts that are away come back. */
export class Loops {
  private readonly logger = new Logger(Loops.name);
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>[] = [];
  private lastTrouble = '';

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
    while (!signal.aborted) {
      let delayMs = pauseMs;
      try {
        if (await step()) delayMs = 0;
        this.lastTrouble = '';
      } catch (error) {
        this.note(error as Error);
        delayMs = Math.max(pauseMs, TROUBLE_MS);
      }
      if (delayMs > 0) await pause(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Said once, however often it is tried. */
  private note({ message }: Error): void {
    this.logger[message === this.lastTrouble ? 'debug' : 'warn']({ msg: `${this.what} could not go on and tries again`, reason: message });
    this.lastTrouble = message;
  }
}
