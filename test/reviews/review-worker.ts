import type { Config } from '#libs/config/config.js';
import { DatabaseModule } from '#libs/database/database.module.js';
import { ReviewJobs } from '#libs/reviews/review-jobs.js';
import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { ReviewDeadlines } from '#apps/worker/src/review-deadlines/review-deadlines.service.js';
import { ReviewMetrics } from '#apps/worker/src/review-deadlines/review-metrics.js';

/** What of a worker reviews need, in this process: on a database, without Kafka and ClickHouse. */
export async function startReviewWorker(databaseUrl: string): Promise<{ jobs: ReviewJobs; close: () => Promise<void> }> {
  const config: Partial<Config> = { databaseUrl, databasePoolSize: 2, databasePoolTimeoutMs: 5_000 };
  @Module({
    imports: [ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }), DatabaseModule],
    providers: [ReviewJobs, ReviewDeadlines, ReviewMetrics],
  })
  class WorkerOfReviews {}
  const app = await NestFactory.createApplicationContext(WorkerOfReviews, { logger: ['error'], abortOnError: false });
  return { jobs: app.get(ReviewJobs), close: () => app.close() };
}
