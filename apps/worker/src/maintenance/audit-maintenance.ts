import type { AuditLog } from '#libs/clickhouse/audit-log.js';
import type { Database } from '#libs/database/database.js';
import { CHECKPOINT_EVENTS, type ChainStore, HeadMoved, insertCheckpoint } from '#libs/events/chain-store.js';
import { eventHash } from '#libs/events/chain.js';
import { KeySet, type SigningKey } from '#libs/events/chain-keys.js';
import { type ChainVerification, verifyChain } from '#libs/events/chain-verification.js';
import sql from 'sql-template-tag';

const BATCH = 5_000;

/**
 * Restores the whole audit log in ClickHouse from the events that PostgreSQL retains, and verifies it. May be run while everything runs, and
 * again where it was cut off: events that are there already collapse.
 */
export async function rebuildAuditLog(chain: ChainStore, log: AuditLog, progress: (sequence: number) => void): Promise<ChainVerification> {
  const { base, sequence: head } = await chain.state();
  await log.prepare();
  for (let last = base.sequence; last < head;) {
    const events = await chain.eventsAfter(last, BATCH);
    const end = events.at(-1);
    if (!end) break;
    // What was deleted from the log is still among the blocks that ClickHouse remembers, and would be left out as a repetition.
    await log.insert(events, { again: true });
    last = end.sequence;
    progress(last);
  }
  const completeTo = await log.contiguousTo(base.sequence);
  await chain.setCompleteTo(completeTo);
  const keys = new KeySet(await chain.keys());
  const checkpoints = await chain.checkpoints(base.sequence, completeTo, Number.MAX_SAFE_INTEGER);
  const range = { from: base.sequence + 1, to: head, prevHash: base.hash, checkpointEvery: CHECKPOINT_EVENTS };
  return verifyChain(log.range(range.from, head), checkpoints, keys, range);
}

/**
 * After PostgreSQL was restored from a backup: takes the events that the log has and PostgreSQL has lost back from ClickHouse, so that the chain
 * goes on unbroken, and signs the checkpoints that went with them anew. Answers how many; nothing is written where one does not follow on the
 * other.
 *
 * @throws Error where the log does not go on from PostgreSQL's last event, or a relay is at work meanwhile
 */
export async function adoptAuditLog(database: Database, chain: ChainStore, log: AuditLog, key: SigningKey): Promise<number> {
  const state = await chain.state();
  const last = await log.lastSequence();
  let { sequence, hash } = { sequence: state.sequence, hash: state.hash };
  await chain.registerKey(key, new Date());
  return database.bookkeeping(async (rows) => {
    for await (const event of log.range(state.sequence + 1, last)) {
      const follows = event.sequence === sequence + 1 && event.prevHash === hash && eventHash(hash, event.canonical) === event.hash;
      if (!follows)
        throw new Error(`Event ${event.sequence} of the log does not follow on event ${sequence} of PostgreSQL: nothing was taken back.`);
      const { id, time } = JSON.parse(event.canonical) as { id: string; time: string };
      await rows(
        sql`INSERT INTO events (id, time, payload, sequence, prev_hash, hash, canonical)
          VALUES (${id}, ${time}, ${event.canonical}::jsonb - 'sequence', ${event.sequence}, ${event.prevHash}, ${event.hash}, ${event.canonical})
          ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, prev_hash = excluded.prev_hash, hash = excluded.hash, canonical = excluded.canonical
            WHERE events.sequence IS NULL`,
      );
      ({ sequence, hash } = event);
      if (sequence % CHECKPOINT_EVENTS === 0) await rows(insertCheckpoint(key.sign({ sequence, hash }, new Date())));
    }
    const moved = await rows(
      sql`UPDATE chain_head SET sequence = ${sequence}, hash = ${hash}
        WHERE sequence = ${state.sequence} AND hash = ${state.hash} RETURNING sequence`,
    );
    if (moved.length !== 1) throw new HeadMoved();
    return sequence - state.sequence;
  });
}
