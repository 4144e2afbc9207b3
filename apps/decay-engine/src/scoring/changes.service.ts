import { Database } from '#libs/database/database.js';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Loops } from '../loops.js';
import { PeersRepository } from './peers.repository.js';
import { type QueuedChange, RescoringRepository } from './rescoring.repository.js';
import type { Rows } from './scores.repository.js';
import { ScoringService } from './scoring.service.js';

const POLL_MS = 250;
const CHANGES_AT_ONCE = 2_000;

/**
 * Follows what is no use and still moves scores: a new grant, one that has ended, an asset's sensitivity or tracking, who is in a department.
 * Colleagues' rarity follows with the next scheduled run.
 */
@Injectable()
export class ChangesService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly loops = new Loops('the queue of changes');
  private expiredUpTo: Date | null = null;

  constructor(
    private readonly database: Database,
    private readonly rescoring: RescoringRepository,
    private readonly peers: PeersRepository,
    private readonly scoring: ScoringService,
  ) {}

  onApplicationBootstrap(): void {
    this.loops.start(POLL_MS, () => this.follow());
  }

  onModuleDestroy(): Promise<void> {
    return this.loops.stop();
  }

  /** Answers whether there may be more. One engine at a time: it is little work, and counts what others would count as well. */
  private follow(): Promise<boolean> {
    return this.database.bookkeeping(async (rows) => {
      if (!(await this.peers.tryLock(rows))) return false;
      const expiredUpTo = await this.rescoring.queueExpired(rows, this.expiredUpTo);
      const changes = await this.rescoring.takeChanges(rows, CHANGES_AT_ONCE);
      await this.bringUpToDate(rows, changes);
      this.expiredUpTo = expiredUpTo;
      return changes.length === CHANGES_AT_ONCE;
    });
  }

  private async bringUpToDate(rows: Rows, changes: readonly QueuedChange[]): Promise<void> {
    const subjects = (kind: QueuedChange['kind']): string[] => [
      ...new Set(changes.filter((change) => change.kind === kind).map(({ subjectId }) => subjectId)),
    ];
    const [grants, assets, principals] = [subjects('grant'), subjects('asset'), subjects('principal')];
    if (assets.length > 0) await this.rescoring.queueGrantsOf(rows, assets);
    const held = principals.length > 0 ? await this.rescoring.heldBy(rows, principals) : [];
    const departments = present([...changes, ...held].map(({ department }) => department));
    const touched = grants.length > 0 ? await this.rescoring.assetsOfGrants(rows, grants) : [];
    await this.peers.count(rows, departments, present([...touched, ...held].map(({ assetId }) => assetId)));
    const ids = present([...grants, ...held.map(({ grantId }) => grantId)]);
    if (ids.length > 0) await this.scoring.bringUpToDate(rows, { ids }, 'change');
  }
}

function present(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))];
}
