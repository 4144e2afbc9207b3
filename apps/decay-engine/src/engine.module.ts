import { ClickHouseModule } from '#libs/clickhouse/clickhouse.module.js';
import type { Config } from '#libs/config/config.js';
import { DatabaseModule } from '#libs/database/database.module.js';
import { KafkaModule } from '#libs/kafka/kafka.module.js';
import { loggingModule } from '#libs/observability/logging.js';
import { ScoreHistory } from '#libs/scoring/score-history.js';
import { UsageSubjects } from '#libs/scoring/usage-subjects.js';
import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { EngineMetrics } from './engine-metrics.js';
import { ChangesService } from './scoring/changes.service.js';
import { HistoryOutboxRepository } from './scoring/history-outbox.repository.js';
import { HistoryService } from './scoring/history.service.js';
import { PeersRepository } from './scoring/peers.repository.js';
import { RescoringRepository } from './scoring/rescoring.repository.js';
import { RescoringService } from './scoring/rescoring.service.js';
import { ScoresRepository } from './scoring/scores.repository.js';
import { ScoringService } from './scoring/scoring.service.js';
import { UsageIngestService } from './usage-ingest/usage-ingest.service.js';
import { UsageController } from './usage-ingest/usage.controller.js';
import { UsageRepository } from './usage-ingest/usage.repository.js';

/** The decay engine, for one configuration. */
@Module({})
export class EngineModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: EngineModule,
      imports: [
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, skipProcessEnv: true, load: [() => config] }),
        loggingModule(config),
        DatabaseModule,
        ClickHouseModule,
        KafkaModule,
      ],
      controllers: [UsageController],
      providers: [
        ...[EngineMetrics, UsageSubjects, UsageRepository, UsageIngestService],
        ...[ScoresRepository, PeersRepository, RescoringRepository, ScoringService, RescoringService, ChangesService],
        ...[ScoreHistory, HistoryOutboxRepository, HistoryService],
      ],
    };
  }
}
