import { ScheduleRuns } from '#libs/reports/schedule-runs.js';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';

/** How often is looked for what is due: cron knows no seconds. */
const LOOK_MS = 1_000;

/** Asks for reports when their schedules come due. Every worker takes part. */
@Injectable()
export class ReportSchedules implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReportSchedules.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private lastTrouble = '';

  constructor(private readonly runs: ScheduleRuns) {}

  onApplicationBootstrap(): void {
    this.running = this.look();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async look(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const ran = await this.runs.runNext().catch((error: unknown) => this.note(error as Error));
      if (!ran) await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
      else this.lastTrouble = '';
    }
  }

  /** Said once, however often it is tried. */
  private note({ message }: Error): boolean {
    this.logger[message === this.lastTrouble ? 'debug' : 'warn']({
      msg: 'schedules could not be run and are tried again',
      reason: message,
    });
    this.lastTrouble = message;
    return false;
  }
}
