import { Database } from '#libs/database/database.js';
import { ScoreHistory } from '#libs/scoring/score-history.js';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { EngineMetrics } from '../engine-metrics.js';
import { Loops } from '../loops.js';
import { HistoryOutboxRepository } from './history-outbox.repository.js';

/** ClickHouse wants few large inserts. */
const POLL_MS = 1_000;
const BATCH = 20_000;
/** While ClickHouse is away, what is tried is little: a full batch read for nothing every second is a load of its own. */
const TRIAL_BATCH = 10;

/** Carries the history to ClickHouse. While that is away it waits in PostgreSQL; what is carried twice after a crash is seen once. */
@Injectable()
export class HistoryService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loops = new Loops('the score history');
  private batch = BATCH;

  constructor(
    private readonly database: Database,
    private readonly outbox: HistoryOutboxRepository,
    private readonly history: ScoreHistory,
    metrics: EngineMetrics,
  ) {
    metrics.watch('score_history_waiting', 'Scores on their way to the history in ClickHouse.', () =>
      database.bookkeeping((rows) => outbox.waiting(rows)),
    );
  }

  onApplicationBootstrap(): void {
    this.loops.start(POLL_MS, () => this.carry());
  }

  onModuleDestroy(): Promise<void> {
    return this.loops.stop();
  }

  private async carry(): Promise<boolean> {
    const limit = this.batch;
    this.batch = TRIAL_BATCH;
    const carried = await this.database.bookkeeping(async (rows) => {
      if (!(await this.outbox.tryLock(rows))) return 0;
      const waiting = await this.outbox.read(rows, limit);
      if (waiting.length === 0) return 0;
      await this.history.insert(waiting);
      await this.outbox.remove(
        rows,
        waiting.map(({ id }) => id),
      );
      return waiting.length;
    });
    this.batch = BATCH;
    return carried === limit;
  }
}
