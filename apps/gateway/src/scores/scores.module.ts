import { ClickHouseModule } from '#libs/clickhouse/clickhouse.module.js';
import { ScoreHistory } from '#libs/scoring/score-history.js';
import { Module } from '@nestjs/common';
import { ScoreForecastService } from './score-forecast.service.js';
import { ScoresController } from './scores.controller.js';
import { ScoresRepository } from './scores.repository.js';
import { ScoresService } from './scores.service.js';

@Module({
  imports: [ClickHouseModule],
  controllers: [ScoresController],
  providers: [ScoresService, ScoreForecastService, ScoresRepository, ScoreHistory],
  exports: [ScoresService],
})
export class ScoresModule {}
