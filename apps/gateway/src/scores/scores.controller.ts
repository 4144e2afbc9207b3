import { READERS, type Role } from '#libs/auth/roles.js';
import type { Page } from '#libs/pagination/page.js';
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Operation } from '../http/operation.js';
import { IdParam, UuidPipe } from '../http/path-id.js';
import { type Forecast, ScoreForecastService } from './score-forecast.service.js';
import {
  ExplainedScoreDto,
  ForecastDto,
  ForecastQueryDto,
  ListScoreHistoryDto,
  ListScoresDto,
  PastScorePageDto,
  ScorePageDto,
  ScoresSummaryDto,
} from './scores.dto.js';
import { ScoresService, type ScoresSummary } from './scores.service.js';

/** A connector reads what it keeps in step: not what others make of it. */
const SCORE_READERS: readonly Role[] = READERS.filter((role) => role !== 'governance.connector');

@ApiTags('scores')
@Controller('scores')
export class ScoresController {
  constructor(
    private readonly scores: ScoresService,
    private readonly forecasts: ScoreForecastService,
  ) {}

  @Get()
  @Operation({
    id: 'listScores',
    summary: 'List scores',
    description:
      'The decay score of each grant in force, by grant id where no `sort` is asked for. Bounds of scores compare with what is shown.',
    roles: SCORE_READERS,
    answer: { page: ScorePageDto },
    errors: ['invalid_cursor'],
  })
  list(@Query() { cursor, limit, ...filters }: ListScoresDto): Promise<Page> {
    return this.scores.list(filters, { cursor, limit });
  }

  @Get('summary')
  @Operation({
    id: 'getScoresSummary',
    summary: 'Count scores',
    description: 'How many grants in force are in each band, in all and by sensitivity, and the assets with the most dormant ones.',
    roles: SCORE_READERS,
    answer: { resource: ScoresSummaryDto },
  })
  summary(): Promise<ScoresSummary> {
    return this.scores.summary();
  }

  @Get('forecast')
  @Operation({
    id: 'getScoresForecast',
    summary: 'Forecast the bands',
    description: 'How many grants will enter each band on which day, if nobody uses any of them. At most a minute old.',
    roles: SCORE_READERS,
    answer: { resource: ForecastDto },
  })
  forecast(@Query() { days }: ForecastQueryDto): Promise<Forecast> {
    return this.forecasts.forecast(days);
  }

  @Get(':grantId')
  @IdParam('grantId', 'The grant.')
  @Operation({
    id: 'getScore',
    summary: 'Get a score with its explanation',
    description: 'The score of one grant in force, with every input and term from which it was computed, as they were at `computedAt`.',
    roles: SCORE_READERS,
    answer: { resource: ExplainedScoreDto },
    errors: ['not_found'],
  })
  get(@Param('grantId', UuidPipe) grantId: string): Promise<object> {
    return this.scores.explain(grantId);
  }

  @Get(':grantId/history')
  @IdParam('grantId', 'The grant.')
  @Operation({
    id: 'listScoreHistory',
    summary: 'List the scores that a grant had',
    description:
      'Oldest first: its first score, one at every use and at every change of its band, and one a day. Also of a grant that has ended.',
    roles: SCORE_READERS,
    answer: { page: PastScorePageDto },
    errors: ['invalid_cursor', 'not_found'],
  })
  history(@Param('grantId', UuidPipe) grantId: string, @Query() { cursor, limit, ...span }: ListScoreHistoryDto): Promise<Page> {
    return this.scores.history(grantId, span, { cursor, limit });
  }
}
