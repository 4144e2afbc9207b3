import { ReviewJobs } from '#libs/reviews/review-jobs.js';
import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';

/** How many steps of a launch or a closing this process takes at once itself. What is larger is left to the worker. */
const STEPS = 6;

/** Takes the first steps of what a request has begun, right after its answer, so that what is small is done at once. */
@Injectable()
export class ReviewSteps implements OnModuleDestroy {
  private readonly logger = new Logger(ReviewSteps.name);
  private readonly running = new Set<Promise<void>>();
  private stopping = false;

  constructor(private readonly jobs: ReviewJobs) {}

  follow(campaignId: string): void {
    const run = this.run(campaignId).finally(() => this.running.delete(run));
    this.running.add(run);
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running);
  }

  private async run(campaignId: string): Promise<void> {
    try {
      for (let step = 0; step < STEPS && !this.stopping; step++) if (!(await this.jobs.stepOf(campaignId))) return;
    } catch (error) {
      // Nothing is lost: the step is still to be done, and the worker takes it.
      this.logger.warn({ msg: 'a step of a campaign is left to the worker', campaignId, reason: (error as Error).message });
    }
  }
}
