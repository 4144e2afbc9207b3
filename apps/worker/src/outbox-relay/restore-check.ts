import type { AuditLog } from '#libs/clickhouse/audit-log.js';
import type { ChainStore } from '#libs/events/chain-store.js';

/** Thrown where PostgreSQL is behind what it has already given out: it was restored from a backup. Going on would fork the chain. */
export class ChainBehind extends Error {}

const HOW_TO_GO_ON =
  'If a newer backup exists, restore that one. If what came after the backup is lost for good, run `npm run audit:adopt`: it takes the missing events of ' +
  'the log back from ClickHouse into PostgreSQL, so that the chain goes on unbroken; the changes they tell of stay lost and are to be made again.';

/**
 * That the chain may be extended: nothing that was given out is ahead of its head, and the log holds the head's own hash.
 *
 * @throws ChainBehind, saying what is ahead and how to go on; Error where ClickHouse cannot be asked
 */
export async function assertNotRestored(chain: ChainStore, log: AuditLog): Promise<void> {
  const head = await chain.state();
  const checkpoint = await chain.lastCheckpoint();
  if (checkpoint > head.sequence) {
    throw new ChainBehind(`The chain ends at event ${head.sequence}, but a checkpoint has signed event ${checkpoint}. ${HOW_TO_GO_ON}`);
  }
  await log.prepare();
  const logged = await log.lastSequence();
  if (logged > head.sequence) {
    throw new ChainBehind(
      `The chain ends at event ${head.sequence}, but the audit log in ClickHouse holds event ${logged}. ${HOW_TO_GO_ON}`,
    );
  }
  const hashes = head.sequence > head.base.sequence ? await log.hashesOf(head.sequence) : [];
  if (hashes.length > 0 && !hashes.includes(head.hash)) {
    throw new ChainBehind(
      `Event ${head.sequence} of the chain is another than event ${head.sequence} of the audit log in ClickHouse. ${HOW_TO_GO_ON}`,
    );
  }
}
