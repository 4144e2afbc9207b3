import { inParallel } from '../bounded-concurrency.js';
import type { GatewayClient } from '../gateway.client.js';
import type { WantedState } from '../wanted-state.js';

const CONCURRENCY = 8;

/**
 * Sets `usageTrackedSince` of every table that has none to the first observation of its use, and never moves one that is there. Where use
 * cannot be seen (null) it is taken away: what nobody observes must not look unused. Tables of databases that were not read stay as they
 * are. Answers how many assets were changed.
 *
 * @throws GatewayError, RefusedError
 */
export async function followTracking(
  gateway: GatewayClient,
  wanted: WantedState,
  observedAt: Date | null,
  signal: AbortSignal,
): Promise<number> {
  const tables = await gateway.tables();
  const changed = tables.filter(
    ({ externalId, status, usageTrackedSince }) =>
      status === 'active' && externalId !== null && wanted.assets.has(externalId) && (usageTrackedSince === null) !== (observedAt === null),
  );
  let marked = 0;
  await inParallel(changed, CONCURRENCY, signal, async ({ id, version }) => {
    await gateway.updateAsset(id, version, { usageTrackedSince: observedAt?.toISOString() ?? null });
    marked += 1;
  });
  signal.throwIfAborted();
  return marked;
}
