import type { Config } from '#libs/config/config.js';
import { Database } from '#libs/database/database.js';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { EngineMetrics } from '../engine-metrics.js';
import { Loops } from '../loops.js';
import { PeersRepository } from './peers.repository.js';
import { RescoringRepository } from './rescoring.repository.js';
import { ScoresRepository } from './scores.repository.js';
import { ScoringService } from './scoring.service.js';

/** How many grants are scored in one transaction: long enough for speed, short enough that nobody waits for its locks. */
export const RANGE_SIZE = 2_500;
/** One computes while the other's rows are being written. */
export const RANGES_AT_ONCE = 2;
const RUN_POLL_MS = 1_000;
const BANDS_POLL_MS = 60_000;

/** The scheduled run: rescores every grant, since time alone moves scores. Engines share its ranges; a crash gives back what it held. */
@Injectable()
export class RescoringService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(RescoringService.name);
  private readonly loops = new Loops('the scheduled run');

  constructor(
    private readonly config: ConfigService<Config, true>,
    private readonly database: Database,
    private readonly rescoring: RescoringRepository,
    private readonly peers: PeersRepository,
    private readonly scores: ScoresRepository,
    private readonly scoring: ScoringService,
    private readonly metrics: EngineMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.loops.start(RUN_POLL_MS, () => this.beginOrFinish());
    for (let worker = 0; worker < RANGES_AT_ONCE; worker++) this.loops.start(RUN_POLL_MS, () => this.scoreRange());
    this.loops.start(BANDS_POLL_MS, () => this.countBands());
  }

  onModuleDestroy(): Promise<void> {
    return this.loops.stop();
  }

  private async beginOrFinish(): Promise<boolean> {
    const seconds = await this.database.bookkeeping((rows) => this.rescoring.finishRun(rows));
    if (seconds !== null) {
      this.metrics.runDone(seconds);
      this.logger.log({ msg: 'every grant was rescored', seconds });
      await this.countBands();
    }
    const interval = this.config.get('rescoreIntervalSeconds', { infer: true });
    await this.database.bookkeeping(async (rows) => {
      if (!(await this.rescoring.runIsDue(rows, interval))) return;
      await this.peers.lock(rows);
      await this.peers.countAll(rows);
      await this.rescoring.begin(rows, RANGE_SIZE);
    });
    return false;
  }

  private async scoreRange(): Promise<boolean> {
    const begun = performance.now();
    const scored = await this.database.bookkeeping(async (rows) => {
      const range = await this.rescoring.takeRange(rows);
      if (!range) return null;
      const count = await this.scoring.bringUpToDate(rows, range, 'schedule');
      await this.rescoring.finishRange(rows, range);
      return count;
    });
    if (scored === null) return false;
    this.metrics.rangeDone((performance.now() - begun) / 1000);
    return true;
  }

  private async countBands(): Promise<boolean> {
    this.metrics.countedBands(await this.database.bookkeeping((rows) => this.scores.byBand(rows)));
    return false;
  }
}
