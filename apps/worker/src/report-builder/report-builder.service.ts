import type { Config } from '#libs/config/config.js';
import { AppError } from '#libs/errors/errors.js';
import { REPORT_STORAGE, type ReportStorage } from '#libs/report-storage/report-storage.js';
import { LogIncomplete } from '#libs/reports/audit-extract.js';
import { fileKey, LEASE_SECONDS, type ReportFailure, type ReportJob, ReportJobs } from '#libs/reports/report-jobs.js';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { setTimeout as pause } from 'node:timers/promises';
import { ReconciliationError, reportFile, rowsOf } from './report-file.js';
import { type BuildOutcome, ReportMetrics } from './report-metrics.js';
import { ReportSources } from './report-sources.js';

const POLL_MS = 500;
const SWEEP_MS = 30_000;
const TROUBLE_MS = 2_000;
const SIGN_OF_LIFE_MS = (LEASE_SECONDS * 1_000) / 5;

/** Why a report is let go of in the middle. */
class NoLongerMine extends Error {}
class Stopping extends Error {}

/** Builds reports, as many at once as the configuration says, and takes their files away when they expire. Every worker takes part. */
@Injectable()
export class ReportBuilder implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReportBuilder.name);
  private readonly stopping = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private lastTrouble = '';

  constructor(
    private readonly config: ConfigService<Config, true>,
    private readonly jobs: ReportJobs,
    private readonly sources: ReportSources,
    private readonly metrics: ReportMetrics,
    @Inject(REPORT_STORAGE) private readonly storage: ReportStorage,
  ) {}

  onApplicationBootstrap(): void {
    const seats = this.config.get('reportsAtOnce', { infer: true });
    const builders = Array.from({ length: seats }, () => this.repeat(POLL_MS, () => this.buildNext()));
    this.running = Promise.all([...builders, this.repeat(SWEEP_MS, () => this.sweep())]);
  }

  /** Reports under way are given back, to be begun anew by whoever takes them. */
  async onModuleDestroy(): Promise<void> {
    this.stopping.abort(new Stopping('The worker is stopping.'));
    await this.running;
  }

  private async buildNext(): Promise<boolean> {
    const job = await this.jobs.take();
    if (!job) return false;
    this.metrics.ended(job.kind, await this.build(job));
    return true;
  }

  private async build(job: ReportJob): Promise<BuildOutcome> {
    const started = performance.now();
    const progress = { done: 0, total: null as number | null };
    const lost = new AbortController();
    const signal = AbortSignal.any([this.stopping.signal, lost.signal]);
    const signs = setInterval(() => {
      // A sign that cannot be given is given the next time: the lease outlives several.
      this.jobs.renew(job, progress).then(
        (mine) => mine || lost.abort(new NoLongerMine('The report was cancelled, or taken over.')),
        () => undefined,
      );
    }, SIGN_OF_LIFE_MS);
    try {
      const outcome = await this.write(job, progress, signal);
      if (outcome === 'completed') this.metrics.built(job.kind, job.format, (performance.now() - started) / 1_000);
      return outcome;
    } catch (error) {
      return await this.afterError(job, signal.aborted ? (signal.reason as Error) : (error as Error));
    } finally {
      clearInterval(signs);
    }
  }

  private async write(job: ReportJob, progress: { done: number; total: number | null }, signal: AbortSignal): Promise<BuildOutcome> {
    const key = fileKey(job);
    const built = await this.sources.read(
      job,
      async (report) => {
        const rows = (progress.total = rowsOf(report));
        const file = reportFile(job, report, (more) => {
          signal.throwIfAborted();
          progress.done += more;
        });
        const stored = await this.storage.write(key, file);
        return { ...stored, key, rows, reconciliation: report.reconciliation };
      },
      signal,
    );
    const days = this.config.get('reportRetentionDays', { infer: true });
    if (await this.jobs.complete(job, built, days[job.kind] ?? days['default'] ?? 90)) return 'completed';
    await this.storage.remove(key);
    return 'lost';
  }

  private async afterError(job: ReportJob, error: Error): Promise<BuildOutcome> {
    if (error instanceof NoLongerMine) return 'cancelled';
    if (error instanceof Stopping) {
      await this.jobs.giveBack(job);
      return 'given back';
    }
    const { failure, mayMend } = failureOf(error);
    const outcome = await this.jobs.fail(job, failure, mayMend);
    this.logger.warn({ msg: 'a report could not be built', reportId: job.id, kind: job.kind, outcome, reason: error.message });
    return outcome;
  }

  private async sweep(): Promise<boolean> {
    const more = await this.jobs.sweep();
    for (const { id, keys } of await this.jobs.leftFiles()) {
      for (const key of keys) await this.storage.remove(key);
      await this.jobs.noteTidy(id);
    }
    return more;
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
    this.logger[message === this.lastTrouble ? 'debug' : 'warn']({ msg: 'reports could not go on and try again', reason: message });
    this.lastTrouble = message;
  }
}

/** What is told of an error: nothing of the inside. */
function failureOf(error: Error): { failure: ReportFailure; mayMend: boolean } {
  if (error instanceof ReconciliationError) return { failure: { code: 'reconciliation', message: error.message }, mayMend: false };
  if (error instanceof LogIncomplete) return { failure: { code: 'log_incomplete', message: error.message }, mayMend: true };
  if (error instanceof AppError) return { failure: { code: error.code, message: error.message }, mayMend: true };
  return { failure: { code: 'internal', message: 'Something went wrong on our side.' }, mayMend: true };
}
