import { Database } from '#libs/database/database.js';
import { ScoreHistory } from '#libs/scoring/score-history.js';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { EngineMetrics } from '../engine-metrics.js';
import { Loops } from '../loops.js';
import { HistoryOutboxRepository } from './history-outbox.repository.js';

/** ClickHouse wants few large inserts. */
const POLL_MS = 1_000;
const BATCH = 20_000;

/** Carries the history to ClickHouse. While that is away it waits in PostgreSQL; what is carried twice after a crash is seen once. */
@Injectable()
export class HistoryService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loops = new Loops('the score history');

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
    return this.database.bookkeeping(async (rows) => {
      if (!(await this.outbox.tryLock(rows))) return false;
      const waiting = await this.outbox.read(rows, BATCH);
      if (waiting.length === 0) return false;
      await this.history.insert(waiting);
      await this.outbox.remove(
        rows,
        waiting.map(({ id }) => id),
      );
      return waiting.length === BATCH;
    });
  }
}
