import { ReviewJobs } from '#libs/reviews/review-jobs.js';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';

/** How often is looked for campaigns with work to do, and for due dates; and for reminders and what standing campaigns ask. */
const STEPS_MS = 500;
const CHORES_MS = 5_000;

/** Reviews that finish by themselves: whatever has to be done in steps, and whatever time brings. Every worker takes part. */
@Injectable()
export class ReviewDeadlines implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReviewDeadlines.name);
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private lastTrouble = '';

  constructor(private readonly jobs: ReviewJobs) {}

  onApplicationBootstrap(): void {
    this.running = Promise.all([this.repeat(STEPS_MS, () => this.jobs.step()), this.repeat(CHORES_MS, () => this.jobs.chores())]);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async repeat(pauseMs: number, work: () => Promise<boolean>): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      let more = false;
      try {
        more = await work();
        this.lastTrouble = '';
      } catch (error) {
        this.note(error as Error);
      }
      if (!more) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Said once, however often it is tried. */
  private note({ message }: Error): void {
    this.logger[message === this.lastTrouble ? 'debug' : 'warn']({ msg: 'reviews could not go on and try again', reason: message });
    this.lastTrouble = message;
  }
}
