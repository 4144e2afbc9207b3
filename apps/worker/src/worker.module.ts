import { AuditLog } from '#libs/clickhouse/audit-log.js';
import { ClickHouseModule } from '#libs/clickhouse/clickhouse.module.js';
import type { Config } from '#libs/config/config.js';
import { DatabaseModule } from '#libs/database/database.module.js';
import { Snapshots } from '#libs/database/snapshot.js';
import { ChainStore } from '#libs/events/chain-store.js';
import { KafkaModule } from '#libs/kafka/kafka.module.js';
import { loggingModule } from '#libs/observability/logging.js';
import { ReportStorageModule } from '#libs/report-storage/report-storage.module.js';
import { AuditExtract } from '#libs/reports/audit-extract.js';
import { ReportJobs } from '#libs/reports/report-jobs.js';
import { ScheduleRuns } from '#libs/reports/schedule-runs.js';
import { ReviewJobs } from '#libs/reviews/review-jobs.js';
import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { AuditSinkController } from './audit-sink/audit-sink.controller.js';
import { AuditSink } from './audit-sink/audit-sink.service.js';
import { SinkMetrics } from './audit-sink/sink-metrics.js';
import { Retention } from './maintenance/retention.js';
import { OutboxRelay } from './outbox-relay/outbox-relay.service.js';
import { RelayMetrics } from './outbox-relay/relay-metrics.js';
import { ReportBuilder } from './report-builder/report-builder.service.js';
import { ReportMetrics } from './report-builder/report-metrics.js';
import { ReportSources } from './report-builder/report-sources.js';
import { ReportSchedules } from './report-schedules/report-schedules.service.js';
import { ReviewDeadlines } from './review-deadlines/review-deadlines.service.js';
import { ReviewMetrics } from './review-deadlines/review-metrics.js';

const REPORTS = [Snapshots, ReportJobs, AuditExtract, ReportSources, ReportMetrics, ReportBuilder, ScheduleRuns, ReportSchedules];

/** The worker, for one configuration. */
@Module({})
export class WorkerModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: WorkerModule,
      imports: [
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }),
        loggingModule(config),
        DatabaseModule,
        ClickHouseModule,
        KafkaModule,
        ReportStorageModule,
      ],
      controllers: [AuditSinkController],
      providers: [
        ChainStore,
        AuditLog,
        OutboxRelay,
        RelayMetrics,
        Retention,
        AuditSink,
        SinkMetrics,
        ReviewJobs,
        ReviewDeadlines,
        ReviewMetrics,
        ...REPORTS,
      ],
    };
  }
}
